// KeyBounds.h - closed forms for the keys that a block of queries can see.
#pragma once

#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/SmallVector.h"

namespace heed::domain {

/// How a sweep walks over the pairs: query t of a sweep is i = rowOffset + stride * t, its key u is
/// j = keyOffset + stride * u. With stride 1 both offsets are 0.
///
/// The values that bounds are formulas in, as symbols in this order; those of the PairDomain follow, then what
/// `KeyBounds::locals` defines.
enum SweepSymbol : unsigned { RowBegin, RowEnd, RowOffset, KeyOffset, KeyCount, FirstDomainSymbol };

/// A value between the largest of the results of `lower` and the smallest of those of `upper`, both included.
struct Range {
  mlir::AffineMap lower, upper;
};

/// The u in [0, KeyCount) for which some t in [RowBegin, RowEnd) may satisfy all of some conditions: those in `keys`, if
/// all `guards` are >= 0, and none otherwise. Every one that does is inside; where the conditions have no floordiv or mod the
/// bounds are exact but for rounding of coefficients.
struct KeyBounds {
  /// Each adds two symbols, its least and its largest value, which later formulas use.
  llvm::SmallVector<Range> locals;
  llvm::SmallVector<mlir::AffineExpr> guards;
  Range keys;
};

/// `conditions`: expressions in i and j that are >= 0, or == 0 where `equalities` says so, over d0 = i, d1 = j and
/// `symbols` symbols. nullopt: no pair satisfies them, whatever the symbols.
std::optional<KeyBounds> boundKeys(llvm::ArrayRef<mlir::AffineExpr> conditions, llvm::ArrayRef<bool> equalities,
                                   int64_t stride, unsigned symbols, mlir::MLIRContext *context);

} // namespace heed::domain
