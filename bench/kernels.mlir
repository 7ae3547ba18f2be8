// kernels.mlir - the products and attentions that kernels.c times: one thread, no entry points.
func.func @product_384(%a: memref<?x384xf32>, %p: memref<24x384x16xf32>, %c: memref<?x384xf32>) attributes {llvm.emit_c_interface} {
  heed.matmul ins(%a, %p : memref<?x384xf32>, memref<24x384x16xf32>) outs(%c : memref<?x384xf32>)
  return
}
func.func @product_1536(%a: memref<?x1536xf32>, %p: memref<24x1536x16xf32>, %c: memref<?x384xf32>) attributes {llvm.emit_c_interface} {
  heed.matmul ins(%a, %p : memref<?x1536xf32>, memref<24x1536x16xf32>) outs(%c : memref<?x384xf32>)
  return
}
func.func @row(%a: memref<256xf32>, %p: memref<48x256x16xf32>, %c: memref<768xf32>) attributes {llvm.emit_c_interface} {
  heed.matmul ins(%a, %p : memref<256xf32>, memref<48x256x16xf32>) outs(%c : memref<768xf32>)
  return
}
func.func @dense(%q: memref<?x64xf32>, %k: memref<?x64xf32>, %v: memref<?x64xf32>, %o: memref<?x64xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %scale = arith.constant 0.125 : f32
  %n = memref.dim %q, %c0 : memref<?x64xf32>
  heed.attention(%n, %n, %c64, %c64) ins(%q, %k, %v : memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>) outs(%o : memref<?x64xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      score (%i, %j, %dot: f32) {
        %s = arith.mulf %dot, %scale : f32
        heed.yield %s : f32
      }
  return
}
func.func @causal(%q: memref<?x64xf32>, %k: memref<?x64xf32>, %v: memref<?x64xf32>, %o: memref<?x64xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %scale = arith.constant 0.125 : f32
  %n = memref.dim %q, %c0 : memref<?x64xf32>
  heed.attention(%n, %n, %c64, %c64) ins(%q, %k, %v : memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>) outs(%o : memref<?x64xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %in = arith.cmpi sle, %j, %i : index
        heed.yield %in : i1
      } score (%i, %j, %dot: f32) {
        %s = arith.mulf %dot, %scale : f32
        heed.yield %s : f32
      }
  return
}
