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
    func.func @f(%a: tensor<12x256xf32>, %b: tensor<256x100xf32>) -> tensor<12x100xf32> {
      %zero = arith.constant 0.0 : f32
      %to = tensor.empty() : tensor<12x100xf32>
      %zeros = linalg.fill ins(%zero : f32) outs(%to : tensor<12x100xf32>) -> tensor<12x100xf32>
      %c = linalg.matmul ins(%a, %b : tensor<12x256xf32>, tensor<256x100xf32>) outs(%zeros : tensor<12x100xf32>) -> tensor<12x100xf32>
      return %c : tensor<12x100xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: tensor<12x256xf32>, %arg1: tensor<256x100xf32>) -> tensor<12x100xf32> {
      %0 = tensor.empty() : tensor<12x100xf32>
      %1 = tensor.empty() : tensor<7x256x16xf32>
      %2 = heed.pack ins(%arg1 : tensor<256x100xf32>) outs(%1 : tensor<7x256x16xf32>) -> tensor<7x256x16xf32>
      %3 = heed.matmul ins(%arg0, %2 : tensor<12x256xf32>, tensor<7x256x16xf32>) outs(%0 : tensor<12x100xf32>) -> tensor<12x100xf32>
      return %3 : tensor<12x100xf32>
    }
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
    module attributes {heed.program = {name = "m", dims = [], inputs = [{name = "x"} ], outputs = [], params = [{name = "w"} ]}} {
      func.func @m(%x: tensor<4x32xf32>, %w: tensor<32x64xf32>, %y: tensor<4x64xf32>) -> tensor<4x64xf32> {
        %to = tensor.empty() : tensor<4x32x16xf32>
        %p = heed.pack ins(%w : tensor<32x64xf32>) outs(%to : tensor<4x32x16xf32>) -> tensor<4x32x16xf32>
        %c = heed.matmul ins(%x, %p : tensor<4x32xf32>, tensor<4x32x16xf32>) outs(%y : tensor<4x64xf32>) -> tensor<4x64xf32>
        return %c : tensor<4x64xf32>
      }
    }
    ```
    becomes
    ```mlir
    module attributes {heed.prepared_bytes = 8192 : i64, heed.program = ...
      func.func @m(%arg0: tensor<4x32xf32>, %arg1: tensor<32x64xf32>, %arg2: tensor<4x64xf32>, %arg3: tensor<4x32x16xf32> {heed.prepared = 0 : i64}) -> tensor<4x64xf32> {
        %0 = heed.matmul ins(%arg0, %arg3 : tensor<4x32xf32>, tensor<4x32x16xf32>) outs(%arg2 : tensor<4x64xf32>) -> tensor<4x64xf32>
        return %0 : tensor<4x64xf32>
      }
      func.func @m_prepare(%arg0: tensor<32x64xf32>, %arg1: memref<4x32x16xf32> {heed.prepared = 0 : i64}) {
        %0 = tensor.empty() : tensor<4x32x16xf32>
        %1 = heed.pack ins(%arg0 : tensor<32x64xf32>) outs(%0 : tensor<4x32x16xf32>) -> tensor<4x32x16xf32>
        bufferization.materialize_in_destination %1 in restrict writable %arg1 : (tensor<4x32x16xf32>, memref<4x32x16xf32>) -> ()
        return
      }
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
    func.func @f(%a: memref<1x256xf32>, %p: memref<1x256x16xf32>, %c: memref<1x16xf32>) {
      heed.matmul ins(%a, %p : memref<1x256xf32>, memref<1x256x16xf32>) outs(%c : memref<1x16xf32>)
      return
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: memref<1x256xf32>, %arg1: memref<1x256x16xf32>, %arg2: memref<1x16xf32>) {
      %c1 = arith.constant 1 : index
      %c256 = arith.constant 256 : index
      %c0 = arith.constant 0 : index
      %c8 = arith.constant 8 : index
      %cst = arith.constant dense<0.000000e+00> : vector<8xf32>
      %0:2 = scf.for %arg3 = %c0 to %c256 step %c1 iter_args(%arg4 = %cst, %arg5 = %cst) -> (vector<8xf32>, vector<8xf32>) {
        %1 = vector.load %arg1[%c0, %arg3, %c0] : memref<1x256x16xf32>, vector<8xf32>
        %2 = vector.load %arg1[%c0, %arg3, %c8] : memref<1x256x16xf32>, vector<8xf32>
        %3 = memref.load %arg0[%c0, %arg3] : memref<1x256xf32>
        %4 = vector.broadcast %3 : f32 to vector<8xf32>
        %5 = vector.fma %4, %1, %arg4 : vector<8xf32>
        %6 = vector.fma %4, %2, %arg5 : vector<8xf32>
        scf.yield %5, %6 : vector<8xf32>, vector<8xf32>
      }
      vector.store %0#0, %arg2[%c0, %c0] : memref<1x16xf32>, vector<8xf32>
      vector.store %0#1, %arg2[%c0, %c8] : memref<1x16xf32>, vector<8xf32>
      return
    }
    ```
  }];
  let options = targetOptions;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif
