// RUN: heed-opt %s --heed-kernels-to-vector --split-input-file --verify-diagnostics
// Kernels are lowered on buffers, and panels must fit the registers.

func.func @tensors(%a: tensor<6x8xf32>, %p: tensor<1x8x16xf32>, %c: tensor<6x16xf32>) -> tensor<6x16xf32> {
  // expected-error @below {{expected buffers: kernels are lowered after bufferisation}}
  %r = heed.matmul ins(%a, %p : tensor<6x8xf32>, tensor<1x8x16xf32>) outs(%c : tensor<6x16xf32>) -> tensor<6x16xf32>
  return %r : tensor<6x16xf32>
}

// -----

func.func @wide(%a: memref<6x8xf32>, %p: memref<1x8x512xf32>, %c: memref<6x512xf32>) {
  // expected-error @below {{panels of width 512 do not fit the registers of the target}}
  heed.matmul ins(%a, %p : memref<6x8xf32>, memref<1x8x512xf32>) outs(%c : memref<6x512xf32>)
  return
}
