// RUN: heed-opt %s --heed-define-to-linalg --canonicalize --split-input-file | FileCheck %s
// RUN: heed-opt %s --heed-define-to-linalg --linalg-specialize-generic-ops --split-input-file | FileCheck %s --check-prefix=NAMED

// A sum of products of two reads is a contraction that upstream knows.
// CHECK-LABEL: func @matmul(
// CHECK: linalg.fill
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: %[[P:.*]] = arith.mulf
// CHECK: %[[S:.*]] = arith.addf %{{.*}}, %[[P]]
// CHECK: linalg.yield %[[S]]
// NAMED-LABEL: func @matmul(
// NAMED: linalg.matmul
func.func @matmul(%x: tensor<5x8xf32>, %w: tensor<8x4xf32>) -> tensor<5x4xf32> {
  %c8 = arith.constant 8 : index
  %y = heed.define() value (%i, %o) {
    %r = heed.reduce sum(%c8) value (%c) {
      %0 = tensor.extract %x[%i, %c] : tensor<5x8xf32>
      %1 = tensor.extract %w[%c, %o] : tensor<8x4xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

// -----

// The element is replaced before it meets the sum: a NaN behind the mask cannot leak.
// CHECK-LABEL: func @masked_sum(
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: linalg.generic
// CHECK: ^bb0(%[[X:.*]]: f32, %[[SO:.*]]: f32):
// CHECK: %[[P:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK: %[[IN:.*]] = arith.cmpi sle
// CHECK: %[[E:.*]] = arith.select %[[IN]], %[[P]], %[[ZERO]]
// CHECK: arith.addf %[[SO]], %[[E]]
func.func @masked_sum(%x: tensor<5x5xf32>) -> tensor<5xf32> {
  %c5 = arith.constant 5 : index
  %y = heed.define() value (%i) {
    %r = heed.reduce sum(%c5) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %0 = tensor.extract %x[%i, %j] : tensor<5x5xf32>
      %1 = arith.mulf %0, %0 : f32
      heed.yield %1 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<5xf32>
  return %y : tensor<5xf32>
}

// -----

// Split heads are a view; a row chosen outside and a shifted range are slices.
// CHECK-LABEL: func @views(
// CHECK-SAME: %[[X:.*]]: tensor<5x8xf32>, %[[S:.*]]: tensor<?x8xf32>, %[[T:.*]]: index
// CHECK-DAG: tensor.expand_shape %[[X]] {{\[\[}}0], [1, 2]] output_shape [5, 2, 4]
// CHECK-DAG: tensor.extract_slice %[[S]][%[[T]], 4] [1, 4] [1, 1] : tensor<?x8xf32> to tensor<4xf32>
// CHECK: linalg.generic
// CHECK-NOT: tensor.extract
func.func @views(%x: tensor<5x8xf32>, %s: tensor<?x8xf32>, %t: index) -> tensor<2x5x4xf32> {
  %y = heed.define() value (%h, %i, %e) {
    %c = affine.apply affine_map<(h, e) -> (h * 4 + e)>(%h, %e)
    %k = affine.apply affine_map<(e) -> (e + 4)>(%e)
    %0 = tensor.extract %x[%i, %c] : tensor<5x8xf32>
    %1 = tensor.extract %s[%t, %k] : tensor<?x8xf32>
    %2 = arith.addf %0, %1 : f32
    heed.yield %2 : f32
  } : tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// A position that depends on data stays a read in the body.
// CHECK-LABEL: func @gather(
// CHECK-SAME: %[[T:.*]]: tensor<5xi32>, %[[E:.*]]: tensor<10x8xf32>
// CHECK: linalg.generic {{.*}} ins(%[[T]] : tensor<5xi32>)
// CHECK: ^bb0(%[[TOKEN:.*]]: i32, %{{.*}}: f32):
// CHECK: %[[ROW:.*]] = arith.index_cast %[[TOKEN]]
// CHECK: tensor.extract %[[E]][%[[ROW]], %{{.*}}]
func.func @gather(%t: tensor<5xi32>, %e: tensor<10x8xf32>) -> tensor<5x8xf32> {
  %y = heed.define() value (%i, %c) {
    %0 = tensor.extract %t[%i] : tensor<5xi32>
    %1 = arith.index_cast %0 : i32 to index
    %2 = tensor.extract %e[%1, %c] : tensor<10x8xf32>
    heed.yield %2 : f32
  } : tensor<5x8xf32>
  return %y : tensor<5x8xf32>
}

// -----

// A loop that only counts gets an operand that gives its size.
// CHECK-LABEL: func @count(
// CHECK-SAME: %[[N:.*]]: index
// CHECK: %[[SIZE:.*]] = tensor.empty(%[[N]]) : tensor<?xi1>
// CHECK: linalg.generic {{.*}} ins(%[[SIZE]] : tensor<?xi1>)
func.func @count(%n: index) -> tensor<?xindex> {
  %c1 = arith.constant 1 : index
  %y = heed.define(%n) value (%i) {
    %r = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      heed.yield %c1 : index
    } : index
    heed.yield %r : index
  } : tensor<?xindex>
  return %y : tensor<?xindex>
}
