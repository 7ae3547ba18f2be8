// HeedOpsBufferize.cpp - memory effects, and one-shot bufferisation of the destination-style operations.
#include "dialect/HeedOps.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace heed::ir;
using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// Whether the operation begins with what its init holds.
static bool readsInit(Operation *op) {
  auto matmul = dyn_cast<MatmulOp>(op);
  return matmul && matmul.getAccumulate();
}

/// On buffers, inputs are read and the init is written (and read by those that add to it). On tensors there are no effects.
static void collectEffects(DestinationStyleOpInterface op, Effects &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool init = op.isDpsInit(&operand);
    if (!init || readsInit(op))
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (init)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}

void AttentionOp::getEffects(Effects &effects) { collectEffects(*this, effects); }
void TopKOp::getEffects(Effects &effects) { collectEffects(*this, effects); }
void PackOp::getEffects(Effects &effects) { collectEffects(*this, effects); }
void MatmulOp::getEffects(Effects &effects) { collectEffects(*this, effects); }

namespace {

/// Rebuilds the operation on the buffers of its operands. Regions move over unchanged: what they read of their
/// surroundings is bufferised on its own.
template <typename Op>
struct KernelModel : bufferization::DstBufferizableOpInterfaceExternalModel<KernelModel<Op>, Op> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, bufferization::AnalysisState const &) const {
    return readsInit(op) || !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, bufferization::BufferizationOptions const &options,
                          bufferization::BufferizationState &state) const {
    auto destination = cast<DestinationStyleOpInterface>(op);
    if (destination.hasPureBufferSemantics())
      return success();
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (!isa<TensorType>(operand.getType())) {
        operands.push_back(operand);
        continue;
      }
      FailureOr<Value> buffer = bufferization::getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
    }
    OperationState next(op->getLoc(), op->getName(), operands, TypeRange(), op->getAttrs());
    for (unsigned i = 0; i < op->getNumRegions(); ++i)
      next.addRegion();
    Operation *kernel = rewriter.create(next);
    for (auto [from, to] : llvm::zip_equal(op->getRegions(), kernel->getRegions()))
      rewriter.inlineRegionBefore(from, to, to.end());
    Value init = operands[destination.getDpsInits().getBeginOperandIndex()];
    bufferization::replaceOpWithBufferizedValues(rewriter, op, init);
    return success();
  }
};

} // namespace

void heed::ir::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, HeedDialect *) {
    AttentionOp::attachInterface<KernelModel<AttentionOp>>(*context);
    TopKOp::attachInterface<KernelModel<TopKOp>>(*context);
    PackOp::attachInterface<KernelModel<PackOp>>(*context);
    MatmulOp::attachInterface<KernelModel<MatmulOp>>(*context);
  });
}
