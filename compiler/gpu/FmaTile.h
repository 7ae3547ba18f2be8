// FmaTile.h - a block of queries against tiles of keys, in f32 with fused multiply-add: exact, for every shape and element type.
//
// 128 threads as 16 groups of 8. A group owns rows g, g + 16, ... of the block, up to four; within it, a thread owns the keys
// c, c + 8, c + 16, c + 24 of a tile and, in the result, the features c, c + 8, ... A group is part of one warp, so the
// reductions over a row are shuffles.
#pragma once

#include "compiler/gpu/PartialSums.h"
#include "compiler/lower/kernels/KeyWalk.h"
#include "compiler/lower/kernels/Operand.h"

namespace heed::device {

using kernels::KeyTile;
using kernels::QueryBlock;

struct FmaShape {
  static constexpr int64_t threads = 128, groups = 16, lanes = 8;
  static constexpr int64_t keys = 32, threadKeys = keys / lanes;
  int64_t rows;         ///< of queries, a multiple of the groups
  int64_t inner;        ///< of query and key that are in shared memory at a time
  bool oneSlice;        ///< that is all of it
  int64_t features;     ///< of the result that are computed at a time
  int64_t innerStride() const { return inner | 1; } ///< odd: lanes read different banks
  static constexpr int64_t keyStride = keys + 1;
  int64_t sharedBytes(bool withQuery) const;

  int64_t threadRows() const { return rows / groups; }

  static FmaShape of(ir::AttentionOp op, int64_t rows);
};

class FmaTile {
public:
  FmaTile(Emit &emit, ir::AttentionOp op, FmaShape shape, QueryBlock const &queries, domain::Sweep const &sweep,
          ArrayRef<Value> domainSymbols, Value thread);

  /// Tiles in shared memory and registers; outside of loops and conditions.
  void allocate();
  /// Features [featureBegin, featureBegin + shape.features); `before` without a state: nothing was seen before.
  void begin(Value featureBegin, KeptSums const &before, bool isPart);
  void visit(KeyTile const &keys);
  /// Stores the result; with a state, what a later sweep goes on from or what is combined later.
  void end(KeptSums const &after);

private:
  using Region = mlir::Region;
  Value rowOf(Value threadRow) { return emit.add(emit.mul(threadRow, FmaShape::groups), group); }
  Value keyOf(Value threadKey) { return emit.add(emit.mul(threadKey, FmaShape::lanes), lane); }
  Value element(Value buffer, mlir::AffineMap map, ArrayRef<Value> position);
  void stage(Value to, Value buffer, mlir::AffineMap map, int64_t rows, int64_t columns, Value rowLimit, Value columnBegin,
             Value columnLimit, bool ofQueries, bool innerAxis, KeyTile const *keys);
  void stageQuery(Value innerBegin);
  void dots(KeyTile const &keys);
  Value addTerm(ArrayRef<Value> batch, Value inner, Value query, Value key, Value sum);
  void weights(KeyTile const &keys);
  void rowWeights(KeyTile const &keys, Value threadRow, bool masked);
  Value scoreOf(KeyTile const &keys, Value row, Value key, Value dot, bool masked);
  void accumulate(KeyTile const &keys);
  SmallVector<Value> weightedSum(ArrayRef<Value> before, bool checked);
  Value acrossGroup(Value value, llvm::function_ref<Value(Value, Value)> combine);
  Value exponential(Value x);
  Value registers(ArrayRef<int64_t> shape);
  Value size(unsigned axis) { return op.getSizes()[axis]; }
  SmallVector<Value> query(Value row);
  SmallVector<Value> ofQuery(Value row, Value inner, Value feature);
  SmallVector<Value> ofKey(Value key, Value inner, Value feature);
  void barrier();

  Emit &emit;
  ir::AttentionOp op;
  FmaShape shape;
  QueryBlock const &queries;
  domain::Sweep const &sweep;
  ArrayRef<Value> domainSymbols;
  Value thread, group, lane, featureBegin;
  Value rowCount; ///< of the block
  Value queryTile, keyTile, sourceTile, weightTile; ///< in shared memory
  Value sums, maximum, total, factor;               ///< in registers
};

} // namespace heed::device
