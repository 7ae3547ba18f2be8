// LinalgOperands.h - which reads of a definition become operands of a linalg.generic, and through which views.
#pragma once

#include "compiler/derive/Regions.h"

namespace heed::derive {

/// Whether two sizes are provably equal: the same value, constant, or affine form of the arguments of the function.
bool sameSize(mlir::OpFoldResult left, mlir::OpFoldResult right);

/// The size of an axis as a value that sameSize understands; null if it is not known.
mlir::OpFoldResult knownSize(mlir::Value tensor, int64_t axis);

/// A read as an operand: `tensor` (a view made in front of the definition) at `map` of the loops.
struct LinalgOperand {
  mlir::Value tensor;
  mlir::AffineMap map;
};

/// `read` inside a definition with loops `dims` of `sizes`, or nothing if its subscripts are not distinct indices,
/// values that no loop varies, and `high * K + low` over a whole axis. `builder` stands in front of the definition.
std::optional<LinalgOperand> operandOf(mlir::OpBuilder &builder, mlir::tensor::ExtractOp read, mlir::ValueRange dims,
                                       llvm::ArrayRef<mlir::OpFoldResult> sizes);

} // namespace heed::derive
