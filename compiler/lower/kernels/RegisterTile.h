// RegisterTile.h - the inner loop of every matrix product: a tile of the result in registers.
#pragma once

#include "compiler/lower/kernels/Emit.h"
#include "compiler/lower/kernels/Kernels.h"

namespace heed::kernels {

/// How products are cut for a target's registers.
struct TileShape {
  int64_t lanes;   ///< f32 lanes of one register
  int64_t vectors; ///< registers per panel row: a panel is `lanes * vectors` wide
  int64_t rows;    ///< rows of the tile

  int64_t width() const { return lanes * vectors; }
  /// Fills the registers with accumulators, one panel row and one broadcast element.
  static TileShape of(KernelTarget const &target);
  /// The same registers over panels of a given width.
  static std::optional<TileShape> forWidth(KernelTarget const &target, int64_t width);
};

/// What a tile multiplies. `left(row, k)` gives a scalar, `right(vector, k)` a vector of `lanes`.
struct TileOperands {
  llvm::function_ref<Value(int64_t row, Value k)> left;
  llvm::function_ref<Value(int64_t vector, Value k)> right;
  /// What is summed instead of products, if anything.
  llvm::function_ref<Value(Value k, Value left, Value right)> term = {};
};

/// Adds sum_k left(row, k) * right(vector, k), or sum_k term(k, left, right), k in [from, to), to `accumulators`, which are ordered by row, then
/// vector.
SmallVector<Value> emitRegisterTile(Emit &emit, int64_t rows, int64_t vectors, Value from, Value to,
                                    ArrayRef<Value> accumulators, TileOperands operands);

/// A tile of rows [first, first + height). If it is not `exact`, only the rows below `end` exist.
struct RowTile {
  Value first, end;
  int64_t height;
  bool exact;

  /// Row `offset` of the tile, or the last row that exists: computing that one several times, with the same result, is
  /// cheaper than any test.
  Value row(Emit &emit, int64_t offset) const;
};

/// Calls `body` for tiles that cover rows [begin, end): full tiles in a loop, then one tile of the smallest emitted
/// height that covers the rest.
void emitRowTiles(Emit &emit, Value begin, Value end, int64_t height, llvm::function_ref<void(RowTile const &)> body);

} // namespace heed::kernels
