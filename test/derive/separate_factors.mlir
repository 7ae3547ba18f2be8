// RUN: heed-opt %s --heed-separate-factors | FileCheck %s
// One side of a matrix product that is more than a read is stored; a sum that is no matrix product is left alone.

// CHECK-LABEL: func @activation(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8x4xf32>
// CHECK: %[[F:.*]] = heed.define(%[[N]]) value (%[[I:.*]], %[[C:.*]]) {
// CHECK: tensor.extract %[[X]][%[[I]], %[[C]]]
// CHECK: math.tanh
// CHECK: } : tensor<?x8xf32>
// CHECK: heed.define(%[[N]]) value (%[[I:.*]], %[[O:.*]]) {
// CHECK: heed.reduce sum(%{{.*}}) value (%[[C:.*]]) {
// CHECK-NOT: math.tanh
// CHECK-DAG: tensor.extract %[[W]][%[[C]], %[[O]]]
// CHECK-DAG: tensor.extract %[[F]][%[[I]], %[[C]]]
// CHECK: arith.mulf
func.func @activation(%n: index, %x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %c8 = arith.constant 8 : index
  %y = heed.define(%n) value (%i, %o) {
    %r = heed.reduce sum(%c8) value (%c) {
      %0 = tensor.extract %x[%i, %c] : tensor<?x8xf32>
      %1 = math.tanh %0 : f32
      %2 = tensor.extract %w[%c, %o] : tensor<8x4xf32>
      %3 = arith.mulf %1, %2 : f32
      heed.yield %3 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// tanh needs i, j and c: storing it would need room for all pairs.
// CHECK-LABEL: func @additive(
// CHECK: heed.define
// CHECK: math.tanh
// CHECK-NOT: heed.define
func.func @additive(%n: index, %m: index, %a: tensor<?x8xf32>, %b: tensor<?x8xf32>, %v: tensor<8xf32>) -> tensor<?x?xf32> {
  %c8 = arith.constant 8 : index
  %y = heed.define(%n, %m) value (%i, %j) {
    %r = heed.reduce sum(%c8) value (%c) {
      %0 = tensor.extract %a[%i, %c] : tensor<?x8xf32>
      %1 = tensor.extract %b[%j, %c] : tensor<?x8xf32>
      %2 = arith.addf %0, %1 : f32
      %3 = math.tanh %2 : f32
      %4 = tensor.extract %v[%c] : tensor<8xf32>
      %5 = arith.mulf %4, %3 : f32
      heed.yield %5 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
