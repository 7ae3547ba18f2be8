// Lifetimes.h - when a buffer is needed, as a range of positions in the order of the program text.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace heed {

struct Lifetime {
  unsigned begin = 0, end = 0;
};

class LifetimeAnalysis {
public:
  explicit LifetimeAnalysis(mlir::func::FuncOp function);

  /// From the definition of a buffer to the last use of it or of a value that may be a view of it. A buffer that
  /// outlives an iteration of a loop lives as long as the loop.
  Lifetime of(mlir::Value buffer) const;
  /// The whole of an operation.
  Lifetime of(mlir::Operation *op) const { return {begins.lookup(op), ends.lookup(op)}; }

private:
  llvm::DenseMap<mlir::Operation *, unsigned> begins, ends;
};

} // namespace heed
