// RUN: heed-opt %s --heed-split-sums --canonicalize --split-input-file | FileCheck %s
// A sum over a joined axis becomes one for each part, if these depend on fewer indices.

// CHECK-DAG: #[[$SHIFT:.*]] = affine_map<(d0) -> (d0 + 16)>
// CHECK-LABEL: func @concat(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<?x16xf32>, %[[K:[a-z0-9]+]]: tensor<?x8xf32>, %[[W:[a-z0-9]+]]: tensor<24x5xf32>
// CHECK: heed.define(%{{.*}}, %{{.*}}) value (%[[I:.*]], %[[J:.*]], %[[O:.*]]) {
// CHECK: %[[A:.*]] = heed.reduce sum(%c16{{.*}}) value (%[[C:.*]]) {
// CHECK-DAG: tensor.extract %[[Q]][%[[I]], %[[C]]]
// CHECK-DAG: tensor.extract %[[W]][%[[C]], %[[O]]]
// CHECK: %[[B:.*]] = heed.reduce sum(%c8{{.*}}) value (%[[C:.*]]) {
// CHECK-DAG: %[[S:.*]] = affine.apply #[[$SHIFT]](%[[C]])
// CHECK-DAG: tensor.extract %[[K]][%[[J]], %[[C]]]
// CHECK-DAG: tensor.extract %[[W]][%[[S]], %[[O]]]
// CHECK: arith.addf %[[A]], %[[B]]
func.func @concat(%n: index, %m: index, %q: tensor<?x16xf32>, %k: tensor<?x8xf32>, %w: tensor<24x5xf32>) -> tensor<?x?x5xf32> {
  %c24 = arith.constant 24 : index
  %joined = heed.define(%n, %m) value (%i, %j, %c) {
    %c16 = arith.constant 16 : index
    %c15 = arith.constant 15 : index
    %c0 = arith.constant 0 : index
    %first = arith.cmpi slt, %c, %c16 : index
    %a = arith.minsi %c, %c15 : index
    %0 = tensor.extract %q[%i, %a] : tensor<?x16xf32>
    %s = affine.apply affine_map<(d0) -> (d0 - 16)>(%c)
    %b = arith.maxsi %s, %c0 : index
    %1 = tensor.extract %k[%j, %b] : tensor<?x8xf32>
    %2 = arith.select %first, %0, %1 : f32
    heed.yield %2 : f32
  } : tensor<?x?x24xf32>
  %r = heed.define(%n, %m) value (%i, %j, %o) {
    %s = heed.reduce sum(%c24) value (%c) {
      %0 = tensor.extract %joined[%i, %j, %c] : tensor<?x?x24xf32>
      %1 = tensor.extract %w[%c, %o] : tensor<24x5xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?x5xf32>
  return %r : tensor<?x?x5xf32>
}

// -----

// Both parts need the same index: one product of the joined tensor costs less than two.
// CHECK-LABEL: func @same_index(
// CHECK-COUNT-1: heed.reduce
// CHECK-NOT: heed.reduce
// CHECK: return
func.func @same_index(%n: index, %q: tensor<?x16xf32>, %k: tensor<?x8xf32>, %w: tensor<24x5xf32>) -> tensor<?x5xf32> {
  %c24 = arith.constant 24 : index
  %joined = heed.define(%n) value (%i, %c) {
    %c16 = arith.constant 16 : index
    %c15 = arith.constant 15 : index
    %c0 = arith.constant 0 : index
    %first = arith.cmpi slt, %c, %c16 : index
    %a = arith.minsi %c, %c15 : index
    %0 = tensor.extract %q[%i, %a] : tensor<?x16xf32>
    %s = affine.apply affine_map<(d0) -> (d0 - 16)>(%c)
    %b = arith.maxsi %s, %c0 : index
    %1 = tensor.extract %k[%i, %b] : tensor<?x8xf32>
    %2 = arith.select %first, %0, %1 : f32
    heed.yield %2 : f32
  } : tensor<?x24xf32>
  %r = heed.define(%n) value (%i, %o) {
    %s = heed.reduce sum(%c24) value (%c) {
      %0 = tensor.extract %joined[%i, %c] : tensor<?x24xf32>
      %1 = tensor.extract %w[%c, %o] : tensor<24x5xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x5xf32>
  return %r : tensor<?x5xf32>
}
