// FuseElementwise.cpp - computes elementwise operands where they are used, unless that repeats work.
#include "compiler/lower/Passes.h"
#include "compiler/lower/VectorBody.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace heed {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

/// What may be computed again rather than stored: about a load's worth.
constexpr double cheap = 3;

bool isWorthFusing(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer)
    return false;
  // What is repeated along an axis is in the cache by then.
  unsigned loads = llvm::count_if(producer.getDpsInputOperands(), [&](OpOperand *input) {
    return producer.getMatchingIndexingMap(input).getNumResults() == producer.getNumLoops();
  });
  bool isCheap = costOf(*producer.getBody()) + loads <= cheap;
  bool usedOnce = operand->get().hasOneUse();
  // Each element is used once exactly if the consumer's iterations are the producer's.
  bool sameIterations = consumer.getMatchingIndexingMap(operand).isPermutation();
  return isCheap || (usedOnce && sameIterations);
}

struct FuseElementwise : impl::FuseElementwiseBase<FuseElementwise> {
  using FuseElementwiseBase::FuseElementwiseBase;

  void runOnOperation() override {
    getOperation()->walk([](linalg::GenericOp consumer) {
      for (OpOperand *operand : consumer.getDpsInputOperands())
        if (linalg::areElementwiseOpsFusable(operand) && !isWorthFusing(operand))
          remark::missed(consumer.getLoc(), remark::RemarkOpts::name("fuse").category("heed-fusion"))
              << ("operand " + std::to_string(operand->getOperandNumber()) + " would be computed more than once");
    });
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, isWorthFusing);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    linalg::populateEraseUnnecessaryInputsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace heed
