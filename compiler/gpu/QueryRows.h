// QueryRows.h - which queries of an attention are the rows of a block.
#pragma once

#include "compiler/lower/kernels/SharedKeys.h"

namespace heed::device {

/// Row r of a block is query r / members for member r % members of those that share their keys. Tiles of keys and values are
/// loaded once for all of them.
struct QueryRows {
  static constexpr int64_t most = 64, step = 16;
  kernels::SharedKeys shared;
  int64_t queries; ///< of a block
  int64_t rows;    ///< in whole steps, up to `most`
  bool areAll;     ///< the queries of a block are all there are, at all sizes

  static QueryRows of(ir::AttentionOp op);
  /// The most that a size of the operation can be, if known.
  static std::optional<int64_t> mostOf(ir::AttentionOp op, unsigned axis);
};

} // namespace heed::device
