// WideFloat.cpp - exponentials and logarithms in f64 by argument reduction and series.
#include "compiler/gpu/WideFloat.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;

namespace heed::device {

static constexpr double ln2High = 0x1.62e42fefa38p-1, ln2Low = 0x1.ef35793c7673p-45; // products of the first with n are exact
static constexpr double ln2 = 0x1.62e42fefa39efp-1, log2e = 0x1.71547652b82fep0, log2eLow = 0x1.777d0ffda0d24p-56;
static constexpr double infinity = std::numeric_limits<double>::infinity();

Value WideFloat::number(double value) { return arith::ConstantOp::create(b, b.getF64FloatAttr(value)); }
Value WideFloat::integer(int64_t value) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); }
Value WideFloat::add(Value a, Value c) { return arith::AddFOp::create(b, a, c); }
Value WideFloat::sub(Value a, Value c) { return arith::SubFOp::create(b, a, c); }
Value WideFloat::mul(Value a, Value c) { return arith::MulFOp::create(b, a, c); }
Value WideFloat::fma(Value a, Value c, Value d) { return math::FmaOp::create(b, a, c, d); }
Value WideFloat::select(Value condition, Value a, Value c) { return arith::SelectOp::create(b, condition, a, c); }
Value WideFloat::less(Value a, Value c) { return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, a, c); }
Value WideFloat::equal(Value a, Value c) { return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, a, c); }

Value WideFloat::clampKeepingNaN(Value x, double low, double high) {
  x = select(less(x, number(low)), number(low), x);
  return select(less(number(high), x), number(high), x);
}

/// Adding 1.5 * 2^52 rounds to an integer.
Value WideFloat::nearest(Value x) {
  Value magic = number(6755399441055744.0);
  return sub(add(x, magic), magic);
}

Value WideFloat::polynomial(Value x, ArrayRef<double> coefficients) {
  Value result = number(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    result = fma(result, x, number(coefficient));
  return result;
}

/// 2^n e^r for an integer n and |r| <= ln(2) / 2; the power in two steps, so that the ends of the range are reached.
Value WideFloat::powerTimes(Value n, Value r) {
  SmallVector<double> series;
  double term = 1;
  for (int i = 1; i <= 14; term /= i++)
    series.push_back(term);
  Value power = arith::FPToSIOp::create(b, b.getI64Type(), n);
  Value half = arith::ShRSIOp::create(b, power, integer(1));
  auto powerOfTwo = [&](Value exponent) -> Value {
    Value biased = arith::AddIOp::create(b, exponent, integer(1023));
    return arith::BitcastOp::create(b, b.getF64Type(), arith::ShLIOp::create(b, biased, integer(52)));
  };
  return mul(mul(polynomial(r, series), powerOfTwo(half)), powerOfTwo(arith::SubIOp::create(b, power, half)));
}

Value WideFloat::exp(Value original) {
  Value x = clampKeepingNaN(original, -746, 710), n = nearest(mul(x, number(log2e)));
  Value result = powerTimes(n, fma(n, number(-ln2Low), fma(n, number(-ln2High), x)));
  return select(arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, original, original), original, result);
}

Value WideFloat::exp2(Value original) {
  Value x = clampKeepingNaN(original, -1076, 1025), n = nearest(x);
  Value result = powerTimes(n, mul(sub(x, n), number(ln2)));
  return select(arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, original, original), original, result);
}

Value WideFloat::log(Value x) { return logarithm(x, /*binary=*/false); }
Value WideFloat::log2(Value x) { return logarithm(x, /*binary=*/true); }

/// x = m * 2^n with m in [sqrt(1/2), sqrt(2)), and log(m) = 2 artanh(s) with s = (m - 1) / (m + 1).
Value WideFloat::logarithm(Value x, bool binary) {
  Value isSubnormal = less(x, number(0x1p-1022));
  Value normal = select(isSubnormal, mul(x, number(0x1p54)), x);
  Value bits = arith::BitcastOp::create(b, b.getI64Type(), normal);
  Value offset = integer(0x3fe6a09e667f3bcd); // sqrt(1/2)
  Value shifted = arith::SubIOp::create(b, bits, offset), exponent = arith::ShRSIOp::create(b, shifted, integer(52));
  Value fraction = arith::AddIOp::create(b, arith::AndIOp::create(b, shifted, integer(0xfffffffffffff)), offset);
  Value m = arith::BitcastOp::create(b, b.getF64Type(), fraction);
  Value n = add(arith::SIToFPOp::create(b, b.getF64Type(), exponent), select(isSubnormal, number(-54), number(0)));
  Value f = sub(m, number(1)), s = arith::DivFOp::create(b, f, add(m, number(1))), square = mul(s, s);
  SmallVector<double> series; // 2 artanh(s) = 2 s + s^3 (2/3 + 2/5 s^2 + ...)
  for (int i = 3; i <= 23; i += 2)
    series.push_back(2.0 / i);
  Value tail = mul(mul(square, s), polynomial(square, series)), twice = add(s, s), result;
  if (binary) {
    // the product with log2(e) in two parts, the larger of them exact to the last bit of the sum
    Value natural = add(twice, tail), scaled = mul(natural, number(log2e));
    Value lost = fma(natural, number(log2e), arith::NegFOp::create(b, scaled));
    result = add(n, add(scaled, fma(natural, number(log2eLow), lost)));
  } else {
    result = add(fma(n, number(ln2High), twice), fma(n, number(ln2Low), tail));
  }
  result = select(less(x, number(infinity)), result, x); // infinity and NaN stay
  result = select(equal(x, number(0)), number(-infinity), result);
  return select(less(x, number(0)), number(std::numeric_limits<double>::quiet_NaN()), result);
}

} // namespace heed::device
