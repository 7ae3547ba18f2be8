// TensorOps.h - the instructions of tensor cores and of asynchronous copies, from sm_80 on.
#pragma once

#include "compiler/gpu/Launch.h"

namespace heed::device {

/// Of an element of `bytes` bytes of a buffer in shared memory, as the 32 bits that instructions take.
Value elementAddress(Emit &emit, Value buffer, ArrayRef<Value> at, int64_t bytes);
/// Of the element `offset` of a buffer without layout in the GPU's memory, as 64 bits.
Value globalAddress(Emit &emit, Value buffer, Value offset, int64_t bytes);

/// 16 bytes to shared memory, or as many zeros where `inside` does not hold.
void copyAsync(Emit &emit, Value shared, Value global, Value inside);
/// Ends a group of copies.
void commitCopies(Emit &emit);
/// Until all but the last `left` groups of the thread have arrived.
void waitForCopies(Emit &emit, int64_t left);

/// ldmatrix: four 8 x 8 matrices of 16 bits, whose lines are at the addresses of lanes 0 to 7, 8 to 15, ...
SmallVector<Value> loadMatrices(Emit &emit, Value address, bool transposed);
/// sums (4) + left (4 registers, 16 x 16) * right (2 registers, 16 x 8), of f16 or bf16.
SmallVector<Value> multiplyMatrices(Emit &emit, ArrayRef<Value> left, ArrayRef<Value> right, ArrayRef<Value> sums,
                                    mlir::Type element);

} // namespace heed::device
