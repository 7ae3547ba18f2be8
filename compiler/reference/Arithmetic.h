// Arithmetic.h - what each operator computes, and the three ways of rounding.
#pragma once

#include "compiler/check/Program.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace heed::reference {

template <typename Real>
Real realUnary(UnaryOp op, Real x) {
  switch (op) {
  case UnaryOp::Negate:
    return -x;
  case UnaryOp::Abs:
    return std::fabs(x);
  case UnaryOp::Exp:
    return std::exp(x);
  case UnaryOp::Log:
    return std::log(x);
  case UnaryOp::Sqrt:
    return std::sqrt(x);
  case UnaryOp::Rsqrt:
    return Real(1) / std::sqrt(x);
  case UnaryOp::Sin:
    return std::sin(x);
  case UnaryOp::Cos:
    return std::cos(x);
  case UnaryOp::Tanh:
    return std::tanh(x);
  case UnaryOp::Erf:
    return std::erf(x);
  case UnaryOp::Sigmoid:
    return Real(1) / (Real(1) + std::exp(-x));
  case UnaryOp::Floor:
    return std::floor(x);
  case UnaryOp::Ceil:
    return std::ceil(x);
  case UnaryOp::Round:
    return std::nearbyint(x); // halves to even
  case UnaryOp::Not:
  case UnaryOp::ToReal:
  case UnaryOp::ToInt:
    break; // other types, handled by the machine
  }
  return std::numeric_limits<Real>::quiet_NaN();
}

/// NaN if either side is NaN, unlike std::fmin.
template <typename Real>
Real smaller(Real x, Real y) {
  return x != x ? x : y < x || y != y ? y : x;
}
template <typename Real>
Real larger(Real x, Real y) {
  return x != x ? x : y > x || y != y ? y : x;
}

template <typename Real>
Real realBinary(BinaryOp op, Real x, Real y) {
  switch (op) {
  case BinaryOp::Add:
    return x + y;
  case BinaryOp::Subtract:
    return x - y;
  case BinaryOp::Multiply:
    return x * y;
  case BinaryOp::Divide:
    return x / y;
  case BinaryOp::Remainder:
    return x - std::floor(x / y) * y;
  case BinaryOp::Power:
    return std::pow(x, y);
  case BinaryOp::Minimum:
    return smaller(x, y);
  case BinaryOp::Maximum:
    return larger(x, y);
  default:
    return std::numeric_limits<Real>::quiet_NaN(); // comparisons have their own instruction
  }
}

template <typename Number>
bool compare(BinaryOp op, Number x, Number y) {
  switch (op) {
  case BinaryOp::Equal:
    return x == y;
  case BinaryOp::NotEqual:
    return x != y;
  case BinaryOp::Less:
    return x < y;
  case BinaryOp::LessEqual:
    return x <= y;
  case BinaryOp::Greater:
    return x > y;
  default:
    return x >= y;
  }
}

/// Wraps around in 64 bits. `failure` is set to a text if there is no result.
int64_t integerBinary(BinaryOp op, int64_t x, int64_t y, char const *&failure);
int64_t integerUnary(UnaryOp op, int64_t x);

/// Rounding of the oracle: none beyond f64's own.
struct ExactArithmetic {
  double round(double x) { return x; }
  double unary(UnaryOp op, double x) { return realUnary<double>(op, x); }
  double binary(BinaryOp op, double x, double y) { return realBinary<double>(op, x, y); }
};

/// Plain f32, as a C program with `float` and libm would do it.
struct SingleArithmetic {
  double round(double x) { return static_cast<float>(x); }
  double unary(UnaryOp op, double x) { return realUnary<float>(op, static_cast<float>(x)); }
  double binary(BinaryOp op, double x, double y) {
    return realBinary<float>(op, static_cast<float>(x), static_cast<float>(y));
  }
};

/// f32 with stochastic rounding: up or down with probabilities that make the error zero on average. Exact results stay
/// exact.
struct RandomArithmetic {
  uint64_t state;
  double round(double x);
  double unary(UnaryOp op, double x) { return round(realUnary<double>(op, x)); }
  double binary(BinaryOp op, double x, double y) { return round(realBinary<double>(op, x, y)); }
};

} // namespace heed::reference
