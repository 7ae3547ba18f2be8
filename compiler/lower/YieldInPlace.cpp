// YieldInPlace.cpp - lets the states of a loop stay in one buffer each.
#include "compiler/lower/Passes.h"

#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace heed {
#define GEN_PASS_DEF_YIELDINPLACE
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

/// Whether `value` is `state` after updates in place: bufferisation then keeps both in one buffer by itself.
bool isUpdateOf(Value value, Value state) {
  while (value != state) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return false;
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
      value = insert.getDest();
    else if (auto scalar = dyn_cast<tensor::InsertOp>(op))
      value = scalar.getDest();
    else if (isa<bufferization::MaterializeInDestinationOp>(op))
      value = op->getOperand(1);
    else if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
      value = destination.getTiedOpOperand(cast<OpResult>(value))->get();
    else if (auto loop = dyn_cast<scf::ForOp>(op))
      value = loop.getInitArgs()[cast<OpResult>(value).getResultNumber()];
    else
      return false;
  }
  return true;
}

struct YieldInPlace : impl::YieldInPlaceBase<YieldInPlace> {
  using YieldInPlaceBase::YieldInPlaceBase;

  void runOnOperation() override {
    getOperation()->walk([&](Operation *op) {
      if (auto loop = dyn_cast<scf::ForOp>(op)) {
        store(loop.getBody()->getTerminator(), 0, loop.getRegionIterArgs());
      } else if (auto loop = dyn_cast<scf::WhileOp>(op)) {
        store(loop.getConditionOp(), 1, loop.getBeforeArguments());
        store(loop.getYieldOp(), 0, loop.getAfterArguments());
      }
    });
  }

  /// Operand `first + i` of the terminator goes where state i is.
  void store(Operation *terminator, unsigned first, ValueRange states) {
    OpBuilder builder(terminator);
    if (terminator->getNumOperands() - first != states.size())
      return;
    for (auto [number, state] : llvm::enumerate(states)) {
      OpOperand &operand = terminator->getOpOperand(first + number);
      if (!isa<RankedTensorType>(state.getType()) || operand.get().getType() != state.getType() ||
          isUpdateOf(operand.get(), state))
        continue;
      auto stored = bufferization::MaterializeInDestinationOp::create(builder, operand.get().getLoc(), state.getType(),
                                                                      operand.get(), state);
      operand.set(stored->getResult(0));
    }
  }
};

} // namespace
} // namespace heed
