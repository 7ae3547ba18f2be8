// Object.h - LLVM dialect to LLVM IR to machine code.
#pragma once

#include "compiler/emit/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"

namespace heed {

/// The symbols of one target's entry points, as the descriptor refers to them. `prepared` 0: there is no prepare
/// function.
struct EntryPoints {
  std::string run, prepare, workspace;
  int64_t preparedBytes = 0;
  int isa = 0;
  /// The kernels that the code launches, for a target with a device.
  std::optional<Target::Device> device;
  std::string ptx;
  std::vector<std::string> kernels;
};

/// What a module name, symbol prefix and optimisation level make of the code.
struct ObjectOptions {
  std::string prefix;    // of every exported symbol
  unsigned optimise = 3; // 0 ... 3
};

/// Translates a module in LLVM dialect, gives its entry points their names for `target` (hidden; everything else
/// internal) and optimises it. Errors are reported at the operation.
mlir::FailureOr<std::unique_ptr<llvm::Module>> translateAndOptimise(mlir::ModuleOp module, llvm::StringRef modelName,
                                                                    Target const &target, ObjectOptions const &options,
                                                                    llvm::LLVMContext &context,
                                                                    EntryPoints &entryPoints);

/// Runs LLVM's pipeline of a level, 0 to 3.
void optimise(llvm::Module &module, llvm::TargetMachine &machine, unsigned level);

/// Writes `module` as assembly or as an object. Functions carry their target's features, so one module may hold several
/// targets.
llvm::Error writeMachineCode(llvm::Module &module, Target const &target, unsigned optimise, bool assembly,
                             llvm::raw_pwrite_stream &stream);

} // namespace heed
