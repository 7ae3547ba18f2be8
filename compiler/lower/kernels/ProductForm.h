// ProductForm.h - a contraction in the terms of heed.matmul.
#pragma once

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace heed::kernels {

using Dims = llvm::SmallVector<unsigned>;

/// result[batch, rows, columns] = left[batch, rows, depth] * right[batch, ...], in loops of the contraction.
struct ProductForm {
  mlir::Value left, right;
  mlir::AffineMap leftMap, rightMap, resultMap;
  Dims batch, rows, columns, depth;

  /// Whether the right side has columns in front of its depth.
  bool isRightTransposed() const;
  /// One row without an axis for it.
  bool isSingleRow() const { return batch.empty() && rows.empty(); }
  /// The loops in the order in which the result comes out of the product.
  Dims order() const;
  /// Whether it comes out as the contraction has it.
  bool hasShapeOfResult() const;
};

/// The axis of a map that a loop is.
unsigned axisOf(mlir::AffineMap map, unsigned dim);
/// Elements of the joined loops; nullopt if a size is known at run time only.
std::optional<int64_t> staticSize(mlir::linalg::LinalgOp op, llvm::ArrayRef<unsigned> dims);

/// The form of `op` that copies the fewest elements, or nothing and a reason if it has none.
std::optional<ProductForm> productForm(mlir::linalg::LinalgOp op, std::string &reason);
/// Whether the kernel may read the left side with its depth in front of its rows, as it lies.
bool readsLeftTransposed(mlir::linalg::LinalgOp op, ProductForm const &product);

/// Below this many columns most of a panel would be padding.
constexpr int64_t fewestColumns = 4;
/// Packing costs about as much as this many rows; an operand that is packed in every run needs more.
constexpr int64_t fewestRows = 4;

} // namespace heed::kernels
