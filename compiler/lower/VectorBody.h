// VectorBody.h - the scalar body of a linalg operation, emitted for all lanes of a vector at once.
#pragma once

#include "compiler/lower/Lanes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseMap.h"

namespace heed {

/// The first operation that has no vector form, or null.
mlir::Operation *findUnvectorisable(mlir::Block &body);

/// About how many cycles one evaluation takes.
double costOf(mlir::Block &body);

class VectorBody {
public:
  /// `indices` are the values of the iteration dimensions.
  VectorBody(Lanes &lanes, llvm::ArrayRef<LaneValue> indices) : lanes(lanes), indices(indices) {}

  void map(mlir::Value from, LaneValue to) { values[from] = to; }
  /// Emits the block and returns what its terminator passes on.
  llvm::SmallVector<LaneValue> emit(mlir::Block &block);

private:
  LaneValue lookup(mlir::Value value);
  void emitOp(mlir::Operation &op);
  void emitIf(mlir::Operation &op);
  bool emitAddressArithmetic(mlir::Operation &op);
  void cloneUniform(mlir::Operation &op);
  void emitElementwise(mlir::Operation &op);

  Lanes &lanes;
  llvm::ArrayRef<LaneValue> indices;
  llvm::DenseMap<mlir::Value, LaneValue> values;
};

} // namespace heed
