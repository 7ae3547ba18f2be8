// FloatCode.cpp - f32 functions as arithmetic, for scalars and vectors alike.
//
// The polynomials are minimax fits (weighted least squares on Chebyshev nodes, Lawson's weights); the error of each fit
// is stated and is small against half a unit in the last place, 6e-8.
#include "compiler/lower/FloatCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed {

static constexpr double log2e = 1.4426950408889634;
// ln(2) in two parts: products of the first with a small integer are exact.
static constexpr double ln2High = 0.693359375, ln2Low = -2.12194440e-4;

Type FloatCode::withElement(Type element) const {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

static Value splat(OpBuilder &builder, Location loc, Type type, TypedAttr value) {
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(vector, Attribute(value)));
  return arith::ConstantOp::create(builder, loc, value);
}

Value FloatCode::number(double value, Type of) {
  return splat(builder, loc, of, builder.getFloatAttr(getElementTypeOrSelf(of), value));
}
Value FloatCode::number(double value) { return number(value, type); }
Value FloatCode::integer(int64_t value) {
  return splat(builder, loc, withElement(builder.getI32Type()), builder.getI32IntegerAttr(value));
}
Value FloatCode::add(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }
Value FloatCode::sub(Value a, Value b) { return arith::SubFOp::create(builder, loc, a, b); }
Value FloatCode::mul(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
Value FloatCode::fma(Value a, Value b, Value c) {
  if (hasFma)
    return math::FmaOp::create(builder, loc, a, b, c);
  return add(mul(a, b), c);
}
Value FloatCode::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}
Value FloatCode::less(Value a, Value b) { return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b); }
Value FloatCode::greater(Value a, Value b) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, a, b);
}
Value FloatCode::equal(Value a, Value b) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, a, b);
}
Value FloatCode::bitsOf(Value a) {
  return arith::BitcastOp::create(builder, loc, withElement(builder.getI32Type()), a);
}
Value FloatCode::fromBits(Value bits) { return arith::BitcastOp::create(builder, loc, type, bits); }
Value FloatCode::absolute(Value x) { return math::AbsFOp::create(builder, loc, x); }
Value FloatCode::withSignOf(Value magnitude, Value sign) {
  return math::CopySignOp::create(builder, loc, magnitude, sign);
}

Value FloatCode::clamp(Value x, double low, double high) {
  x = select(less(x, number(low)), number(low), x);
  return select(greater(x, number(high)), number(high), x);
}

