// Transpose.h - transposition of a square of registers.
#pragma once

#include "compiler/lower/kernels/Emit.h"

namespace heed::kernels {

/// Transposes n vectors of n f32 lanes, n a power of two of at least 4.
SmallVector<Value> emitTranspose(Emit &emit, ArrayRef<Value> rows);

} // namespace heed::kernels
