// Pending.h - stands in for phases that are not in the tree yet; each vanishes as its folder appears.
#pragma once

#include "compiler/check/Program.h"
#include "compiler/frontend/Source.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"

#ifdef HAVE_HEEDIMPORT
#include "compiler/import/Import.h"
#else
namespace heed {
inline mlir::OwningOpRef<mlir::ModuleOp> importProgram(mlir::MLIRContext &, Program const &, SourceManager const &) {
  return {};
}
} // namespace heed
#endif
#ifdef HAVE_HEEDDERIVE
#include "compiler/derive/Derive.h"
#else
namespace heed {
inline void buildDerivePipeline(mlir::OpPassManager &) {}
} // namespace heed
#endif
#ifdef HAVE_HEEDLOWER
#include "compiler/lower/Lower.h"
#else
namespace heed {
struct TargetOptions {
  unsigned vectorBits = 256;
  bool fma = true;
};
inline void buildVectorPipeline(mlir::OpPassManager &, TargetOptions const &) {}
inline void buildLLVMPipeline(mlir::OpPassManager &, TargetOptions const &) {}
} // namespace heed
#endif
