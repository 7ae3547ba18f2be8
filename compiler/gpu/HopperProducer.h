// HopperProducer.h - the warp of a block for sm_90a that copies tiles to shared memory.
#pragma once

#include "compiler/gpu/HopperMemory.h"
#include "compiler/lower/kernels/KeyWalk.h"

namespace heed::device {

class HopperProducer {
public:
  /// At a place that all threads of the block pass.
  HopperProducer(Emit &emit, ir::AttentionOp op, HopperShape shape, kernels::QueryBlock const &queries, HopperMemory &memory);

  /// By the warp group that copies. It walks over the same tiles as those that compute, as far ahead as the rings have room.
  void run(kernels::KeyWalk &walk, Value thread);

private:
  /// What is copied in tiles of `rows` rows.
  struct Operand {
    Value map;            ///< of the buffer, for TMA
    mlir::AffineMap subscripts;
    unsigned row, column; ///< dimensions of the iteration space
    int64_t rows;
  };

  Operand operand(Value buffer, mlir::AffineMap subscripts, unsigned row, unsigned column, int64_t rows);
  void copy(Operand const &operand, Value shared, Value first, Value barrier);

  Emit &emit;
  ir::AttentionOp op;
  HopperShape shape;
  kernels::QueryBlock const &queries;
  HopperMemory &memory;
  HopperAsm &code;
  Operand query, key, source;
};

} // namespace heed::device
