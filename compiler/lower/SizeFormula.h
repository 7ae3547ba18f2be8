// SizeFormula.h - sizes of buffers as functions of the dims, so that they can be evaluated anywhere.
#pragma once

#include "compiler/lower/Model.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/IRMapping.h"

namespace heed {

/// constant * product of factors [, rounded up to the buffer alignment and times the chunks of a loop]. Affine factors
/// are compared as such, others by the value that computes them.
struct SizeFormula {
  int64_t constant = 1;
  llvm::SmallVector<mlir::AffineExpr> affine;
  llvm::SmallVector<mlir::Value> values;
  llvm::SmallVector<mlir::scf::ParallelOp> chunks;
  bool operator==(SizeFormula const &) const = default;
};

/// The number of an iteration of a parallel loop, counted over all its dimensions.
mlir::Value chunkNumber(mlir::OpBuilder &builder, mlir::Location loc, mlir::scf::ParallelOp parallel);

class SizeFormulas {
public:
  /// Dims are the leading arguments of type index.
  explicit SizeFormulas(mlir::func::FuncOp function);

  unsigned dimCount() const { return dims; }
  /// Fails if a size depends on anything but the dims.
  mlir::FailureOr<SizeFormula> product(int64_t constant, llvm::ArrayRef<int64_t> shape, mlir::ValueRange dynamic);
  mlir::LogicalResult multiplyByChunks(SizeFormula &size, mlir::scf::ParallelOp parallel);
  /// `value` as an affine form in the dims.
  mlir::AffineExpr affine(mlir::Value value) const;
  /// The value at the largest sizes; a dim without maximum counts as 512.
  double typical(SizeFormula const &size) const;
  /// At least the value of an index value at all sizes, if known.
  std::optional<int64_t> upperBound(mlir::Value value) const;

  /// Evaluates formulas in another function.
  class Cloner {
  public:
    Cloner(SizeFormulas &formulas, mlir::OpBuilder &builder, mlir::ValueRange dims);
    mlir::Value emit(SizeFormula const &size, mlir::Location loc);

  private:
    mlir::Value emit(mlir::Value value);
    SizeFormulas &formulas;
    mlir::OpBuilder &builder;
    llvm::SmallVector<mlir::Value> dims;
    mlir::IRMapping mapping;
  };

private:
  bool computable(mlir::Value value) const;
  mlir::AffineExpr sizeOfArgument(mlir::Value source, int64_t axis) const;
  mlir::AffineExpr sizeOf(mlir::Value source, int64_t axis) const;
  double typicalValue(mlir::Value value) const;
  double typicalChunks(mlir::scf::ParallelOp parallel) const;

  mlir::Block *entry = nullptr;
  unsigned dims = 0;
  llvm::SmallVector<std::optional<int64_t>> maxima;
  std::optional<Model> model;
};

} // namespace heed
