// RUN: heed-opt %s --heed-fold-index-maps --split-input-file | FileCheck %s
// Rearrangements with linear subscripts are read through; others are stored.

// CHECK-DAG: #[[$SPLIT:.*]] = affine_map<(d0, d1) -> (d0 * 64 + d1)>
// CHECK-LABEL: func @split(
// CHECK-SAME: %[[X:.*]]: tensor<?x512xf32>
// CHECK: heed.define(%{{.*}}) value (%[[A:.*]], %[[B:.*]], %[[C:.*]]) {
// CHECK-NEXT: %[[S:.*]] = affine.apply #[[$SPLIT]](%[[B]], %[[C]])
// CHECK-NEXT: tensor.extract %[[X]][%[[A]], %[[S]]]
// CHECK-NOT: heed.define
func.func @split(%x: tensor<?x512xf32>, %n: index) -> tensor<?x8x64xf32> {
  %q = heed.define(%n) value (%h, %i, %c) {
    %s = affine.apply affine_map<(h, c) -> (h * 64 + c)>(%h, %c)
    %e = tensor.extract %x[%i, %s] : tensor<?x512xf32>
    heed.yield %e : f32
  } : tensor<8x?x64xf32>
  %r = heed.define(%n) value (%a, %b, %c) {
    %e = tensor.extract %q[%b, %a, %c] : tensor<8x?x64xf32>
    %f = arith.negf %e : f32
    heed.yield %f : f32
  } : tensor<?x8x64xf32>
  return %r : tensor<?x8x64xf32>
}

// -----

// CHECK-LABEL: func @merge(
// CHECK: %[[M:.*]] = heed.define
// CHECK: heed.define
// CHECK: tensor.extract %[[M]][
func.func @merge(%o: tensor<8x?x64xf32>, %n: index) -> tensor<?x512xf32> {
  %m = heed.define(%n) value (%i, %c) {
    %h = affine.apply affine_map<(c) -> (c floordiv 64)>(%c)
    %d = affine.apply affine_map<(c) -> (c mod 64)>(%c)
    %e = tensor.extract %o[%h, %i, %d] : tensor<8x?x64xf32>
    heed.yield %e : f32
  } : tensor<?x512xf32>
  %r = heed.define(%n) value (%i, %c) {
    %e = tensor.extract %m[%i, %c] : tensor<?x512xf32>
    %f = arith.negf %e : f32
    heed.yield %f : f32
  } : tensor<?x512xf32>
  return %r : tensor<?x512xf32>
}

// -----

// What is returned is stored even when its readers read through it.
// CHECK-LABEL: func @returned(
// CHECK-SAME: %[[X:.*]]: tensor<4x5xf32>
// CHECK: %[[T:.*]] = heed.define
// CHECK: heed.define
// CHECK: tensor.extract %[[X]][
// CHECK: return %{{.*}}, %[[T]]
func.func @returned(%x: tensor<4x5xf32>) -> (tensor<5x4xf32>, tensor<5x4xf32>) {
  %t = heed.define() value (%i, %j) {
    %e = tensor.extract %x[%j, %i] : tensor<4x5xf32>
    heed.yield %e : f32
  } : tensor<5x4xf32>
  %r = heed.define() value (%i, %j) {
    %e = tensor.extract %t[%i, %j] : tensor<5x4xf32>
    %f = arith.negf %e : f32
    heed.yield %f : f32
  } : tensor<5x4xf32>
  return %r, %t : tensor<5x4xf32>, tensor<5x4xf32>
}
