// RowTile.h - the operations of a chain once more, for some of their rows.
#pragma once

#include "compiler/lower/RowChain.h"
#include "compiler/lower/RowSum.h"

#include "mlir/IR/IRMapping.h"

namespace heed {

/// Repeats the operations of a chain for `count` rows from `first` on.
class RowTile {
public:
  /// `repeated`: so many rows at the beginning were in the tile before, and sums must not count them again; none if null.
  RowTile(RowChain const &chain, mlir::OpBuilder &builder, mlir::Value first, mlir::OpFoldResult count,
          mlir::Value repeated = {})
      : chain(chain), builder(builder), first(first), count(count), repeated(repeated) {}

  void clone(mlir::Operation *op);
  /// A sum over the rows goes on from the sum of the tiles before.
  void setSum(mlir::Value result, mlir::Value before) { sums[result] = before; }
  mlir::Value tileOf(mlir::Value value) { return mapping.lookup(value); }

private:
  RowChain const &chain;
  mlir::OpBuilder &builder;
  mlir::Value first;
  mlir::OpFoldResult count;
  mlir::Value repeated;
  mlir::IRMapping mapping;
  llvm::DenseMap<mlir::Value, mlir::Value> sums;

  mlir::OpBuilder &builderBefore(mlir::Operation *op);
  mlir::Value rowsOf(mlir::Value value, int64_t axis);
  void cloneLoop(mlir::scf::ForOp loop);
  void cloneExtract(mlir::tensor::ExtractSliceOp extract, unsigned axis);
  void cloneInsert(mlir::tensor::InsertSliceOp insert, unsigned axis);
  void cloneSum(mlir::linalg::LinalgOp op, unsigned dim);
  mlir::Value withoutRepeated(mlir::Value tile, int64_t axis);
  llvm::SmallVector<mlir::OpFoldResult> mapped(llvm::SmallVector<mlir::OpFoldResult> values);
  void shiftRows(mlir::Operation *op, mlir::Operation *copy, unsigned dim);
};

} // namespace heed
