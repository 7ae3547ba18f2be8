// ProductShapes.h - operands and results of a contraction in the shapes that heed.matmul has, and back.
#pragma once

#include "compiler/lower/kernels/ProductForm.h"

namespace heed::kernels {

class ProductShapes {
public:
  ProductShapes(mlir::OpBuilder &builder, mlir::linalg::LinalgOp op, ProductForm const &product)
      : builder(builder), loc(op.getLoc()), op(op), product(product) {}

  /// The size of a loop, and of several joined.
  mlir::OpFoldResult sizeOf(unsigned dim);
  mlir::OpFoldResult sizeOf(llvm::ArrayRef<unsigned> dims);

  /// An operand with an axis per batch loop, then one for `second` and one for `third`. A batch loop it does not have: none.
  mlir::Value arrange(mlir::Value value, mlir::AffineMap map, llvm::ArrayRef<unsigned> second, llvm::ArrayRef<unsigned> third);
  /// The only row of a left side.
  mlir::Value arrangeRow(mlir::Value value, mlir::AffineMap map);
  /// [batch.., rows, columns] to one axis per loop, in the order of the contraction's result.
  mlir::Value spread(mlir::Value result);

private:
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  mlir::Value regroup(mlir::Value value, llvm::ArrayRef<mlir::ReassociationIndices> groups,
                      llvm::ArrayRef<mlir::OpFoldResult> shape);
  mlir::Value expand(mlir::Value value, llvm::ArrayRef<mlir::ReassociationIndices> groups,
                     llvm::ArrayRef<mlir::OpFoldResult> shape);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::linalg::LinalgOp op;
  ProductForm const &product;
};

} // namespace heed::kernels
