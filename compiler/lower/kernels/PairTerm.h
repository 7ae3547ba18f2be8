// PairTerm.h - the term of a score that is a sum, but of no products: the region `combine` on lanes.
#pragma once

#include "compiler/lower/kernels/LaneCode.h"
#include "dialect/HeedOps.h"

namespace heed::kernels {

/// Lets functions of `region` have the error of a rounded sum, a few units in the last place of 1: they are computed per pair.
void allowTermAccuracy(mlir::Region &region);

/// One term of sum_d combine(b.., d, query, key), for one query and neighbouring keys, or the other way round.
class PairTerm {
public:
  /// nullopt: terms are products.
  static std::optional<PairTerm> of(ir::AttentionOp op);

  /// Query or key, or both, are vectors.
  Value emit(Emit &emit, ArrayRef<Value> batch, Value inner, Value query, Value key) const;
  /// A tile of fewer rows is enough to keep the units busy: a term is a chain of many operations.
  int64_t rowsOfTile(int64_t rowsOfProduct) const;

private:
  explicit PairTerm(ir::AttentionOp op);

  mlir::Region *region;
  LaneAnalysis analysis;
};

} // namespace heed::kernels
