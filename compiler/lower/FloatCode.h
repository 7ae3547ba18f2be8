// FloatCode.h - f32 functions as arithmetic, for scalars and vectors alike.
#pragma once

#include "mlir/IR/Builders.h"

namespace heed {

/// Emits code on values of one type: f32 or a vector of it.
class FloatCode {
public:
  FloatCode(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type, bool fma)
      : builder(builder), loc(loc), type(type), hasFma(fma) {}

  mlir::Value exp(mlir::Value x);
  mlir::Value exp2(mlir::Value x);
  mlir::Value expm1(mlir::Value x);
  mlir::Value log(mlir::Value x);
  mlir::Value log1p(mlir::Value x);
  mlir::Value tanh(mlir::Value x);
  /// Within 5.5 units in the last place, in half the time: for terms of a sum, whose own rounding is as large.
  mlir::Value tanhOfTerm(mlir::Value x);
  mlir::Value erf(mlir::Value x);
  /// Right up to `trigonometricLimit`; `isSine` false: the cosine.
  mlir::Value sinOrCos(mlir::Value x, bool isSine);
  static constexpr float trigonometricLimit = 1048576;

  /// |x| is at most the limit, or NaN.
  mlir::Value isWithin(mlir::Value x, float limit);

private:
  mlir::Type withElement(mlir::Type element) const;
  mlir::Value number(double value);
  mlir::Value number(double value, mlir::Type of);
  mlir::Value integer(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);    // false for NaN
  mlir::Value greater(mlir::Value a, mlir::Value b); // false for NaN
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value bitsOf(mlir::Value a);
  mlir::Value fromBits(mlir::Value bits);
  mlir::Value clamp(mlir::Value x, double low, double high); // keeps NaN
  mlir::Value absolute(mlir::Value x);
  mlir::Value withSignOf(mlir::Value magnitude, mlir::Value sign);
  /// coefficients[0] + x * (coefficients[1] + ...)
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  /// e^r - 1 for |r| <= ln(2) / 2.
  mlir::Value expm1Reduced(mlir::Value r);
  /// The nearest integer to x, as float and as i32; no conversion that NaN would make undefined.
  std::pair<mlir::Value, mlir::Value> nearest(mlir::Value x);
  /// 2^n.
  mlir::Value powerOfTwo(mlir::Value n);
  mlir::Value scale(mlir::Value x, mlir::Value n);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::Type type;
  bool hasFma;
};

} // namespace heed
