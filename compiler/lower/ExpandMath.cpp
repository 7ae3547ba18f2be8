// ExpandMath.cpp - replaces f32 functions by polynomials, the same for scalars and vectors.
#include "compiler/lower/FloatCode.h"
#include "compiler/lower/Passes.h"

#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace heed {
#define GEN_PASS_DEF_EXPANDMATH
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

bool isFloat32(Type type) { return getElementTypeOrSelf(type).isF32() && (type.isF32() || isa<VectorType>(type)); }

/// One function of the math dialect as arithmetic.
template <typename Op, Value (FloatCode::*emit)(Value)>
struct Expand : OpRewritePattern<Op> {
  Expand(MLIRContext *context, bool fma) : OpRewritePattern<Op>(context), fma(fma) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isFloat32(op.getType()))
      return rewriter.notifyMatchFailure(op, "not f32");
    FloatCode code(rewriter, op.getLoc(), op.getType(), fma);
    rewriter.replaceOp(op, (code.*emit)(op.getOperand()));
    return success();
  }
  bool fma;
};

/// Scores and terms of sums, which their kernels mark, need no more than a small absolute error.
struct ExpandTanhOfTerm : OpRewritePattern<math::TanhOp> {
  ExpandTanhOfTerm(MLIRContext *context, bool fma) : OpRewritePattern(context, /*benefit=*/2), fma(fma) {}

  LogicalResult matchAndRewrite(math::TanhOp op, PatternRewriter &rewriter) const override {
    if (!isFloat32(op.getType()) || !op->hasAttr("heed.term"))
      return rewriter.notifyMatchFailure(op, "not f32, or no term");
    FloatCode code(rewriter, op.getLoc(), op.getType(), fma);
    rewriter.replaceOp(op, code.tanhOfTerm(op.getOperand()));
    return success();
  }
  bool fma;
};

/// Sine and cosine: arguments beyond what the reduction can handle go to the math library, one by one.
template <typename Op, bool isSine>
struct ExpandTrigonometric : OpRewritePattern<Op> {
  ExpandTrigonometric(MLIRContext *context, bool fma) : OpRewritePattern<Op>(context), fma(fma) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isFloat32(op.getType()) || op->hasAttr("heed.library"))
      return rewriter.notifyMatchFailure(op, "not f32, or beyond the limit");
    Location loc = op.getLoc();
    FloatCode code(rewriter, loc, op.getType(), fma);
    Value x = op.getOperand();
    Value near = code.sinOrCos(x, isSine);
    Value within = code.isWithin(x, FloatCode::trigonometricLimit);
    auto vector = dyn_cast<VectorType>(op.getType());
    if (vector)
      within = vector::ReductionOp::create(rewriter, loc, vector::CombiningKind::AND, within);
    auto choice = scf::IfOp::create(rewriter, loc, op.getType(), within, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(choice.thenBlock());
    scf::YieldOp::create(rewriter, loc, near);
    rewriter.setInsertionPointToStart(choice.elseBlock());
    Value far = x;
    auto callLibrary = [&](Value argument) {
      Operation *call = Op::create(rewriter, loc, argument);
      call->setAttr("heed.library", rewriter.getUnitAttr());
      return call->getResult(0);
    };
    if (!vector)
      far = callLibrary(x);
    else
      for (int64_t lane = 0; lane < vector.getNumElements(); ++lane) {
        Value element = callLibrary(vector::ExtractOp::create(rewriter, loc, x, lane));
        far = vector::InsertOp::create(rewriter, loc, element, far, lane);
      }
    scf::YieldOp::create(rewriter, loc, far);
    rewriter.replaceOp(op, choice.getResults());
    return success();
  }
  bool fma;
};

struct ExpandMath : impl::ExpandMathBase<ExpandMath> {
  using ExpandMathBase::ExpandMathBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    // powf with a small constant exponent is a product.
    populateMathAlgebraicSimplificationPatterns(patterns);
    patterns.add<Expand<math::ExpOp, &FloatCode::exp>, Expand<math::Exp2Op, &FloatCode::exp2>,
                 Expand<math::ExpM1Op, &FloatCode::expm1>, Expand<math::LogOp, &FloatCode::log>,
                 Expand<math::Log1pOp, &FloatCode::log1p>, Expand<math::TanhOp, &FloatCode::tanh>,
                 ExpandTanhOfTerm, Expand<math::ErfOp, &FloatCode::erf>, ExpandTrigonometric<math::SinOp, true>,
                 ExpandTrigonometric<math::CosOp, false>>(&getContext(), bool(fma));
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace heed
