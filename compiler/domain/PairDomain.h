// PairDomain.h - the domain of an attention as a union of conjunctions, whatever way the predicate was written.
#pragma once

#include "dialect/HeedOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AffineExpr.h"

namespace heed::domain {

/// Which of the two indices a value of the domain region depends on.
struct Dependence {
  bool row = false, column = false;
};

/// One condition: `expr >= 0` or `expr == 0` over d0 = i, d1 = j and the symbols of the domain, or else the value
/// `opaque` of the region, which reads data or is not affine.
struct Atom {
  mlir::AffineExpr expr;
  bool equality = false;
  mlir::Value opaque;
  bool negated = false; ///< of an opaque one
  Dependence on;
  /// An opaque comparison `row predicate column` of something of the query with something of the key, negation included;
  /// null values otherwise. `row` changes at most every `granule` queries.
  mlir::Value row, column;
  mlir::arith::CmpIPredicate predicate = mlir::arith::CmpIPredicate::eq;
  int64_t granule = 1;

  bool isAffine() const { return static_cast<bool>(expr); }
  bool isComparison() const { return static_cast<bool>(row); }
};

using Conjunction = llvm::SmallVector<Atom>;

/// The predicate of `heed.attention` in disjunctive normal form. `symbols` are the index values that the conditions use
/// besides i and j: sizes, constants of the layer, anything that does not change within the pair loop.
///
/// Affine means with floordiv and mod by constants. `min`, `max` and hence `abs` become several conditions. A predicate
/// that would need more than `MaximumDisjuncts` conjunctions is one opaque condition.
struct PairDomain {
  llvm::SmallVector<mlir::Value> symbols;
  llvm::SmallVector<Conjunction> disjuncts;
  /// The predicate depends on i only through i floordiv `rowGranule`, on j only through j floordiv `columnGranule`; 0: not at
  /// all.
  int64_t rowGranule = 0, columnGranule = 0;

  static constexpr unsigned MaximumDisjuncts = 16;
  static PairDomain of(ir::AttentionOp op);

  bool isEverything() const { return disjuncts.size() == 1 && disjuncts.front().empty(); }
};

} // namespace heed::domain
