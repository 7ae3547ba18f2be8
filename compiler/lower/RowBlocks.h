// RowBlocks.h - runs a chain for a few rows at a time.
#pragma once

#include "compiler/lower/RowChain.h"

namespace heed {

/// Replaces a chain by a loop over blocks of `rows` rows, dealt out to at most `tasks` parallel tasks. All blocks have the same height, so
/// that their memory can be planned: the last one of a task begins early enough, and computes some rows again. Sums over the rows are
/// made per task and then combined; their order depends on sizes alone. Gives the body of the loop.
mlir::Block *runByBlocks(RowChain const &chain, int64_t rows, int64_t tasks);

} // namespace heed
