// ToKernels.cpp - the pass that makes a launch of every operation of the model's function that touches buffers.
#include "compiler/gpu/ToKernels.h"
#include "compiler/gpu/Passes.h"

#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/IR/Remarks.h"

namespace heed {
#define GEN_PASS_DEF_TOKERNELS
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;

namespace {

/// Operations inside the body of another one belong to its kernel.
bool isOnHost(Operation *op) {
  return !op->getParentOfType<linalg::LinalgOp>() && !op->getParentOfType<ir::AttentionOp>();
}

/// What --explain says of a kernel.
void explain(Operation *op, Twine const &text) {
  remark::analysis(op->getLoc(), remark::RemarkOpts::name("kernel").category("gpu")) << text.str();
}

struct ToKernels : impl::ToKernelsBase<ToKernels> {
  using ToKernelsBase::ToKernelsBase;

  void runOnOperation() override {
    SmallVector<Operation *> found;
    getOperation().walk([&](Operation *op) {
      if (isa<linalg::LinalgOp, memref::CopyOp, memref::StoreOp, ir::TopKOp, ir::AttentionOp, ir::PackOp, ir::MatmulOp>(op) &&
          isOnHost(op))
        found.push_back(op);
    });
    // First the products, whose kernels take neighbours in.
    llvm::SmallPtrSet<Operation *, 16> done;
    for (Operation *op : found)
      if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && generic.hasPureBufferSemantics() && !done.contains(op))
        emitProduct(generic, done);
    for (Operation *op : found)
      if (!done.contains(op) && failed(emit(op)))
        return signalPassFailure();
    for (Operation *op : done)
      op->erase();
  }

  void emitProduct(linalg::GenericOp op, llvm::SmallPtrSet<Operation *, 16> &done) {
    std::optional<device::Product> product = device::Product::match(op);
    if (!product)
      return;
    device::Epilogue epilogue(*product, done);
    OpBuilder builder(epilogue.place());
    device::Emit emit(op->getLoc(), builder);
    bool onTensorCores = device::emitMmaProduct(emit, *product, epilogue);
    if (!onTensorCores)
      device::emitContraction(emit, *product, epilogue);
    std::string with = epilogue.operations().contains(epilogue.place()) && epilogue.place() != op
                           ? ", and what follows it is done per element before it is stored" : "";
    explain(op, onTensorCores ? "a matrix product on tensor cores (mma.sync)" + with
                              : "a matrix product with fused multiply-add" + with +
                                    "; tensor cores take factors that are both f16 or both bf16");
    done.insert_range(epilogue.operations());
  }

  LogicalResult emit(Operation *op) {
    if (auto destination = dyn_cast<DestinationStyleOpInterface>(op); destination && !destination.hasPureBufferSemantics())
      return op->emitError() << "expected buffers: kernels are made after bufferisation";
    OpBuilder builder(op);
    device::Emit emit(op->getLoc(), builder);
    if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
      if (device::emitRows(emit, generic)) {
        explain(op, "a warp per result");
      } else {
        device::emitGeneric(emit, generic);
        explain(op, generic.getNumReductionLoops() == 0
                        ? "a thread per result"
                        : "a thread per result, with the reduction inside: it is neither a product of at least 16 rows nor a "
                          "long sum or maximum along memory");
      }
    } else if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      linalg::GenericOp generic = linalg::makeMemRefCopyOp(emit, op->getLoc(), copy.getSource(), copy.getTarget());
      emit.setInsertionPoint(generic);
      device::emitGeneric(emit, generic);
      generic.erase();
    } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
      device::launchThreads(emit, "store", emit.index(1), [&](Value) { emit.clone(*store); });
    } else if (auto topk = dyn_cast<ir::TopKOp>(op)) {
      device::emitTopK(emit, topk);
      explain(op, "a thread per row");
    } else if (auto attention = dyn_cast<ir::AttentionOp>(op)) {
      explain(op, device::emitAttention(emit, attention, {tf32x3, hopper}));
    } else {
      return op->emitError() << "no GPU kernel for '" << op->getName() << "'";
    }
    op->erase();
    return success();
  }
};

} // namespace
} // namespace heed
