// DeviceMath.cpp - what heed-expand-math leaves to the math library of the host, as arithmetic.
#include "compiler/gpu/Passes.h"
#include "compiler/gpu/WideFloat.h"
#include "compiler/lower/FloatCode.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace heed {
#define GEN_PASS_DEF_DEVICEMATH
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;
using device::WideFloat;

namespace {

template <typename Op, Value (WideFloat::*emit)(Value)>
struct ExpandWide : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!op.getType().isF64())
      return rewriter.notifyMatchFailure(op, "not f64");
    WideFloat code(rewriter, op.getLoc());
    rewriter.replaceOp(op, (code.*emit)(op.getOperand()));
    return success();
  }
};

/// x^y = 2^(y log2 |x|) in f64, and the cases that IEEE 754 lists.
struct ExpandPower : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return rewriter.notifyMatchFailure(op, "not f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    WideFloat code(rewriter, op.getLoc());
    Value x = arith::ExtFOp::create(b, b.getF64Type(), op.getLhs()), y = arith::ExtFOp::create(b, b.getF64Type(), op.getRhs());
    Value magnitude = math::AbsFOp::create(b, x), zero = code.number(0), one = code.number(1);
    Value power = code.exp2(code.mul(y, code.log2(magnitude)));
    // A negative base: the sign of an odd power, and no number for one that is not whole.
    auto isWhole = [&](Value value) { return code.equal(math::FloorOp::create(b, value), value); };
    Value whole = isWhole(y), isOdd = arith::XOrIOp::create(b, isWhole(code.mul(y, code.number(0.5))), trueValue(b));
    isOdd = arith::AndIOp::create(b, isOdd, whole);
    Value signBit = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, math::CopySignOp::create(b, one, x), zero);
    Value negative = code.less(x, zero);
    Value invalid = arith::AndIOp::create(b, negative, arith::XOrIOp::create(b, whole, trueValue(b)));
    // An infinite base has every power.
    Value finite = code.less(magnitude, code.number(std::numeric_limits<double>::infinity()));
    invalid = arith::AndIOp::create(b, invalid, finite);
    power = code.select(arith::AndIOp::create(b, signBit, isOdd), arith::NegFOp::create(b, power), power);
    power = code.select(invalid, code.number(std::numeric_limits<double>::quiet_NaN()), power);
    // |x| = 1 with an infinite y is 1, as is x = 1 with anything, and anything to the power 0.
    Value infiniteY = code.equal(math::AbsFOp::create(b, y), code.number(std::numeric_limits<double>::infinity()));
    power = code.select(arith::AndIOp::create(b, infiniteY, code.equal(magnitude, one)), one, power);
    power = code.select(code.equal(x, one), one, power);
    power = code.select(code.equal(y, zero), one, power);
    rewriter.replaceOp(op, arith::TruncFOp::create(b, b.getF32Type(), power).getResult());
    return success();
  }
  static Value trueValue(ImplicitLocOpBuilder &b) { return arith::ConstantOp::create(b, b.getBoolAttr(true)); }
};

