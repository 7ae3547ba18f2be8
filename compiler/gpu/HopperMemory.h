// HopperMemory.h - the shared memory of a block of attention for sm_90a: tiles, and the barriers that say when they are there.
#pragma once

#include "compiler/gpu/HopperAsm.h"
#include "compiler/gpu/HopperShape.h"

namespace heed::device {

/// Queries lie there once. Keys and values come through two rings of two places each: the warp that copies fills a place when it is
/// empty, the warps that compute read it when it is full. Empty means that one thread of each warp has said so.
class HopperMemory {
public:
  HopperMemory(Emit &emit, HopperShape shape) : code(emit), emit(emit), shape(shape) {}

  /// All threads of the block together, before anything else.
  void begin(Value thread);

  enum Ring { Keys, Values };
  struct Place {
    Value stage;
    Value parity; ///< of the phase in which it is full
  };
  /// Where tile `number` of the block is.
  Place placeOf(Value number);

  Value queries() { return base; }
  Value tile(Ring ring, Value stage);
  Value queriesArrived() { return barrier(0, Value()); }
  Value full(Ring ring, Value stage) { return barrier(1 + 2 * HopperShape::stages * ring, stage); }
  Value empty(Ring ring, Value stage) { return barrier(1 + 2 * HopperShape::stages * ring + HopperShape::stages, stage); }
  /// A word of each warp that computes.
  Value flag(Value stage, Value warp);

  HopperAsm code;

private:
  Value barrier(int64_t number, Value stage);

  Emit &emit;
  HopperShape shape;
  Value base;
};

} // namespace heed::device
