// TopKRow.h - heed.topk on buffers, one row: the best positions are kept in order while the row is read once.
#pragma once

#include "compiler/lower/kernels/Emit.h"
#include "dialect/HeedOps.h"

namespace heed {

class TopKRow {
public:
  TopKRow(kernels::Emit &emit, ir::TopKOp op);

  /// How many rows there are, and how long each is.
  mlir::Value rows();
  mlir::Value length() const { return columns; }
  /// The type of the buffer that `select` needs: the values at the positions that are kept.
  mlir::MemRefType bestType() const { return mlir::MemRefType::get({count}, element); }
  /// Writes the positions of row `number`.
  void select(mlir::Value number, mlir::Value best);

private:
  using Subscripts = llvm::SmallVector<mlir::Value>;
  Subscripts subscripts(mlir::Value row);
  mlir::Value offer(llvm::ArrayRef<mlir::Value> row, mlir::Value position, mlir::Value kept);
  void insert(Subscripts row, mlir::Value value, mlir::Value position, mlir::Value kept);
  mlir::Value comesBefore(mlir::Value value, mlir::Value other);

  kernels::Emit &emit;
  mlir::Value source, inside, init, best;
  mlir::Type element;
  int64_t count;
  Subscripts outer;
  mlir::Value columns;
};

} // namespace heed
