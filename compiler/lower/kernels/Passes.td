// Passes.td - the passes of the kernels.
#ifndef HEED_KERNELS_PASSES_TD
#define HEED_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

class VectorTarget {
  list<Option> targetOptions = [
    Option<"vectorBits", "vector-bits", "unsigned", "256", "Bits of a vector register">,
    Option<"registers", "registers", "unsigned", "0", "Number of vector registers; 0: as many as x86-64 has">,
    Option<"fma", "fma", "bool", "true", "Whether the target has fused multiply-add">];
}

def PackContractions : Pass<"heed-pack-contractions">, VectorTarget {
  let summary = "Turns contractions of linalg on tensors into heed.pack and heed.matmul";
  let description = [{
    Takes every f32 contraction, named or generic, with any number of batch, row, column and inner dimensions in any order.
    The right side is packed from [k, n] or [n, k] as it lies; a left side or result in another order is transposed.
    A matrix times a vector is a product with one row.

    Leaves alone, with a remark: other element types, fewer than 4 columns, and fewer than 4 rows when the right side is
    no parameter, since packing it in every run would cost more than it saves.

    ```mlir
    %c = linalg.matmul ins(%a, %b : tensor<?x256xf32>, tensor<256x100xf32>) outs(%zeros : tensor<?x100xf32>)
        -> tensor<?x100xf32>
    ```
    becomes
    ```mlir
    %p = heed.pack ins(%b : tensor<256x100xf32>) outs(%empty : tensor<7x256x16xf32>) -> tensor<7x256x16xf32>
    %c = heed.matmul ins(%a, %p : tensor<?x256xf32>, tensor<7x256x16xf32>) outs(%init : tensor<?x100xf32>)
        -> tensor<?x100xf32>
    ```
  }];
  let options = targetOptions;
  let dependentDialects = ["::heed::ir::HeedDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def HoistWeightPacking : Pass<"heed-hoist-weight-packing", "::mlir::ModuleOp"> {
  let summary = "Packs parameters once, in a function of their own";
  let description = [{
    A `heed.pack` whose operand is computed from parameters and constants alone moves to `@<model>_prepare`, together with
    what computes the operand. That function has the parameters as arguments, then a buffer per packed matrix; the model
    receives the same memory as further arguments. Both carry the byte offset in the prepared weights as `heed.prepared`;
    the module's `heed.prepared_bytes` is their size. Equal packs share memory.

    Leaves alone, with a remark, what depends on more than parameters or has no constant shape.

    ```mlir
    func.func @m(%x: tensor<?x256xf32>, %w: tensor<256x100xf32>) -> tensor<?x100xf32> {
      %p = heed.pack ins(%w : tensor<256x100xf32>) outs(%empty : tensor<7x256x16xf32>) -> tensor<7x256x16xf32>
      ...
    }
    ```
    becomes
    ```mlir
    func.func @m(%x: tensor<?x256xf32>, %w: tensor<256x100xf32>, %p: tensor<7x256x16xf32> {heed.prepared = 0 : i64})
    func.func @m_prepare(%w: tensor<256x100xf32>, %to: memref<7x256x16xf32> {heed.prepared = 0 : i64}) {
      %p = heed.pack ins(%w : tensor<256x100xf32>) outs(%empty : tensor<7x256x16xf32>) -> tensor<7x256x16xf32>
      bufferization.materialize_in_destination %p in restrict writable %to
      return
    }
    ```
  }];
  let dependentDialects = ["::heed::ir::HeedDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::func::FuncDialect", "::mlir::tensor::TensorDialect"];
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
