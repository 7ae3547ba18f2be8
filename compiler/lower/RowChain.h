// RowChain.h - operations that can run for some rows at a time, because row i of what they make needs only row i of what they read.
#pragma once

#include "dialect/HeedOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"

namespace heed {

/// How an operation reads or writes a tensor, given which of its dimensions are the rows.
struct RowAccess {
  static constexpr int64_t whole = -1;
  mlir::Value value;
  int64_t axis; ///< the axis that rows index, or `whole`
  bool captured; ///< read by a body, at computed positions
};

/// Operations of one block with the axis that rows have in each of their tensors.
class RowChain {
public:
  /// Grows from `seed`, whose rows are `axis`: what makes and what reads tensors as large as it, and what lies between. Null, with a
  /// reason, if some of it is not row by row, or if a tensor as large goes in or out.
  static std::optional<RowChain> grow(mlir::Value seed, int64_t axis, std::string &reason);

  /// Grows from `seed` by neighbours that work on the same rows: what reads them, and what makes them without being a product. With
  /// `sums`, also by sums over the rows, which end the chain. What is read whole has at most `mostWhole` bytes. Null, with a reason, if
  /// not even the maker of `seed` works row by row.
  static std::optional<RowChain> growAround(mlir::Value seed, int64_t axis, bool sums, int64_t mostWhole, std::string &reason);

  /// Axes with many elements: two in scores, one in queries and keys.
  static int64_t longAxes(mlir::Value value);
  static bool isLong(int64_t size);
  /// About how many elements a tensor has, 1 for what is none.
  static double elements(mlir::Value value);
  /// How many times larger than what a chain takes in and gives out its largest tensor must be.
  static constexpr double worthwhile = 4;
  /// A tensor that is made of indices and scalars alone.
  static bool isFree(mlir::Operation *op);

  /// In the order of the block.
  llvm::ArrayRef<mlir::Operation *> operations() const { return ordered; }
  /// Values that are used elsewhere. Where a free tensor is, its operation stays.
  llvm::SmallVector<mlir::Value> results() const;
  /// Whether a member sums over the rows.
  bool isSum(mlir::Operation *op) const { return summed.contains(op); }
  /// Elements of what only the chain knows, and of the rows that it takes in and gives out.
  double inside() const { return elementsInside; }
  double around() const { return elementsAround; }
  /// Bytes of the longest row inside.
  double rowBytes() const;
  /// The axis that rows have in a value of the chain.
  std::optional<int64_t> axisOf(mlir::Value value) const;
  /// The dimension of rows in the iteration space of an operation; none if it does not work on rows.
  std::optional<unsigned> dimOf(mlir::Operation *op) const;
  llvm::SmallVector<RowAccess> accesses(mlir::Operation *op, unsigned dim, bool &valid) const;
  mlir::OpFoldResult rows() const { return extent; }
  unsigned largeCount() const { return large; }

  /// The sizes of a tensor as they are known where it is made; empty if unknown.
  static llvm::SmallVector<mlir::OpFoldResult> sizesOf(mlir::Value value);

private:
  mlir::Block *block = nullptr;
  int64_t rank = 0; // long axes of the seed
  mlir::OpFoldResult extent;
  unsigned large = 0;
  llvm::SetVector<mlir::Operation *> members;
  llvm::SmallVector<mlir::Operation *> ordered;
  llvm::DenseMap<mlir::Value, int64_t> axes;
  std::string why;
  bool sums = false;
  int64_t mostWhole = 0;
  double elementsInside = 0, elementsAround = 0;
  llvm::DenseSet<mlir::Operation *> summed;

  bool isLarge(mlir::Value value) const { return longAxes(value) >= rank; }
  bool setAxis(mlir::Value value, int64_t axis, bool &changed);
  bool propagate(mlir::Operation *op, bool &changed);
  bool propagateLoop(mlir::scf::ForOp loop, bool &changed);
  bool joinNeighbours(mlir::Operation *op, bool &changed);
  bool canJoin(mlir::Operation *op);
  bool close(bool &changed);
  bool isComplete();
  bool join(mlir::Operation *op);
  bool settle();
  bool closeBetween(bool &changed);
  bool readsOnlyRows();
  mlir::Operation *nextNeighbour(llvm::DenseSet<mlir::Operation *> const &refused) const;
  bool measure();
  int64_t resultAxis(mlir::Operation *op, unsigned dim, unsigned result) const;
  bool coversRows(mlir::OpFoldResult offset, mlir::OpFoldResult size, mlir::OpFoldResult stride) const;
};

} // namespace heed
