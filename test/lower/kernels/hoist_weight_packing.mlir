// RUN: heed-opt %s --heed-hoist-weight-packing --canonicalize --cse | FileCheck %s
// Packs of parameters move to a function that runs once; equal packs share memory, packs of inputs stay.

// CHECK: module attributes {heed.prepared_bytes = 9216 : i64
// CHECK: func.func @m(%[[X:.*]]: tensor<32x32xf32>, %{{.*}}: tensor<32x64xf32>, %{{.*}}: tensor<32x10xf32>,
// CHECK-SAME: %[[W:.*]]: tensor<4x32x16xf32> {heed.prepared = 0 : i64}, %[[U:[^:]*]]: tensor<1x16x16xf32> {heed.prepared = 8192 : i64})
// CHECK-NOT: heed.pack ins(%{{.*}} : tensor<32x64xf32>)
// CHECK: heed.pack ins(%[[X]] :
// CHECK: return %[[W]], %[[W]], %[[U]]
// CHECK: func.func @m_prepare(%[[A:.*]]: tensor<32x64xf32>, %[[B:.*]]: tensor<32x10xf32>,
// CHECK-SAME: %[[TO0:.*]]: memref<4x32x16xf32> {heed.prepared = 0 : i64}, %[[TO1:.*]]: memref<1x16x16xf32> {heed.prepared = 8192 : i64})
// CHECK: %[[P0:.*]] = heed.pack ins(%[[A]]
// CHECK: bufferization.materialize_in_destination %[[P0]] in restrict writable %[[TO0]]
// CHECK: tensor.extract_slice %[[B]]
// CHECK: bufferization.materialize_in_destination %{{.*}} in restrict writable %[[TO1]]
module attributes {heed.program = {name = "m", dims = [], inputs = [{name = "x"}], outputs = [], params = [{name = "w"}, {name = "u"}]}} {
  func.func @m(%x: tensor<32x32xf32>, %w: tensor<32x64xf32>, %u: tensor<32x10xf32>)
      -> (tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<1x16x16xf32>, tensor<2x32x16xf32>) {
    %e0 = tensor.empty() : tensor<4x32x16xf32>
    %p0 = heed.pack ins(%w : tensor<32x64xf32>) outs(%e0 : tensor<4x32x16xf32>) -> tensor<4x32x16xf32>
    %p1 = heed.pack ins(%w : tensor<32x64xf32>) outs(%e0 : tensor<4x32x16xf32>) -> tensor<4x32x16xf32>
    %half = tensor.extract_slice %u[16, 0] [16, 10] [1, 1] : tensor<32x10xf32> to tensor<16x10xf32>
    %e1 = tensor.empty() : tensor<1x16x16xf32>
    %p2 = heed.pack ins(%half : tensor<16x10xf32>) outs(%e1 : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
    %e2 = tensor.empty() : tensor<2x32x16xf32>
    %p3 = heed.pack ins(%x : tensor<32x32xf32>) outs(%e2 : tensor<2x32x16xf32>) -> tensor<2x32x16xf32>
    return %p0, %p1, %p2, %p3 : tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<1x16x16xf32>, tensor<2x32x16xf32>
  }
}
