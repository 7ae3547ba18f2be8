// SeparateInits.cpp - gives every destination its own empty or constant tensor.
#include "compiler/lower/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace heed {
#define GEN_PASS_DEF_SEPARATEINITS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

/// A tensor that costs no more than to be written: it reads no other tensor.
bool isCheap(Operation *op) {
  if (isa<tensor::EmptyOp>(op))
    return true;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && op->getNumResults() == 1 &&
         llvm::none_of(linalgOp.getDpsInputs(), [](Value input) { return isa<ShapedType>(input.getType()); }) &&
         !linalgOp.payloadUsesValueFromOperand(linalgOp.getDpsInitOperand(0)) &&
         linalgOp.getNumLoops() == linalgOp.getNumParallelLoops();
}

struct SeparateInits : impl::SeparateInitsBase<SeparateInits> {
  void runOnOperation() override {
    SmallVector<DestinationStyleOpInterface> all;
    getOperation().walk([&](DestinationStyleOpInterface op) { all.push_back(op); });
    // From the last on, so that a copy of a constant tensor still gets an empty one of its own.
    for (DestinationStyleOpInterface op : llvm::reverse(all))
      separate(op);
  }

  void separate(DestinationStyleOpInterface op) {
    for (OpOperand &init : op.getDpsInitsMutable()) {
      Operation *source = init.get().getDefiningOp();
      if (!source || init.get().hasOneUse() || !isCheap(source))
        continue;
      OpBuilder builder(op);
      Operation *copy = builder.clone(*source);
      init.set(copy->getResult(0));
      if (auto destination = dyn_cast<DestinationStyleOpInterface>(copy))
        separate(destination);
    }
  }
};

} // namespace
} // namespace heed
