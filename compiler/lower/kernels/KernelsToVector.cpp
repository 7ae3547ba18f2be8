// KernelsToVector.cpp - the pass that replaces the kernels of the heed dialect by loops over vectors.
#include "compiler/lower/kernels/Kernels.h"
#include "compiler/lower/kernels/Lowering.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace heed {
#define GEN_PASS_DEF_KERNELSTOVECTOR
#include "compiler/lower/kernels/Passes.h.inc"

using namespace mlir;

namespace {

struct KernelsToVector : impl::KernelsToVectorBase<KernelsToVector> {
  using KernelsToVectorBase::KernelsToVectorBase;

  void runOnOperation() override {
    KernelTarget target{vectorBits, registers, fma};
    SmallVector<Operation *> kernels;
    getOperation()->walk([&](Operation *op) {
      if (isa<ir::PackOp, ir::MatmulOp, ir::AttentionOp>(op))
        kernels.push_back(op);
    });
    for (Operation *op : kernels) {
      if (!cast<DestinationStyleOpInterface>(op).hasPureBufferSemantics()) {
        op->emitError() << "expected buffers: kernels are lowered after bufferisation";
        return signalPassFailure();
      }
      OpBuilder builder(op);
      auto emitted = llvm::TypeSwitch<Operation *, LogicalResult>(op)
                         .Case([&](ir::PackOp pack) { return kernels::emitPack(builder, pack, target); })
                         .Case([&](ir::MatmulOp matmul) { return kernels::emitMatmul(builder, matmul, target); })
                         .Default([&](Operation *attention) {
                           return kernels::emitAttention(builder, cast<ir::AttentionOp>(attention), target);
                         });
      if (failed(emitted))
        return signalPassFailure();
      op->erase();
    }
  }
};

} // namespace
} // namespace heed
