// HopperConsumer.h - the warps of a block for sm_90a that compute.
#pragma once

#include "compiler/gpu/FragmentScores.h"
#include "compiler/gpu/HopperMemory.h"
#include "compiler/lower/kernels/KeyWalk.h"

namespace heed::device {

/// A warp group takes 64 queries. The products of a tile with its keys and the sum over the values of the tile before are under way
/// together, and the softmax of the tile runs under the latter. Groups take turns to multiply, so that one computes powers while
/// another has the tensor cores.
class HopperConsumer {
public:
  HopperConsumer(Emit &emit, ir::AttentionOp op, HopperShape shape, kernels::QueryBlock const &queries,
                 domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, HopperMemory &memory, Value thread);

  /// By all warp groups that compute.
  void run(kernels::KeyWalk &walk);

private:
  /// What a tile leaves to the next.
  struct Running {
    FragmentScores::State state;
    SmallVector<Value> sums;    ///< without the last tile
    SmallVector<Value> weights; ///< of the last tile, as left operands of its product: 4 words for 16 keys
  };

  struct Settled {
    SmallVector<Value> sums, weights;
  };

  SmallVector<Value> tiles(kernels::KeyWalk &walk, Running const &first, kernels::KeyWalk::Cursor const &cursor);
  Running firstTile(kernels::KeyTile const &tile);
  Running nextTile(kernels::KeyTile const &tile, Value number, Running const &before);
  Settled settle(ArrayRef<Value> sums, FragmentScores::Weights const &weights, Value before);
  SmallVector<Value> lastSums(Value tiles, Running const &before);
  SmallVector<Value> products(Value stage);
  SmallVector<Value> addValues(ArrayRef<Value> sums, ArrayRef<Value> weights, Value stage);
  Value isWhole(kernels::KeyTile const &tile);
  SmallVector<Value> operands(ArrayRef<Value> weights);
  void release(HopperMemory::Ring ring, Value stage) { code.arriveIfZero(memory.empty(ring, stage), lane); }
  void store(ArrayRef<Value> sums, FragmentScores::State const &state);

  Emit &emit;
  ir::AttentionOp op;
  HopperShape shape;
  kernels::QueryBlock const &queries;
  HopperMemory &memory;
  HopperAsm &code;
  Value worker; ///< the thread, among those that compute
  Value group;  ///< i32, the same for a warp as far as the compiler can see
  Value lane;   ///< i32
  FragmentMap map;
  FragmentScores scores;
};

} // namespace heed::device
