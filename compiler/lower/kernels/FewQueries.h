// FewQueries.h - streaming attention of a few queries, which reads keys and values once and in the order in which they lie.
//
// Packing a tile of keys pays when many queries use it. With few, as in a step of decoding, all time goes into reading the keys
// and values. Scores are then dot products along d of several keys at once, and the weighted sums run along e.
#pragma once

#include "compiler/lower/kernels/KeyWalk.h"
#include "compiler/lower/kernels/Operand.h"
#include "compiler/lower/kernels/PairScores.h"
#include "compiler/lower/kernels/RegisterTile.h"

namespace heed::kernels {

/// Block sizes, and the buffers of one task. A row of a block is one query for one of its `members`, see QueryBlock.
struct FewQueriesBlocks {
  static constexpr bool oneSlice = true;
  TileShape shape;                     ///< of one vector
  int64_t rows, keys, inner, features; ///< of a block; all but `rows` are multiples of the lanes
  int64_t members = 1;
  unsigned memberDim = 0;
  Value scores;         ///< [rows of a tile, keys]: scores / ln 2, then weights
  Value query;          ///< [rows, inner]
  Value sums;           ///< [rows, features]: weighted sums so far
  Value maximum, total; ///< [rows]: largest score / ln 2 and sum of weights so far

  int64_t queries() const { return rows / members; }
  void allocate(Emit &emit, bool withQuery);
};

struct FewQueries {
  FewQueriesBlocks blocks;

  /// nullopt, and the reason, where it does not apply.
  static std::optional<FewQueries> plan(ir::AttentionOp op, KernelTarget const &target, std::string &reason);
};

/// The steps of streaming attention on one block of few queries and one block of keys, as those of AttentionTile.
class FewQueriesTile {
public:
  using Blocks = FewQueriesBlocks;
  FewQueriesTile(Emit &emit, ir::AttentionOp op, FewQueriesBlocks const &blocks, QueryBlock const &queries, KeyWalk &walk,
                 domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, Value featureBegin);

  void begin();
  void resume(SweepState const &state);
  void suspend(SweepState const &state);
  void finish();
  void packQuery(Value innerBegin, Value innerCount);
  void visit(KeyTile const &tile);

private:
  struct Strip {
    Value rowBegin, rowEnd; ///< rows of the block
    Value from, to;         ///< keys of the tile, `from` at a panel's begin
    Value scoreRow(Emit &emit, Value row) const { return emit.sub(row, rowBegin); }
  };

  MatrixView rowsOfQueries(Value buffer, mlir::AffineMap map, unsigned columnDim);
  MatrixView rowsOfKeys(Value buffer, mlir::AffineMap map, unsigned columnDim); ///< its rows are indices j
  void eachFeatureVector(llvm::function_ref<void(Value row, Value column, Value count)> body);
  void clearQuery();
  void weights(Strip const &strip);
  Value scoreRow(Strip const &strip, Value row, bool masked);
  Value scoreLanes(Strip const &strip, Value row, Value key, Value count, bool masked);
  void eachRowTile(llvm::function_ref<void(RowTile const &)> body);
  void products(RowTile const &rows, Strip const &strip);
  SmallVector<Value> dots(ArrayRef<Value> rows, ArrayRef<Value> keys, ArrayRef<Value> later);
  void accumulate(RowTile const &rows, Strip const &strip);
  void addKeys(ArrayRef<Value> rows, Strip const &strip, Value first);
  void addKeysWithWeight(Strip const &strip, Value from, Value to);
  Value allHaveWeight(ArrayRef<Value> rows, Strip const &strip, Value first);
  void eachColumns(int64_t columns, int64_t vectors, llvm::function_ref<void(Value begin, int64_t vectors, Value count)> body);
  SmallVector<Value> rowsOf(RowTile const &rows);
  SmallVector<Value> neighbours(Value first, int64_t offset, int64_t count);
  SmallVector<Value> fetched(MatrixView const &view, int64_t columns, Value first, int64_t offset, int64_t count,
                             int64_t height);
  Value wholeEnd(Strip const &strip); ///< where what is less than a vector of keys begins
  int64_t together(int64_t height) const;
  Value vectorAt(Value buffer, ValueRange subscripts);
  Value rowIndex(Value row) { return queries.rowIndex(emit, row); }
  Value keyStep(Value key) { return walk.step(tile, key); }
  Value keyIndex(Value key) { return queries.steps.key(emit, keyStep(key)); }

  Emit &emit;
  ir::AttentionOp op;
  FewQueriesBlocks const &blocks;
  QueryBlock const &queries;
  KeyWalk &walk;
  PairScores pairs;
  int64_t lanes;
  Value featureBegin, featureCount;
  KeyTile tile; ///< the one that is visited
  std::optional<MatrixView> keys, source;
  int64_t inner = 0, features; ///< of the model
};

/// Sums of the lanes of `vectors`, as many vectors as each has lanes: lane k of the result is that of vector k. They are taken one
/// by one, so that few are alive.
class LaneSums {
public:
  explicit LaneSums(Emit &emit) : emit(&emit) {}
  void add(Value vector);
  Value result() const { return pending.back().vector; }

private:
  struct Partial {
    Value vector;
    int64_t vectors; ///< summed in it
  };
  Emit *emit;
  SmallVector<Partial> pending;
};

} // namespace heed::kernels
