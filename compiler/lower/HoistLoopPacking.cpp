// HoistLoopPacking.cpp - packs a matrix once for all steps of a loop.
#include "compiler/lower/Passes.h"
#include "dialect/HeedOps.h"

#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace heed {
#define GEN_PASS_DEF_HOISTLOOPPACKING
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

struct HoistLoopPacking : impl::HoistLoopPackingBase<HoistLoopPacking> {
  void runOnOperation() override {
    // Inner loops first, so that what leaves one can leave the next.
    getOperation()->walk<WalkOrder::PostOrder>([&](LoopLikeOpInterface loop) {
      if (!isa<scf::ForOp, scf::ForallOp>(loop.getOperation()))
        return;
      SmallVector<ir::PackOp> packs(loop.getLoopRegions().front()->front().getOps<ir::PackOp>());
      for (ir::PackOp pack : packs)
        (void)moveOut(pack, loop);
    });
  }

  /// Moves `op` and what it is made of in front of the loop, if that depends on nothing in it.
  static bool moveOut(Operation *op, LoopLikeOpInterface loop) {
    SmallVector<Operation *> slice;
    if (!collect(op, loop, slice))
      return false;
    for (Operation *part : slice)
      part->moveBefore(loop);
    return true;
  }

  static bool collect(Operation *op, LoopLikeOpInterface loop, SmallVectorImpl<Operation *> &slice) {
    if (llvm::is_contained(slice, op))
      return true;
    if (!isMemoryEffectFree(op) || (op->getNumRegions() != 0 && !isa<linalg::LinalgOp>(op)))
      return false;
    bool invariant = true;
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        if (loop.isDefinedOutsideOfLoop(operand) || op->isProperAncestor(operand.getParentBlock()->getParentOp()) ||
            operand.getParentBlock()->getParentOp() == op)
          continue;
        Operation *maker = operand.getDefiningOp();
        invariant &= maker && collect(maker, loop, slice);
      }
    });
    if (invariant)
      slice.push_back(op);
    return invariant;
  }
};

} // namespace
} // namespace heed
