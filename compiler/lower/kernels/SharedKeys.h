// SharedKeys.h - which positions of a batch have their keys and values in common, as the query heads of a group have.
#pragma once

#include "dialect/HeedOps.h"

namespace heed::kernels {

/// Along batch index `memberDim`, each `members` neighbours have the same keys and values, and the domain does not tell them
/// apart: they can be rows of one block, for which keys and values are read once.
struct SharedKeys {
  int64_t members = 1;
  unsigned memberDim = 0;

  /// At most `most` of them.
  static SharedKeys of(ir::AttentionOp op, int64_t most);
};

} // namespace heed::kernels
