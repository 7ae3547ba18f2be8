// Write.h - files that appear whole or not at all.
#pragma once

#include "compiler/pipeline/Session.h"

namespace heed {

/// Writes a temporary file and renames it; on failure a diagnostic says why, and what was there stays.
mlir::LogicalResult write(Session &session, llvm::StringRef path, llvm::StringRef bytes);

} // namespace heed
