// TensorCore.h - the instructions of a warp for tensor cores and asynchronous copies, as functions on values.
#pragma once

#include "compiler/gpu/Launch.h"

namespace heed::device {

/// Pairs of 16-bit elements are i32, the first in the lower half. Lanes of a warp call together.
class TensorCore {
public:
  using Type = mlir::Type;

  explicit TensorCore(Emit &emit) : emit(emit) {}

  static bool takes(Type element) { return element.isF16() || element.isBF16(); }

  /// Dynamic shared memory, aligned to 16 bytes.
  Value sharedMemory();
  /// `bytes` is an index.
  Value at(Value pointer, Value bytes);
  Value at(Value pointer, int64_t bytes) { return bytes ? at(pointer, emit.index(bytes)) : pointer; }
  /// Where an element of a buffer is; `subscripts` may be out of bounds.
  Value addressOf(Value buffer, ValueRange subscripts);

  /// c + a b for a of 16 x 16 (4 pairs), b of 16 x 8 (2 pairs) and c of 16 x 8 (4 f32): mma.sync.m16n8k16.
  SmallVector<Value> multiply(Type element, ValueRange a, ValueRange b, ValueRange c);
  /// c + a b for a of 16 x 8 (4 f32), b of 8 x 8 (2) and c of 16 x 8 (4), as f32 that each are the sum of two numbers that tensor
  /// cores take: three products, mma.sync.m16n8k8 of tf32. Neither may be infinite.
  struct Split {
    SmallVector<Value> large, small;
    Split slice(unsigned first, unsigned count) const;
  };
  Split split(ValueRange numbers);
  SmallVector<Value> multiply(Split const &a, Split const &b, ValueRange c);
  /// a and b as tf32, which must be exact.
  SmallVector<Value> multiplyOnce(ValueRange a, ValueRange b, ValueRange c);
  /// Four matrices of 8 x 8, or 8 x 4 of 32 bits; lane l gives where row l % 8 of matrix l / 8 begins.
  SmallVector<Value> loadMatrices(Value address, bool transposed);

  /// 16 bytes to shared memory, all from `bytes` (i32) on zeros; seen after a wait and a barrier.
  void copy(Value to, Value from, Value bytes);
  void commitCopies();
  /// Until at most `groups` of the thread's groups are under way.
  void waitForCopies(int groups);

  /// The number at a place of shared memory, as f32.
  Value load(Type element, Value address);
  /// Four f32 at a multiple of 16 bytes.
  SmallVector<Value> loadFour(Value address);

  Value exp2(Value x);
  /// Of two f32, the one that is a number.
  Value larger(Value a, Value b);
  Value smaller(Value a, Value b);
  Value pack(Type element, Value first, Value second);
  Value unpack(Type element, Value pair, unsigned which);
  /// The value of the lane whose number differs in the bits of `distance`.
  Value exchange(Value x, int32_t distance);
  Value any(Value condition);

  Value i32(int64_t value) { return mlir::arith::ConstantIntOp::create(emit, emit.getI32Type(), value); }

private:
  SmallVector<Value> fields(Value structure, unsigned count);
  Value roundToTf32(Value x);

  Emit &emit;
};

} // namespace heed::device
