// LoopPlan.h - how the iteration space of a linalg operation becomes loops: what is decided before code is emitted.
#pragma once

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>
#include <string>

namespace heed {

/// An operation that combines two values, and what it starts from.
struct Combiner {
  mlir::Operation *op = nullptr;
  mlir::TypedAttr neutral;
};

struct LoopPlan {
  llvm::SmallVector<unsigned> parallel, reductions; // without the vector dimension; outermost first
  std::optional<unsigned> vectorDim;
  bool vectorIsReduction = false;
  int64_t lanes = 0;                     // of a vector; 0: scalar loops
  int64_t interleave = 1;                // vectors per step of the innermost vector loop
  llvm::SmallVector<Combiner> combiners; // one per output, if the vector dimension is reduced
  double cost = 0;                       // cycles of one element, about
  std::string reason;                    // why there is no vector dimension
};

LoopPlan planLoops(mlir::linalg::GenericOp op, unsigned vectorBits);

} // namespace heed
