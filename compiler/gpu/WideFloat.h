// WideFloat.h - exponentials and logarithms in f64, as arithmetic: CUDA's library of functions is not at hand.
#pragma once

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace heed::device {

/// Results are within 2 units in the last place of f64 where nothing overflows; NaN gives NaN.
class WideFloat {
public:
  WideFloat(mlir::OpBuilder &builder, mlir::Location loc) : b(loc, builder) {}

  mlir::Value exp(mlir::Value x);
  mlir::Value exp2(mlir::Value x);
  mlir::Value log(mlir::Value x);
  mlir::Value log2(mlir::Value x);

  mlir::Value number(double value);
  mlir::Value add(mlir::Value a, mlir::Value c);
  mlir::Value sub(mlir::Value a, mlir::Value c);
  mlir::Value mul(mlir::Value a, mlir::Value c);
  mlir::Value fma(mlir::Value a, mlir::Value c, mlir::Value d);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value c);
  mlir::Value less(mlir::Value a, mlir::Value c);  // false for NaN
  mlir::Value equal(mlir::Value a, mlir::Value c); // false for NaN

private:
  mlir::Value integer(int64_t value);
  mlir::Value nearest(mlir::Value x);
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  mlir::Value clampKeepingNaN(mlir::Value x, double low, double high);
  mlir::Value powerTimes(mlir::Value n, mlir::Value r);
  mlir::Value logarithm(mlir::Value x, bool binary);

  mlir::ImplicitLocOpBuilder b;
};

} // namespace heed::device
