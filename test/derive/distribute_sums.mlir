// RUN: heed-opt %s --heed-distribute-sums --split-input-file | FileCheck %s
// A sum whose weights are a difference of softmaxes becomes a difference of sums.

// CHECK-LABEL: func @difference(
// CHECK-SAME: %[[N:.*]]: index, %[[S:.*]]: tensor<?x?xf32>, %[[L:.*]]: tensor<f32>, %[[V:.*]]: tensor<?x8xf32>
// CHECK: %[[W1:.*]] = heed.softmax
// CHECK: %[[W2:.*]] = heed.softmax
// CHECK: %[[A:.*]] = heed.define(%[[N]]) value (%[[I:.*]], %{{.*}}) {
// CHECK: heed.reduce sum(%[[N]]) value (%[[J:.*]]) {
// CHECK-NOT: %[[W2]]
// CHECK: tensor.extract %[[W1]][%[[I]], %[[J]]]
// CHECK-NOT: %[[W2]]
// CHECK: %[[B:.*]] = heed.define(%[[N]]) value
// CHECK: heed.reduce
// CHECK-NOT: %[[W1]]
// CHECK-DAG: tensor.extract %[[W2]]
// CHECK-DAG: tensor.extract %[[L]][]
// CHECK-NOT: %[[W1]]
// CHECK: heed.define(%[[N]]) value (%[[I:.*]], %[[E:.*]]) {
// CHECK: %[[X:.*]] = tensor.extract %[[A]][%[[I]], %[[E]]]
// CHECK: %[[Y:.*]] = tensor.extract %[[B]][%[[I]], %[[E]]]
// CHECK: arith.subf %[[X]], %[[Y]]
func.func @difference(%n: index, %s: tensor<?x?xf32>, %l: tensor<f32>, %v: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w1 = heed.softmax axis = 1(%n, %n) value (%i, %j) {
    %0 = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    heed.yield %0 : f32
  } : tensor<?x?xf32>
  %w2 = heed.softmax axis = 1(%n, %n) value (%i, %j) {
    %0 = tensor.extract %s[%j, %i] : tensor<?x?xf32>
    heed.yield %0 : f32
  } : tensor<?x?xf32>
  %w = heed.define(%n, %n) value (%i, %j) {
    %0 = tensor.extract %w1[%i, %j] : tensor<?x?xf32>
    %1 = tensor.extract %l[] : tensor<f32>
    %2 = tensor.extract %w2[%i, %j] : tensor<?x?xf32>
    %3 = arith.mulf %1, %2 : f32
    %4 = arith.subf %0, %3 : f32
    heed.yield %4 : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i, %e) {
    %r = heed.reduce sum(%n) value (%j) {
      %0 = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      %1 = tensor.extract %v[%j, %e] : tensor<?x8xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

// Without softmax weights among the terms one sum is cheaper than two.
// CHECK-LABEL: func @no_weights(
// CHECK-COUNT-1: heed.reduce
// CHECK-NOT: heed.reduce
// CHECK: return
func.func @no_weights(%n: index, %s: tensor<?x?xf32>, %v: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %o = heed.define(%n) value (%i, %e) {
    %r = heed.reduce sum(%n) value (%j) {
      %0 = tensor.extract %s[%i, %j] : tensor<?x?xf32>
      %1 = tensor.extract %s[%j, %i] : tensor<?x?xf32>
      %2 = arith.subf %0, %1 : f32
      %3 = tensor.extract %v[%j, %e] : tensor<?x8xf32>
      %4 = arith.mulf %2, %3 : f32
      heed.yield %4 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}
