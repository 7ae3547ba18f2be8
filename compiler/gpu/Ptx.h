// Ptx.h - kernels in the LLVM dialect to PTX.
#pragma once

#include "compiler/emit/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"

#include <string>
#include <vector>

namespace heed {

/// The kernels of a module as the driver takes them.
struct Ptx {
  std::string text;
  std::vector<std::string> kernels; ///< entries, in the order of the module
};

/// Translates the gpu.module of `module`; without one there is no text. Errors are reported at the module.
mlir::FailureOr<Ptx> writePtx(mlir::ModuleOp module, Target const &target, unsigned optimise, llvm::LLVMContext &context);

} // namespace heed
