// Lower.h - linalg, scf and heed.attention on tensors to the LLVM dialect with the entry points of the C ABI.
#pragma once

#include "mlir/Pass/PassManager.h"

namespace heed {

/// What the code may use of the machine it is made for.
struct TargetOptions {
  unsigned vectorBits = 256; // of one vector register
  bool fma = true;           // multiply and add with one rounding
};

/// The part of `derived` to code that every kind of target shares: tensors, fused elementwise, to buffers.
void buildBufferPipeline(mlir::OpPassManager &passes);

/// `derived` to `vector`: kernels and loops over vectors, on buffers in one planned workspace.
void buildVectorPipeline(mlir::OpPassManager &passes, TargetOptions const &target);

/// `vector` to `llvm`: nothing but the LLVM dialect, with `<model>_run`, `<model>_workspace` and, if weights are
/// packed,
/// `<model>_prepare`.
void buildLLVMPipeline(mlir::OpPassManager &passes, TargetOptions const &target);

/// The part of that which every kind of target shares: host code, with whatever it calls, to the LLVM dialect.
void buildEntryPipeline(mlir::OpPassManager &passes, TargetOptions const &target);

/// Makes the passes and the pipelines `heed-to-vector` and `heed-to-llvm` known by name.
void registerHeedLowerPasses();

} // namespace heed
