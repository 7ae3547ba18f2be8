// RowSum.h - an operation that combines all rows of what it reads.
#pragma once

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace heed {

/// A sum, a maximum or a minimum over a dimension, whose parts can be computed apart and combined afterwards.
struct RowSum {
  mlir::Operation *combiner; ///< in the body, of the accumulator and what is added to it
  mlir::Value term; ///< what is added to the accumulator
  mlir::TypedAttr neutral; ///< changes no accumulator
  bool isProduct; ///< of two matrices
  /// Whether an element that is counted twice changes nothing.
  bool isIdempotent() const;

  /// Nothing if `op` does not combine along `dim`, or in another way.
  static std::optional<RowSum> match(mlir::linalg::LinalgOp op, unsigned dim);
};

} // namespace heed
