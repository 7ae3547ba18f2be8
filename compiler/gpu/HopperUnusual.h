// HopperUnusual.h - infinities and NaNs among the values of a tile that a mask cuts, where wgmma reads values from shared memory.
#pragma once

#include "compiler/gpu/HopperMemory.h"
#include "compiler/gpu/UnusualSources.h"

namespace heed::device {

/// 0 times infinity is NaN, so a tile with such values is made clean before it is multiplied by weights that are 0. What the values give
/// where a weight is not 0 is added to the sums one by one. That is slow, and rare; to look for them costs a few loads.
class HopperUnusual {
public:
  HopperUnusual(Emit &emit, HopperShape shape, HopperMemory &memory, Value stage);

  // All warps that compute call these together.
  /// Whether there are such values in the tile: the same answer for all threads.
  Value look();
  /// `weights` and `sums` are fragments; gives the sums.
  SmallVector<Value> take(Value found, ArrayRef<Value> weights, ArrayRef<Value> sums);

private:
  SmallVector<Value> visibleKeys(ArrayRef<Value> weights, unsigned half);
  SmallVector<Value> add(ArrayRef<Value> weights, ArrayRef<Value> sums);
  void clean();
  void meet();
  Value at(Value address);
  Value word(Value words, int64_t number);
  SmallVector<Value> eachChunk(ValueRange inits, kernels::Emit::Body body);

  Emit &emit;
  TensorCore core;
  UnusualSources unusual;
  HopperShape shape;
  HopperMemory &memory;
  HopperAsm &code;
  Value worker, warp, lane; ///< the thread, among those that compute
  Value stage, tile;
};

} // namespace heed::device
