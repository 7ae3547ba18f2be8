// Exponentials.h - scores behind exponentials, and what may leave them without changing a softmax.
#pragma once

#include "compiler/derive/Regions.h"

#include "mlir/Dialect/Math/IR/Math.h"

namespace heed::derive {

/// exp(x), or a read of a definition that is nothing but exp(x).
struct Exponent {
  mlir::math::ExpOp power;
  mlir::tensor::ExtractOp read; ///< null: `power` itself
};
std::optional<Exponent> exponentOf(mlir::Value value);
/// x where `value` is exp(x), copied like cloneSlice does.
mlir::Value cloneExponent(mlir::OpBuilder &builder, mlir::Value value, mlir::Operation *top, mlir::IRMapping &map);

/// The terms of a sum.
void collectTerms(mlir::Value sum, llvm::SmallVectorImpl<mlir::Value> &terms);
/// Whether a value can be shown to be at least 0 (or NaN).
bool isNotNegative(mlir::Value value);
/// log(sum of terms), copied like cloneSlice does; x for exp(x).
mlir::Value cloneLogarithm(mlir::OpBuilder &builder, mlir::Location location, llvm::ArrayRef<mlir::Value> terms,
                           mlir::Operation *top, mlir::IRMapping &map);
/// Computes definitions that are a sum where the divisor of `define` reads them.
void inlineSums(heed::ir::DefineOp define);

/// Leaves out the row's maximum, which people subtract so that exponentials do not overflow: a softmax does not change when all of a
/// row's scores and its rest change by the same.
void cancelRowTerms(heed::ir::SoftmaxOp softmax);

} // namespace heed::derive
