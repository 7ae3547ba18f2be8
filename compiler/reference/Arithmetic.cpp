// Arithmetic.cpp - integer operators, stochastic rounding, and rounding to storage types.
#include "compiler/reference/Arithmetic.h"

#include "compiler/reference/Evaluate.h"

namespace heed::reference {

static int64_t integerPower(int64_t base, int64_t exponent, char const *&failure) {
  if (exponent < 0) {
    if (base == 0)
      failure = "zero to a negative power";
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  }
  uint64_t result = 1, factor = base;
  for (; exponent; exponent >>= 1, factor *= factor)
    if (exponent & 1)
      result *= factor;
  return result;
}

int64_t integerBinary(BinaryOp op, int64_t x, int64_t y, char const *&failure) {
  uint64_t a = x, b = y;
  switch (op) {
  case BinaryOp::Add:
    return a + b;
  case BinaryOp::Subtract:
    return a - b;
  case BinaryOp::Multiply:
    return a * b;
  case BinaryOp::Divide:
  case BinaryOp::Remainder: {
    if (y == 0) {
      failure = "integer division by zero";
      return 0;
    }
    if (y == -1) // INT64_MIN / -1 overflows
      return op == BinaryOp::Divide ? 0 - a : 0;
    int64_t quotient = x / y, rest = x % y;
    bool below = rest != 0 && (rest < 0) != (y < 0);
    if (op == BinaryOp::Divide)
      return quotient - below;
    return below ? rest + y : rest;
  }
  case BinaryOp::Power:
    return integerPower(x, y, failure);
  case BinaryOp::Minimum:
    return x < y ? x : y;
  case BinaryOp::Maximum:
    return x > y ? x : y;
  default:
    failure = "operator without a meaning for integers";
    return 0;
  }
}

int64_t integerUnary(UnaryOp op, int64_t x) {
  uint64_t a = x;
  switch (op) {
  case UnaryOp::Negate:
    return 0 - a;
  case UnaryOp::Abs:
    return x < 0 ? 0 - a : a;
  default:
    return x; // floor, ceil and round of an integer
  }
}

double RandomArithmetic::round(double x) {
  float nearest = static_cast<float>(x);
  if (nearest == x || !std::isfinite(x) || !std::isfinite(nearest))
    return nearest;
  float below = nearest < x ? nearest : std::nextafter(nearest, -INFINITY);
  float above = nearest < x ? std::nextafter(nearest, INFINITY) : nearest;
  state ^= state << 13, state ^= state >> 7, state ^= state << 17; // xorshift64
  double uniform = static_cast<double>(state >> 11) * 0x1p-53;
  return uniform * (static_cast<double>(above) - below) < x - below ? above : below;
}

/// To a binary format with `bits` bits of significand (the leading one included), smallest normal 2^minimum and finite
/// range below `limit`.
static double roundToFormat(double x, int bits, int minimum, double limit) {
  if (x == 0 || !std::isfinite(x))
    return x;
  int exponent;
  std::frexp(x, &exponent); // |x| in [2^(exponent - 1), 2^exponent)
  int unit = std::max(exponent - 1, minimum) - (bits - 1);
  double rounded = std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
  return std::fabs(rounded) >= limit ? std::copysign(INFINITY, x) : rounded;
}

double roundTo(Element element, double value) {
  switch (element) {
  case Element::F32:
    return static_cast<float>(value);
  case Element::F16:
    return roundToFormat(value, 11, -14, 65536.0);
  case Element::BF16:
    return roundToFormat(value, 8, -126, 0x1p128);
  default:
    return value;
  }
}

} // namespace heed::reference
