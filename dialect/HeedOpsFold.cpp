// HeedOpsFold.cpp - canonicalisation: domains that say nothing, reductions over nothing, scans without steps.
#include "dialect/HeedOps.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace heed::ir;

static std::optional<bool> constantCondition(Region &region) {
  if (region.empty())
    return true;
  APInt value;
  if (!matchPattern(region.front().getTerminator()->getOperand(0), m_ConstantInt(&value)))
    return std::nullopt;
  return !value.isZero();
}

bool heed::ir::isEverywhere(Region &domain) { return constantCondition(domain) == true; }

namespace {

/// A domain that holds everywhere is no domain.
template <typename Op>
struct DropTrueDomain : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!op.hasDomain() || !isEverywhere(op.getDomain()))
      return rewriter.notifyMatchFailure(op, "the domain is absent or restricts");
    rewriter.modifyOpInPlace(op, [&] {
      op.getDomain().dropAllReferences();
      op.getDomain().getBlocks().clear();
    });
    return success();
  }
};

/// A size that became constant moves into the type.
struct MakeSizesStatic : OpRewritePattern<DefineOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DefineOp op, PatternRewriter &rewriter) const override {
    SmallVector<int64_t> shape;
    SmallVector<Value> sizes;
    for (OpFoldResult size : op.getMixedSizes()) {
      std::optional<int64_t> constant = getConstantIntValue(size);
      shape.push_back(constant.value_or(ShapedType::kDynamic));
      if (!constant)
        sizes.push_back(cast<Value>(size));
    }
    if (sizes.size() == op.getSizes().size())
      return rewriter.notifyMatchFailure(op, "no dynamic size is constant");
    if (llvm::any_of(shape, [](int64_t size) { return size < 0 && !ShapedType::isDynamic(size); }))
      return rewriter.notifyMatchFailure(op, "a size is negative");
    auto type = RankedTensorType::get(shape, op.getType().getElementType());
    auto define = DefineOp::create(rewriter, op.getLoc(), type, sizes);
    rewriter.inlineRegionBefore(op.getDomain(), define.getDomain(), define.getDomain().end());
    rewriter.inlineRegionBefore(op.getValue(), define.getValue(), define.getValue().end());
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op.getType(), define);
    return success();
  }
};

/// A reduction over an empty range or domain is its neutral element.
struct FoldEmptyReduce : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    bool empty = constantCondition(op.getDomain()) == false ||
                 llvm::any_of(op.getSizes(), [](Value size) { return getConstantIntValue(size) == 0; });
    if (!empty)
      return rewriter.notifyMatchFailure(op, "the range may have elements");
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, op.getNeutral());
    return success();
  }
};

/// Counting all index tuples of a range needs no loop: the count is the product of the sizes.
struct FoldCount : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    std::optional<int64_t> each = getConstantIntValue(op.getYielded());
    if (op.getKind() != ReduceKind::Sum || op.hasDomain() || !each || !isa<IndexType>(op.getType()))
      return rewriter.notifyMatchFailure(op, "not a sum of one integer over a whole range");
    Value count = arith::ConstantIndexOp::create(rewriter, op.getLoc(), *each);
    for (Value size : op.getSizes())
      count = rewriter.createOrFold<arith::MulIOp>(op.getLoc(), count, size);
    rewriter.replaceOp(op, count);
    return success();
  }
};

/// A condition that holds everywhere, or for no tuple at all, cannot fail.
struct DropTrueCheck : OpRewritePattern<CheckOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CheckOp op, PatternRewriter &rewriter) const override {
    bool holds = constantCondition(op.getValue()) == true || constantCondition(op.getDomain()) == false ||
                 llvm::any_of(op.getSizes(), [](Value size) { return getConstantIntValue(size) == 0; });
    if (!holds)
      return rewriter.notifyMatchFailure(op, "the condition may fail");
    rewriter.replaceOp(op, op.getPrevious());
    return success();
  }
};

/// Without steps, a scan gives what it starts with.
struct FoldEmptyScan : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScanOp op, PatternRewriter &rewriter) const override {
    if (getConstantIntValue(op.getSteps()) != 0)
      return rewriter.notifyMatchFailure(op, "there may be steps");
    SmallVector<Value> results(op.getInits());
    if (op.getTaken())
      results.push_back(op.getSteps());
    rewriter.replaceOp(op, results);
    return success();
  }
};

} // namespace

TypedAttr ReduceOp::getNeutral() {
  Builder builder(getContext());
  Type type = getType();
  switch (getKind()) {
  case ReduceKind::Sum:
  case ReduceKind::ArgMax:
  case ReduceKind::ArgMin:
  case ReduceKind::Any:
    return builder.getZeroAttr(type);
  case ReduceKind::Product:
  case ReduceKind::All:
    return builder.getOneAttr(type);
  case ReduceKind::Max:
  case ReduceKind::Min: {
    bool max = getKind() == ReduceKind::Max;
    if (auto real = dyn_cast<FloatType>(type))
      return builder.getFloatAttr(type, APFloat::getInf(real.getFloatSemantics(), /*Negative=*/max));
    // Integers of the language are stored in 32 bits, whatever type computes them.
    if (isa<IndexType>(type))
      return builder.getIndexAttr(max ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int32_t>::max());
    unsigned width = type.getIntOrFloatBitWidth();
    return builder.getIntegerAttr(type, max ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width));
  }
  }
  llvm_unreachable("a kind of reduction without a neutral element");
}

void DefineOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueDomain<DefineOp>, MakeSizesStatic>(context);
}
void SoftmaxOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueDomain<SoftmaxOp>>(context);
}
void ReduceOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueDomain<ReduceOp>, FoldEmptyReduce, FoldCount>(context);
}
void CheckOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueDomain<CheckOp>, DropTrueCheck>(context);
}
void ScanOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<FoldEmptyScan>(context);
}
void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueDomain<AttentionOp>>(context);
}
