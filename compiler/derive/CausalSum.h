// CausalSum.h - finds sums over the keys up to a row, weighted by products of queries and keys.
#pragma once

#include "compiler/derive/Separable.h"

namespace heed::derive {

/// out[b.., i, e] = sum over j <= i + shift of dots[b.., i, j] * factors(b.., i, j, e), with
/// dots[b.., i, j] = sum_a query(b.., i, a) * key(b.., j, a) * pair(b.., i, j, a). Indices are named by the arguments of `out`, of its
/// sum (`column`), of `dots` and of its sum (`inner`).
struct CausalSum {
  heed::ir::DefineOp out, dots;
  heed::ir::ReduceOp sum, inner;
  llvm::SmallVector<mlir::Value> axes; // by axis of `dots`: an argument of `out`, or `column`
  llvm::SmallVector<mlir::Value> batch;
  mlir::Value row, column, feature; // `feature` is null if `out` has no further axis
  mlir::Value dotRow, dotColumn;    // as `dots` names them
  llvm::SmallVector<mlir::Value> rowFactors, columnFactors, pairFactors; // inside `out`
  llvm::SmallVector<mlir::Value> query, key, innerPairs;                 // inside `dots`
  llvm::SmallVector<RangeSum> ranges;                                    // that pairs read
  mlir::AffineExpr shift, origin;                                        // of `symbols`
  llvm::SmallVector<mlir::Value> symbols;

  mlir::OpFoldResult rows() { return out.getMixedSizes()[mlir::cast<mlir::BlockArgument>(row).getArgNumber()]; }
  mlir::OpFoldResult features() {
    return out.getMixedSizes()[mlir::cast<mlir::BlockArgument>(feature).getArgNumber()];
  }
  mlir::OpFoldResult width() { return mlir::getAsOpFoldResult(inner.getSizes().front()); }
  std::optional<int64_t> constantShift() const;
};

/// A match at `out`, or nothing; `reason` is set if `out` sums over a prefix of keys but cannot be taken. `out` is changed: what it
/// reads for every pair is computed in it. Call it with a copy.
std::optional<CausalSum> matchCausalSum(heed::ir::DefineOp out, std::string &reason);

} // namespace heed::derive
