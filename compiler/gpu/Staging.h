// Staging.h - tiles of matrices of 16-bit or 32-bit elements to shared memory, by all threads of a block together.
#pragma once

#include "compiler/gpu/TensorCore.h"

namespace heed::device {

/// Lines of `columns` elements are whole numbers of 16 bytes, and so is `lineBytes`. Zeros stand beyond the limits, which are sizes
/// of what there is.
struct StagedTile {
  int64_t rows;
  Value rowLimit;
  int64_t threads;
  Value thread;
  int64_t columns = 0, lineBytes = 0;
  Value columnLimit = {};
};

/// Whether 16 bytes can be copied at a time: elements along `dim` are neighbours, and groups of so many begin at multiples of 16
/// bytes if the buffer does.
bool hasWholeChunks(Value buffer, mlir::AffineMap map, unsigned dim);

/// Copies elements at `place(row, column)`, a position in the iteration space of which `map` gives the subscripts; columns run
/// along `dim`. Asynchronous where the buffer allows it: a commit and a wait have to follow.
void stage(Emit &emit, StagedTile const &tile, Value to, Value buffer, mlir::AffineMap map, unsigned dim,
           llvm::function_ref<SmallVector<Value>(Value row, Value column)> place);

} // namespace heed::device
