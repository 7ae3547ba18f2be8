// Passes.td - the passes of the kernels.
#ifndef HEED_KERNELS_PASSES_TD
#define HEED_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

class VectorTarget {
  list<Option> targetOptions = [
    Option<"vectorBits", "vector-bits", "unsigned", "256", "Bits of a vector register">,
    Option<"registers", "registers", "unsigned", "16", "Number of vector registers">,
    Option<"fma", "fma", "bool", "true", "Whether the target has fused multiply-add">];
}

def KernelsToVector : Pass<"heed-kernels-to-vector">, VectorTarget {
  let summary = "Lowers heed.pack, heed.matmul and heed.attention on buffers to loops over vectors";
  let description = [{
    Runs after bufferisation. A product keeps a tile of the result in registers (6 x 16 with AVX2, 12 x 32 with AVX-512)
    and multiplies broadcast elements of the left side with rows of a packed panel; rows that do not fill a tile run in a
    lower tile, columns that do not fill a panel are masked in the store. Work is split into `scf.parallel` tasks by sizes
    alone, so results do not depend on the number of threads.

    Refuses, with an error, tensors and panels that do not fit the registers.

    ```mlir
    heed.matmul ins(%a, %p : memref<6x256xf32>, memref<1x256x16xf32>) outs(%c : memref<6x16xf32>)
    ```
    becomes
    ```mlir
    %sums:12 = scf.for %k = %c0 to %c256 step %c1 iter_args(...) -> (vector<8xf32>, ...) {
      %p0 = vector.load %p[%c0, %k, %c0] ...
      %a0 = vector.broadcast %element : f32 to vector<8xf32>
      %s0 = vector.fma %a0, %p0, %sum0 : vector<8xf32>
      ...
    }
    vector.store %sums#0, %c[%c0, %c0] ...
    ```
  }];
  let options = targetOptions;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif
