// PairTerms.h - terms of a sum that depend on two sides, each through one value.
#pragma once

#include "compiler/derive/Regions.h"

namespace heed::derive {

enum class Side { Shared, Row, Column };

/// A term computed from one value of the row's side, one of the column's, and values that no side varies. Each of the two is
/// listed as often as it is computed.
struct PairTerm {
  llvm::SmallVector<mlir::Value> query, key;
};

/// Finds the largest parts of `term` (inside `owner`) that depend on one side only; `sideOf` says which side an index belongs to.
/// nullopt if a side has several such parts, or one that is no f32. Without a row, one of the shared parts stands for the query.
std::optional<PairTerm> splitTerm(mlir::Value term, mlir::Operation *owner, bool hasRow,
                                  llvm::function_ref<Side(mlir::Value index)> sideOf);

} // namespace heed::derive
