// MatrixView.h - a matrix inside a buffer of any rank, layout and float type, read and written as f32.
#pragma once

#include "compiler/lower/kernels/Emit.h"

namespace heed::kernels {

class MatrixView {
public:
  using Subscripts = std::function<SmallVector<Value>(Emit &, Value row, Value column)>;

  /// `contiguous`: neighbours along a row are neighbours in memory.
  MatrixView(Value buffer, bool contiguous, Subscripts at)
      : buffer(buffer), contiguous(contiguous), at(std::move(at)) {}

  /// The last two axes of `buffer` at fixed leading subscripts; with one axis only, a single row.
  static MatrixView ofLastAxes(Value buffer, ArrayRef<Value> leading, bool transposed = false);

  bool isContiguous() const { return contiguous; }
  Value load(Emit &emit, Value row, Value column) const;
  /// `lanes` elements of a row. With a `count`, only that many are read and the others are 0.
  Value loadVector(Emit &emit, int64_t lanes, Value row, Value column, Value count = {}) const;
  int64_t elementBytes() const;
  /// Asks for the cache line of an element, which will soon be read.
  void prefetch(Emit &emit, Value row, Value column) const;
  void storeVector(Emit &emit, Value vector, Value row, Value column, Value count = {}) const;

private:
  Value buffer;
  bool contiguous;
  Subscripts at;
};

/// Whether the last axis of a buffer has stride 1.
bool hasUnitStride(mlir::MemRefType type);
/// Whether neighbours along a dimension are neighbours in memory: it enters the last subscript with factor 1, and no other.
bool isContiguousAlong(Value buffer, mlir::AffineMap subscripts, unsigned dim);
/// A mask of the first `count` lanes; `count` may be negative or exceed `lanes`.
Value maskOfFirst(Emit &emit, int64_t lanes, Value count);

} // namespace heed::kernels
