// BlockRows.cpp - what holds a number for each pair is computed for a few rows at a time.
#include "compiler/lower/Passes.h"
#include "compiler/lower/RowBlocks.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace heed {
#define GEN_PASS_DEF_BLOCKROWS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

constexpr llvm::StringLiteral triedName = "heed.tried";

struct BlockRows : impl::BlockRowsBase<BlockRows> {
  using BlockRowsBase::BlockRowsBase;

  void runOnOperation() override {
    runOn(getOperation().getBody().front());
    // Then inside the loops that are left, outer ones first: what a chain takes of them is behind the one at hand.
    for (size_t next = 0;; ++next) {
      SmallVector<scf::ForOp> loops;
      getOperation().walk<WalkOrder::PreOrder>([&](scf::ForOp loop) {
        if (!loop->getParentOfType<scf::ForallOp>())
          loops.push_back(loop);
      });
      if (next >= loops.size())
        break;
      runOn(*loops[next].getBody());
    }
    getOperation().walk([](Operation *op) { op->removeAttr(triedName); });
    fuseFreeTensors();
  }

  /// Chains begin with what makes a large tensor of smaller ones. A chain takes beginnings of others with it, so each search starts anew;
  /// what was tried in vain is marked.
  void runOn(Block &block) {
    auto next = [&]() -> Operation * {
      for (Operation &op : block)
        if (isSeed(&op) && !op.hasAttr(triedName))
          return &op;
      return nullptr;
    };
    while (Operation *seed = next())
      if (!tryFrom(seed->getResult(0)))
        seed->setAttr(triedName, UnitAttr::get(&getContext()));
  }

  static bool isSeed(Operation *op) {
    if (!isa<linalg::GenericOp, ir::AttentionOp>(op) || op->getNumResults() != 1 || RowChain::isFree(op))
      return false;
    Value result = op->getResult(0);
    int64_t rank = RowChain::longAxes(result);
    if (rank < 2)
      return false;
    double read = 0;
    for (Value input : cast<DestinationStyleOpInterface>(op).getDpsInputs()) {
      if (RowChain::isFree(input.getDefiningOp()))
        continue;
      if (RowChain::longAxes(input) >= rank)
        return false;
      read += RowChain::elements(input);
    }
    return RowChain::elements(result) >= RowChain::worthwhile * read;
  }

  bool tryFrom(Value seed) {
    std::string reason;
    auto type = cast<RankedTensorType>(seed.getType());
    SmallVector<int64_t> axes;
    for (auto [axis, size] : llvm::enumerate(type.getShape()))
      if (RowChain::isLong(size))
        axes.push_back(axis);
    // The last of the long axes is what a row is made of; the one before it first, further ones are those of a batch.
    axes.pop_back();
    for (int64_t axis : llvm::reverse(axes)) {
      std::string here;
      std::optional<RowChain> chain = RowChain::grow(seed, axis, here);
      if (chain) {
        remark::passed(seed.getLoc(), remark::RemarkOpts::name("BlockRows").category("heed-memory"))
            << ("computed for " + std::to_string(rows) + " rows at a time, with " + std::to_string(chain->largeCount() - 1) +
                " other tensors of this size");
        runByBlocks(*chain, rows, tasks);
        return true;
      }
      if (reason.empty())
        reason = here;
    }
    if (!reason.empty())
      remark::missed(seed.getLoc(), remark::RemarkOpts::name("BlockRows").category("heed-memory"))
          << ("held whole, not for a few rows at a time: " + reason);
    return false;
  }

  /// A large tensor of indices alone is computed where it is read.
  void fuseFreeTensors() {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, [](OpOperand *operand) {
      Operation *maker = operand->get().getDefiningOp();
      return RowChain::isFree(maker) && RowChain::longAxes(operand->get()) >= 2 &&
             !operand->getOwner()->getParentOfType<scf::ForallOp>();
    });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace heed
