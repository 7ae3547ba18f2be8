// RUN: heed-opt %s --heed-split-axes | FileCheck %s
// An axis used through quotient and remainder becomes two; one that the divisor does not divide stays.

// CHECK-LABEL: func @merge(
// CHECK-SAME: %[[O:.*]]: tensor<8x?x64xf32>, %[[N:.*]]: index
// CHECK: %[[D:.*]] = heed.define(%[[N]]) value (%[[I:.*]], %[[H:.*]], %[[E:.*]]) {
// CHECK-NEXT: tensor.extract %[[O]][%[[H]], %[[I]], %[[E]]]
// CHECK: } : tensor<?x8x64xf32>
// CHECK: tensor.collapse_shape %[[D]] {{\[\[}}0], [1, 2]] : tensor<?x8x64xf32> into tensor<?x512xf32>
func.func @merge(%o: tensor<8x?x64xf32>, %n: index) -> tensor<?x512xf32> {
  %m = heed.define(%n) value (%i, %c) {
    %h = affine.apply affine_map<(c) -> (c floordiv 64)>(%c)
    %d = affine.apply affine_map<(c) -> (c mod 64)>(%c)
    %e = tensor.extract %o[%h, %i, %d] : tensor<8x?x64xf32>
    heed.yield %e : f32
  } : tensor<?x512xf32>
  return %m : tensor<?x512xf32>
}

// CHECK-LABEL: func @uneven(
// CHECK: heed.define() value (%{{.*}}) {
// CHECK-NOT: collapse_shape
func.func @uneven(%o: tensor<4x3xf32>) -> tensor<10xf32> {
  %m = heed.define() value (%c) {
    %h = affine.apply affine_map<(c) -> (c floordiv 3)>(%c)
    %d = affine.apply affine_map<(c) -> (c mod 3)>(%c)
    %e = tensor.extract %o[%h, %d] : tensor<4x3xf32>
    heed.yield %e : f32
  } : tensor<10xf32>
  return %m : tensor<10xf32>
}
