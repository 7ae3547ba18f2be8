// Import.h - checked program to heed dialect: the only place that knows both worlds.
#pragma once

#include "compiler/check/Program.h"
#include "compiler/frontend/Source.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace heed {

/// Writes `program` as a module with one function, named as the model, and the module attribute `heed.program` that
/// describes its interface.
///
/// The function takes one index per dim (for a dim that `until` sets: its maximum), then the inputs, then the params.
/// It returns the outputs, the number of steps of every such dim, and, if there are run-time checks, an i32 status: 0,
/// or 1 + the index of the first check that failed.
///
/// Every read it writes is *total*: in bounds for every value of the indices around it, inside the domain or not.
/// Passes may therefore compute any element early, or compute one that nobody needs.
mlir::OwningOpRef<mlir::ModuleOp> importProgram(mlir::MLIRContext &context, Program const &program,
                                                SourceManager const &sources);

} // namespace heed
