// Separable.h - factors of a pair (i, j) that split at a point between: F(i, j) = F(i, p + origin) * F(p, j).
#pragma once

#include "compiler/derive/Regions.h"

namespace heed::derive {

/// A read of `sum[.., i, .., j, ..] = sum over t in (j, i], or in [j, i] (`withKey`), of a value that depends on neither i nor j`.
struct RangeSum {
  mlir::tensor::ExtractOp read;
  heed::ir::DefineOp sum;
  heed::ir::ReduceOp reduce;
  unsigned rowAxis, columnAxis;
  bool withKey = false;
};

/// Decides by structure: exponentials and powers whose exponent is additive, L(i, j) = L(i, p + origin) + L(p, j). Additive are
/// a * (i - j) + b with b = a * origin, f(i) - f(j), sums over (j, i] or [j, i] (all with origin 0), and sums and multiples of these.
class Separable {
public:
  /// `row` and `column` are arguments inside `owner`. `origin` is an affine form of `symbols`.
  Separable(mlir::Operation *owner, mlir::Value row, mlir::Value column, mlir::AffineExpr origin,
            llvm::SmallVectorImpl<mlir::Value> &symbols)
      : owner(owner), row(row), column(column), origin(origin), symbols(symbols) {}

  bool factor(mlir::Value value);
  llvm::ArrayRef<RangeSum> ranges() const { return found; }

private:
  bool additive(mlir::Value value);
  bool isDistance(mlir::Value value);
  bool isDifference(mlir::Value left, mlir::Value right);
  bool isRangeSum(mlir::tensor::ExtractOp read);
  bool dependsOn(mlir::Value value, mlir::Value index) { return indicesOf(value, owner).contains(index); }
  bool isFree(mlir::Value value) { return !dependsOn(value, row) && !dependsOn(value, column); }
  bool hasOriginZero() const;

  mlir::Operation *owner;
  mlir::Value row, column;
  mlir::AffineExpr origin;
  llvm::SmallVectorImpl<mlir::Value> &symbols;
  llvm::SmallVector<RangeSum> found;
};

} // namespace heed::derive
