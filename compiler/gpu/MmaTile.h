// MmaTile.h - a block of queries against tiles of keys on tensor cores, by mma.sync: sources of 16 bits, sums in f32.
//
// Four warps of 16 rows each. Tiles of keys and sources are copied to shared memory while the tile before is worked on; scores,
// weights and sums stay in registers.
#pragma once

#include "compiler/gpu/FragmentScores.h"
#include "compiler/gpu/UnusualSources.h"

namespace heed::device {

struct MmaShape {
  static constexpr int64_t warps = 4, warpLanes = 32, threads = warps * warpLanes, rows = 16 * warps, stages = 2;
  int64_t keys;     ///< of a tile
  int64_t inner;    ///< of query and key, in whole steps of 16; 0 without query
  int64_t features; ///< of the result that are computed at a time, in whole steps of 16
  int parts;        ///< numbers of 16 bits that stand for a weight

  /// Lines of shared memory: an odd number of 16 bytes, so that rows of a matrix are in different banks.
  int64_t innerBytes() const { return 2 * (inner + 8); }
  int64_t featureBytes() const { return 2 * (features + 8); }
  int64_t queryBytes() const { return inner ? rows * innerBytes() : 0; }
  int64_t keyBytes() const { return inner ? keys * innerBytes() : 0; }
  int64_t sharedBytes() const { return queryBytes() + stages * (keyBytes() + keys * featureBytes()); }
  /// Registers for the queries are few enough to keep them.
  bool keepsQueries() const { return inner <= 64; }

  /// nullopt: another form takes the operation.
  static std::optional<MmaShape> of(ir::AttentionOp op);
};

class MmaTile {
public:
  MmaTile(Emit &emit, ir::AttentionOp op, MmaShape shape, kernels::QueryBlock const &queries,
          domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, Value thread);

  /// All of a block's work; `before` without buffers: nothing was seen before. With buffers in `after`: what a later sweep goes on
  /// from is kept there.
  void run(kernels::KeyWalk &walk, kernels::SweepState const &before, kernels::SweepState const &after);

private:
  using Words = SmallVector<Value>;

  void round(Value featureBegin, kernels::KeyWalk &walk, kernels::SweepState const &before, kernels::SweepState const &after);
  void stageKeys(kernels::KeyTile const &keys, Value number, Value featureBegin);
  Value tileOf(Value number);
  Words queryFragment(int64_t step);
  SmallVector<Value> dots(Value keyTile, ArrayRef<Words> queryFragments);
  SmallVector<Value> accumulate(Value sourceTile, ArrayRef<Value> weights, ArrayRef<Value> before, Value full);
  SmallVector<Value> weightedSum(Value sourceTile, ArrayRef<SmallVector<Words>> operands, ArrayRef<Value> before,
                                 UnusualSources *unusual = nullptr);
  SmallVector<Value> withUnusual(Value sourceTile, UnusualSources &unusual, ArrayRef<Value> weights, ArrayRef<Value> before);
  SmallVector<Value> sumsBefore(Value featureBegin, kernels::SweepState const &before);
  void store(ArrayRef<Value> sums, ArrayRef<Value> multipliers, Value featureBegin);
  void eachElement(Value featureBegin, llvm::function_ref<void(int64_t, Value, ArrayRef<Value>)> body);
  SmallVector<Value> position(Value row, Value key, Value inner, Value feature);
  Value size(unsigned axis) { return op.getSizes()[axis]; }

  Emit &emit;
  TensorCore core;
  ir::AttentionOp op;
  MmaShape shape;
  kernels::QueryBlock const &queries;
  Value thread, lane, warp;
  FragmentMap map;
  FragmentScores scores;
  Value shared;        ///< queries, then the stages of keys and sources
  Value queryLine, keyLine, sourceLine; ///< where the lane's lines for ldmatrix are from the begin of a tile, in bytes
};

} // namespace heed::device