/// Sine and cosine of arguments beyond the limit of FloatCode, by the method of Payne and Hanek: of x / (2 pi) only the
/// fraction matters, so of 1 / (2 pi) only the 96 bits that meet the bits of x.
template <typename Op, bool isSine>
struct ExpandFarTrigonometric : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!op.getType().isF32() || !op->hasAttr("heed.library"))
      return rewriter.notifyMatchFailure(op, "not f32, or within the limit");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value x = op.getOperand();
    auto integer = [&](uint64_t value) -> Value { return arith::ConstantOp::create(b, b.getI64IntegerAttr(int64_t(value))); };
    auto shiftRight = [&](Value value, Value by) -> Value { return arith::ShRUIOp::create(b, value, by); };
    auto low = [&](Value value) -> Value { return arith::AndIOp::create(b, value, integer(0xffffffff)); };
    Value bits = arith::ExtUIOp::create(b, b.getI64Type(), arith::BitcastOp::create(b, b.getI32Type(), x));
    Value exponent = arith::AndIOp::create(b, shiftRight(bits, integer(23)), integer(0xff));
    Value significand = arith::OrIOp::create(b, arith::AndIOp::create(b, bits, integer(0x7fffff)), integer(0x800000));
    // |x| = significand * 2^(place - 32): place is positive beyond the limit, and at most 136.
    Value place = arith::SubIOp::create(b, exponent, integer(127 + 23 - 32));
    place = arith::MinSIOp::create(b, arith::MaxSIOp::create(b, place, integer(0)), integer(136));
    Value word = shiftRight(place, integer(5)), shift = arith::AndIOp::create(b, place, integer(31));
    // 1 / (2 pi), with 32 bits of zeros in front
    constexpr uint64_t table[] = {0x00000000, 0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770,
                                  0x36d8a566, 0x4f10e410, 0x7f9458ea, 0xf7aef158};
    SmallVector<Value> words;
    for (int i = 0; i < 4; ++i) {
      Value value = integer(table[i]);
      for (int at = 1; at <= 4; ++at)
        value = arith::SelectOp::create(b, arith::CmpIOp::create(b, arith::CmpIPredicate::eq, word, integer(at)),
                                        integer(table[i + at]), value);
      words.push_back(value);
    }
    auto window = [&](int i) -> Value {
      Value both = arith::OrIOp::create(b, arith::ShLIOp::create(b, words[i], integer(32)), words[i + 1]);
      return shiftRight(arith::ShLIOp::create(b, both, shift), integer(32));
    };
    // The upper 64 of the lower 96 bits of significand * window.
    Value third = arith::MulIOp::create(b, significand, window(2));
    Value second = arith::AddIOp::create(b, arith::MulIOp::create(b, significand, window(1)), shiftRight(third, integer(32)));
    Value first = arith::AddIOp::create(b, arith::MulIOp::create(b, significand, window(0)), shiftRight(second, integer(32)));
    Value turn = arith::OrIOp::create(b, arith::ShLIOp::create(b, low(first), integer(32)), low(second)); // 2^64 is one
    Value quadrant = shiftRight(arith::AddIOp::create(b, turn, integer(1ull << 61)), integer(62));
    Value rest = arith::SubIOp::create(b, turn, arith::ShLIOp::create(b, quadrant, integer(62)));
    Value angle = arith::MulFOp::create(b, arith::SIToFPOp::create(b, b.getF64Type(), rest),
                                        arith::ConstantOp::create(b, b.getF64FloatAttr(0x1.921fb54442d18p-62)));
    Value reduced = arith::TruncFOp::create(b, b.getF32Type(), angle);
    FloatCode code(rewriter, op.getLoc(), op.getType(), /*fma=*/true);
    Value sine = code.sinOrCos(reduced, true), cosine = code.sinOrCos(reduced, false);
    auto hasBit = [&](Value value, uint64_t bit) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, arith::AndIOp::create(b, value, integer(bit)), integer(0));
    };
    if (!isSine)
      quadrant = arith::AddIOp::create(b, quadrant, integer(1));
    Value result = arith::SelectOp::create(b, hasBit(quadrant, 1), cosine, sine);
    result = arith::SelectOp::create(b, hasBit(quadrant, 2), arith::NegFOp::create(b, result), result);
    if (isSine)
      result = arith::SelectOp::create(b, hasBit(bits, 0x80000000), arith::NegFOp::create(b, result), result);
    Value isNumber = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, exponent, integer(0xff));
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, isNumber, result, arith::SubFOp::create(b, x, x));
    return success();
  }
};

struct DeviceMath : impl::DeviceMathBase<DeviceMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandWide<math::ExpOp, &WideFloat::exp>, ExpandWide<math::Exp2Op, &WideFloat::exp2>,
                 ExpandWide<math::LogOp, &WideFloat::log>, ExpandWide<math::Log2Op, &WideFloat::log2>, ExpandPower,
                 ExpandFarTrigonometric<math::SinOp, true>, ExpandFarTrigonometric<math::CosOp, false>>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace heed