Value FloatCode::polynomial(Value x, ArrayRef<double> coefficients) {
  Value result = number(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    result = fma(result, x, number(coefficient));
  return result;
}

std::pair<Value, Value> FloatCode::nearest(Value x) {
  // Adding 1.5 * 2^23 leaves the integer in the low bits of the sum.
  Value magic = number(12582912.0);
  Value shifted = add(x, magic);
  return {sub(shifted, magic), arith::SubIOp::create(builder, loc, bitsOf(shifted), bitsOf(magic))};
}

Value FloatCode::powerOfTwo(Value n) {
  Value biased = arith::AddIOp::create(builder, loc, n, integer(127));
  return fromBits(arith::ShLIOp::create(builder, loc, biased, integer(23)));
}

/// x * 2^n in two steps, so that results down to the smallest and up to the largest number are reached.
Value FloatCode::scale(Value x, Value n) {
  Value half = arith::ShRSIOp::create(builder, loc, n, integer(1));
  Value rest = arith::SubIOp::create(builder, loc, n, half);
  return mul(mul(x, powerOfTwo(half)), powerOfTwo(rest));
}

Value FloatCode::expm1Reduced(Value r) {
  // (e^r - 1 - r) / r^2, relative to e^r - 1: 2.5e-10
  Value p = polynomial(r, {0.5, 0.166666672, 0.0416663401, 0.00833327137, 0.00139420596, 0.000199150338});
  return fma(p, mul(r, r), r);
}

Value FloatCode::exp(Value x) {
  x = clamp(x, -105, 89);
  auto [n, power] = nearest(mul(x, number(log2e)));
  Value r = fma(n, number(-ln2Low), fma(n, number(-ln2High), x));
  return scale(add(expm1Reduced(r), number(1)), power);
}

Value FloatCode::exp2(Value x) {
  x = clamp(x, -151, 129);
  auto [n, power] = nearest(x);
  Value r = mul(sub(x, n), number(0.6931471805599453));
  return scale(add(expm1Reduced(r), number(1)), power);
}

Value FloatCode::expm1(Value original) {
  Value x = clamp(original, -20, 89);
  auto [n, power] = nearest(mul(x, number(log2e)));
  Value r = fma(n, number(-ln2Low), fma(n, number(-ln2High), x));
  // 2^n (e^r - 1) + 2^n - 1, with half of everything so that 2^128 is not needed
  Value half = powerOfTwo(arith::SubIOp::create(builder, loc, power, integer(1)));
  Value result = fma(half, expm1Reduced(r), sub(half, number(0.5)));
  result = add(result, result);
  // keeps the sign of zero and numbers too small for r * r
  return select(less(absolute(original), number(1e-10)), original, result);
}

Value FloatCode::log(Value x) {
  Value isSubnormal = less(x, number(1.17549435e-38));
  Value normal = select(isSubnormal, mul(x, number(8388608.0)), x);
  Value exponentBias = select(isSubnormal, number(-23), number(0));
  // x = m * 2^n with m in [sqrt(1/2), sqrt(2))
  Value offset = integer(0x3f3504f3);
  Value shifted = arith::SubIOp::create(builder, loc, bitsOf(normal), offset);
  Value exponent = arith::ShRSIOp::create(builder, loc, shifted, integer(23));
  Value fraction = arith::AndIOp::create(builder, loc, shifted, integer(0x7fffff));
  Value f = sub(fromBits(arith::AddIOp::create(builder, loc, fraction, offset)), number(1));
  Value n = add(arith::SIToFPOp::create(builder, loc, type, exponent), exponentBias);
  // (log(1 + f) - f + f^2 / 2) / f^3, relative to the logarithm: 1e-9
  Value p = polynomial(f, {0.333333105, -0.249999866, 0.200022265, -0.16669251, 0.142186582, -0.123843484, 0.118729733,
                           -0.117898084, 0.0691537559});
  Value square = mul(f, f);
  Value tail = fma(mul(p, f), square, mul(n, number(ln2Low)));
  tail = fma(square, number(-0.5), tail);
  Value result = fma(n, number(ln2High), add(f, tail));
  Value infinity = number(std::numeric_limits<double>::infinity());
  result = select(less(x, infinity), result, x); // infinity and NaN stay
  result = select(equal(x, number(0)), number(-std::numeric_limits<double>::infinity()), result);
  return select(less(x, number(0)), number(std::numeric_limits<double>::quiet_NaN()), result);
}

Value FloatCode::log1p(Value x) {
  Value one = number(1), sum = add(one, x);
  Value lost = sub(x, sub(sum, one));
  Value correction = arith::DivFOp::create(builder, loc, lost, sum);
  Value result = add(log(sum), correction);
  Value infinity = number(std::numeric_limits<double>::infinity());
  result = select(less(sum, infinity), result, log(sum));
  result = select(greater(sum, number(0)), result, log(sum));
  return select(less(absolute(x), number(1e-8)), x, result);
}

Value FloatCode::tanh(Value x) {
  Value magnitude = clamp(absolute(x), 0, 10);
  Value e = expm1(add(magnitude, magnitude));
  Value result = arith::DivFOp::create(builder, loc, e, add(e, number(2)));
  return withSignOf(result, x);
}

Value FloatCode::tanhOfTerm(Value x) {
  // x P(x^2) / Q(x^2) up to where tanh rounds to 1: 2.2e-8; with the rounding of P and Q 3.1e-7, a tenth of that on average.
  Value argument = clamp(x, -9.010913, 9.010913), square = mul(argument, argument);
  Value p = polynomial(square, {1.88246357, 0.251935035, 0.00658512069, 3.8867307e-05, 2.52247538e-08});
  Value q = polynomial(square, {1.88246357, 0.879422665, 0.0487312526, 0.000619261351, 1.46768457e-06});
  return clamp(arith::DivFOp::create(builder, loc, mul(argument, p), q), -1, 1);
}

Value FloatCode::erf(Value x) {
  Value magnitude = clamp(absolute(x), 0, 4);
  // erf(x) / x - 1 in x^2: 5e-10
  Value square = mul(x, x);
  Value p = polynomial(
      square, {0.128379166, -0.376126319, 0.112836838, -0.026858706, 0.00519924751, -0.000812188431, 8.28038828e-05});
  Value low = fma(p, x, x);
  // -log(1 - erf(x)): 1.5e-9 relative to 1
  Value q = polynomial(
      magnitude, {0.000207004807, 1.12762737, 0.637265742, 0.1038564, -0.0221897867, 0.00303369504, -0.000194947032});
  Value high = sub(number(1), exp(arith::NegFOp::create(builder, loc, q)));
  return select(less(magnitude, number(0.93)), low, withSignOf(high, x));
}

Value FloatCode::isWithin(Value x, float limit) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::ULE, absolute(x), number(limit));
}

Value FloatCode::sinOrCos(Value x, bool isSine) {
  // The argument is reduced in f64: what is left of it keeps all bits of an f32.
  Type wide = withElement(builder.getF64Type()), bits64 = withElement(builder.getI64Type());
  Value wideX = arith::ExtFOp::create(builder, loc, wide, x);
  Value magic = number(6755399441055744.0, wide);
  Value quadrants = mul(wideX, number(0.6366197723675814, wide));
  Value shifted = add(quadrants, magic);
  Value n = sub(shifted, magic);
  Value wideR = sub(sub(wideX, mul(n, number(1.5707963267341256, wide))), mul(n, number(6.077100506506192e-11, wide)));
  Value r = arith::TruncFOp::create(builder, loc, type, wideR);
  Value quadrant = arith::TruncIOp::create(builder, loc, withElement(builder.getI32Type()),
                                           arith::BitcastOp::create(builder, loc, bits64, shifted));
  if (!isSine)
    quadrant = arith::AddIOp::create(builder, loc, quadrant, integer(1));
  Value s = mul(r, r);
  // (sin(r) - r) / r^3 and (cos(r) - 1 + s / 2) / s^2 in s: 4e-9 and 1e-10
  Value sine = fma(mul(polynomial(s, {-0.166666672, 0.00833332911, -0.000198392561, 2.71756426e-06}), s), r, r);
  Value cosine =
      fma(mul(polynomial(s, {0.0416666456, -0.0013887306, 2.44312032e-05}), s), s, fma(s, number(-0.5), number(1)));
  auto hasBit = [&](int64_t bit) {
    Value masked = arith::AndIOp::create(builder, loc, quadrant, integer(bit));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, masked, integer(0));
  };
  Value result = select(hasBit(1), cosine, sine);
  result = select(hasBit(2), arith::NegFOp::create(builder, loc, result), result);
  return isSine ? select(equal(x, number(0)), x, result) : result; // the sign of zero
}

} // namespace heed
