// Product.h - matrix products among linalg.generic, and what is done to their elements before they reach memory.
#pragma once

#include "compiler/gpu/Element.h"

namespace heed::device {

/// out[.. row, column] += sum over `inner` of left[.. row, inner] * right[.. inner, column], in f32; other loops are batches.
struct Product {
  mlir::linalg::GenericOp op;
  unsigned row, column, inner;
  mlir::OpOperand *left, *right;

  static std::optional<Product> match(mlir::linalg::GenericOp op);
  mlir::OpOperand &out() const { return *const_cast<mlir::linalg::GenericOp &>(op).getDpsInitOperand(0); }
};

/// The operations around a product that its kernel can do as well: the one that fills the buffer before, and one that makes each
/// element of something else of each element after. Then neither has to pass through memory.
class Epilogue {
public:
  /// Operations in `done` have their kernels.
  Epilogue(Product const &product, llvm::SmallPtrSetImpl<mlir::Operation *> const &done);

  /// Where the kernel has to be launched: at the last of the operations.
  mlir::Operation *place();
  /// The value that the sums start with, if it is a known number.
  std::optional<double> constantStart() const;
  void prepare(Emit &emit);
  /// The value of an element before the product; `at` are its subscripts.
  Value start(Emit &emit, ArrayRef<Value> at);
  /// Takes the finished sum to memory.
  void finish(Emit &emit, ArrayRef<Value> at, Value sum);
  /// Removes all operations that the kernel does.
  llvm::SmallPtrSet<mlir::Operation *, 4> operations() const;

private:
  void findFill(llvm::SmallPtrSetImpl<mlir::Operation *> const &done);
  void findConsumer(llvm::SmallPtrSetImpl<mlir::Operation *> const &done);
  bool mayConsume(mlir::linalg::GenericOp candidate);

  Product product;
  mlir::linalg::GenericOp fill, consumer;
  mlir::OpOperand *consumed = nullptr; ///< the consumer's operand that is the product
  bool storesSum = true;               ///< someone else reads the product
  std::optional<Element> after;
};

/// Blocks of rows x columns elements of a product, numbered with the columns fastest.
class ProductBlocks {
public:
  ProductBlocks(Emit &emit, Product const &product, Epilogue &epilogue, int64_t rows, int64_t columns);

  Value count();
  /// In the kernel: the place of a block.
  void place(Value block);
  Value rowBegin, columnBegin;

  Value size(unsigned loop) const { return sizes[loop]; }
  SmallVector<Value> subscripts(mlir::OpOperand &operand, Value row, Value column, Value inner);
  /// Elements [0, tileRows) x columns from `firstRow` of the block on lie in `tile`, in shared memory; each thread finishes some
  /// of them, neighbours along a row.
  void finish(Value tile, int64_t tileRows, Value firstRow, Value thread, int64_t threads, bool addStart);

private:
  Emit &emit;
  Product product;
  Epilogue &epilogue;
  int64_t rows, columns;
  SmallVector<Value> sizes, position;
  Value rowBlocks, columnBlocks;
  SmallVector<unsigned> batch;
};

/// A buffer of dynamic shared memory, `offset` bytes from its start.
Value sharedTile(Emit &emit, int64_t offset, ArrayRef<int64_t> extents, mlir::Type element);

} // namespace heed::device
