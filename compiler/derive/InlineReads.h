// InlineReads.h - definitions computed where they are read.
#pragma once

#include "compiler/derive/Regions.h"

namespace heed::derive {

/// Computes definitions without reductions where `region` reads them, and in turn what these read, if `wanted` says so of the
/// definition and the indices inside `top` that it is read by. A definition that nothing reads any more goes.
void inlineReads(mlir::Region &region, mlir::Operation *top,
                 llvm::function_ref<bool(heed::ir::DefineOp, IndexSet const &)> wanted);

} // namespace heed::derive
