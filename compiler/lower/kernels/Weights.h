// Weights.h - what of a model depends on nothing but its parameters.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SetVector.h"

namespace heed::kernels {

/// The arguments of the model's function that are parameters, as `heed.program` of the module says.
class Weights {
public:
  explicit Weights(mlir::func::FuncOp function);

  unsigned begin() const { return first; }
  unsigned end() const { return last; }
  bool isEmpty() const { return first == last; }
  /// Whether `value` is computed, without effects and at a constant shape, from parameters and constants; at least one
  /// parameter takes part. The operations go to `slice`, in an order in which they can run.
  bool feed(mlir::Value value, llvm::SetVector<mlir::Operation *> &slice) const;

private:
  bool collect(mlir::Value value, llvm::SetVector<mlir::Operation *> &slice, bool &usesWeight, unsigned depth) const;

  mutable mlir::func::FuncOp function; ///< operation handles have no const accessors
  unsigned first = 0, last = 0;
};

} // namespace heed::kernels
