// MmaTile.h - a block of queries against tiles of keys on tensor cores, by mma.sync: sources of 16 bits or as tf32, sums in f32.
//
// Up to four warps of 16 rows each. Tiles of keys and sources are copied to shared memory while the tile before is worked on;
// scores, weights and sums stay in registers.
#pragma once

#include "compiler/gpu/FragmentScores.h"
#include "compiler/gpu/UnusualSources.h"

namespace heed::device {

struct MmaShape {
  static constexpr int64_t warpLanes = 32, stages = 2;
  /// What computes the sums of which scores are functions: tensor cores, or threads where the terms are no products.
  enum class Dots { None, OnTensorCores, ByThreads };
  Dots dots;
  int64_t rows;     ///< of queries, 16 for each warp
  int64_t keys;     ///< of a tile
  int64_t inner;    ///< of query and key, in whole steps of 16; 0 without query
  int64_t features; ///< of the result that are computed at a time, in whole steps of 16
  int parts;        ///< numbers of 16 bits that stand for a weight
  bool isWide;      ///< sources are f32, and so are query and key on tensor cores: sums of two tf32
  int64_t queryEach, keyEach, sourceEach; ///< bytes of an element

  int64_t threads() const { return rows / 16 * warpLanes; }
  /// Lines of shared memory: an odd number of 16 bytes, so that rows of a matrix are in different banks.
  int64_t queryLine() const { return queryEach * inner + 16; }
  int64_t keyLine() const { return keyEach * inner + 16; }
  int64_t sourceLine() const { return sourceEach * features + 16; }
  int64_t queryBytes() const { return inner ? rows * queryLine() : 0; }
  int64_t keyBytes() const { return inner ? keys * keyLine() : 0; }
  int64_t sharedBytes() const { return queryBytes() + stages * (keyBytes() + keys * sourceLine()); }
  /// Registers for the queries are few enough to keep them.
  bool keepsQueries() const { return dots == Dots::OnTensorCores && !isWide && inner <= 64; }

  /// nullopt, and the reason: another form takes the operation. `tf32x3`: f32 may be sums of two tf32.
  static std::optional<MmaShape> of(ir::AttentionOp op, int64_t rows, bool tf32x3, std::string &reason);
};

class MmaTile {
public:
  MmaTile(Emit &emit, ir::AttentionOp op, MmaShape shape, kernels::QueryBlock const &queries,
          domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, Value thread);

  /// All of a block's work; `before` without a state: nothing was seen before. With a state in `after`, what a later sweep goes on
  /// from or what is combined later is kept there.
  void run(kernels::KeyWalk &walk, KeptSums const &before, KeptSums const &after);

private:
  using Words = SmallVector<Value>;

  void round(Value featureBegin, kernels::KeyWalk &walk, KeptSums const &before, KeptSums const &after);
  void stageKeys(kernels::KeyTile const &keys, Value number, Value featureBegin);
  Value tileOf(Value number);
  Words queryFragment(int64_t step);
  SmallVector<Value> dots(Value keyTile, ArrayRef<Words> queryFragments);
  SmallVector<Value> dotsOfNarrow(Value keyTile, ArrayRef<Words> queryFragments);
  SmallVector<Value> dotsOfWide(Value keyTile);
  SmallVector<Value> dotsByThreads(Value keyTile);
  SmallVector<Value> accumulate(Value sourceTile, ArrayRef<Value> weights, ArrayRef<Value> before, Value full);
  SmallVector<Value> weightedSum(Value sourceTile, ArrayRef<SmallVector<Words>> operands, ArrayRef<Value> before,
                                 UnusualSources *unusual = nullptr);
  SmallVector<Value> accumulateWide(Value sourceTile, ArrayRef<Value> weights, ArrayRef<Value> before);
  SmallVector<Value> wideSources(Value sourceTile, int64_t group, int64_t column);
  Value hasUnusualWide(Value sourceTile);
  SmallVector<Value> withUnusual(Value sourceTile, UnusualSources &unusual, ArrayRef<Value> weights, ArrayRef<Value> before);
  SmallVector<Value> sumsBefore(Value featureBegin, KeptSums const &before);
  void store(ArrayRef<Value> sums, ArrayRef<Value> multipliers, Value featureBegin, Value to);
  void eachElement(Value featureBegin, llvm::function_ref<void(int64_t, Value, ArrayRef<Value>)> body);
  SmallVector<Value> position(ArrayRef<Value> query, Value key, Value inner, Value feature);
  SmallVector<Value> ofKey(Value key, Value inner, Value feature);
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
