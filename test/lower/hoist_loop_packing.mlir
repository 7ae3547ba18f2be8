// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(heed-hoist-loop-packing))' | FileCheck %s
// A matrix that stays the same is packed once, in front of all loops; one that depends on the step is packed in each.

// CHECK-LABEL: func @steps(
// CHECK: heed.pack ins(%arg1
// CHECK: scf.forall
// CHECK-NOT: heed.pack ins(%arg1
// CHECK: scf.for
// CHECK: tensor.extract_slice
// CHECK-NEXT: heed.pack
func.func @steps(%n: index, %k: tensor<64x32xf32>, %all: tensor<512x32xf32>, %x: tensor<4x64xf32>, %out: tensor<8x4x32xf32>) -> tensor<8x4x32xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.forall (%t) in (8) shared_outs(%o = %out) -> tensor<8x4x32xf32> {
    %from = tensor.extract_slice %o[%t, 0, 0] [1, 4, 32] [1, 1, 1] : tensor<8x4x32xf32> to tensor<4x32xf32>
    %part = scf.for %s = %c0 to %n step %c1 iter_args(%state = %from) -> tensor<4x32xf32> {
      %e = tensor.empty() : tensor<2x64x16xf32>
      %p = heed.pack ins(%k : tensor<64x32xf32>) outs(%e : tensor<2x64x16xf32>) -> tensor<2x64x16xf32>
      %y = heed.matmul ins(%x, %p : tensor<4x64xf32>, tensor<2x64x16xf32>) outs(%state : tensor<4x32xf32>) -> tensor<4x32xf32>
      %slice = tensor.extract_slice %all[%s, 0] [64, 32] [1, 1] : tensor<512x32xf32> to tensor<64x32xf32>
      %p2 = heed.pack ins(%slice : tensor<64x32xf32>) outs(%e : tensor<2x64x16xf32>) -> tensor<2x64x16xf32>
      %z = heed.matmul ins(%x, %p2 : tensor<4x64xf32>, tensor<2x64x16xf32>) outs(%y : tensor<4x32xf32>) -> tensor<4x32xf32>
      scf.yield %z : tensor<4x32xf32>
    }
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %part into %o[%t, 0, 0] [1, 4, 32] [1, 1, 1] : tensor<4x32xf32> into tensor<8x4x32xf32>
    }
  }
  return %r : tensor<8x4x32xf32>
}
