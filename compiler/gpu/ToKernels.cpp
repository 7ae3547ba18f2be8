// ToKernels.cpp - the pass that makes a launch of every operation of the model's function that touches buffers.
#include "compiler/gpu/ToKernels.h"
#include "compiler/gpu/Passes.h"

#include "mlir/Dialect/Linalg/Utils/Utils.h"

namespace heed {
#define GEN_PASS_DEF_TOKERNELS
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;

namespace {

/// Operations inside the body of another one belong to its kernel.
bool isOnHost(Operation *op) {
  return !op->getParentOfType<linalg::LinalgOp>() && !op->getParentOfType<ir::AttentionOp>();
}

struct ToKernels : impl::ToKernelsBase<ToKernels> {
  void runOnOperation() override {
    SmallVector<Operation *> found;
    getOperation().walk([&](Operation *op) {
      if (isa<linalg::LinalgOp, memref::CopyOp, memref::StoreOp, ir::TopKOp, ir::AttentionOp, ir::PackOp, ir::MatmulOp>(op) &&
          isOnHost(op))
        found.push_back(op);
    });
    for (Operation *op : found)
      if (failed(emit(op)))
        return signalPassFailure();
  }

  LogicalResult emit(Operation *op) {
    if (auto destination = dyn_cast<DestinationStyleOpInterface>(op); destination && !destination.hasPureBufferSemantics())
      return op->emitError() << "expected buffers: kernels are made after bufferisation";
    OpBuilder builder(op);
    device::Emit emit(op->getLoc(), builder);
    if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
      if (!device::emitContraction(emit, generic))
        device::emitGeneric(emit, generic);
    } else if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      linalg::GenericOp generic = linalg::makeMemRefCopyOp(emit, op->getLoc(), copy.getSource(), copy.getTarget());
      emit.setInsertionPoint(generic);
      device::emitGeneric(emit, generic);
      generic.erase();
    } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
      device::launchThreads(emit, "store", emit.index(1), [&](Value) { emit.clone(*store); });
    } else if (auto topk = dyn_cast<ir::TopKOp>(op)) {
      device::emitTopK(emit, topk);
    } else if (auto attention = dyn_cast<ir::AttentionOp>(op)) {
      device::emitAttention(emit, attention);
    } else {
      return op->emitError() << "no GPU kernel for '" << op->getName() << "'";
    }
    op->erase();
    return success();
  }
};

} // namespace
} // namespace heed
