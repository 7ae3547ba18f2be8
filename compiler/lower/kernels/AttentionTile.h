// AttentionTile.h - the steps of streaming attention on one block of queries and one block of keys.
#pragma once

#include "compiler/lower/kernels/KeyWalk.h"
#include "compiler/lower/kernels/Operand.h"
#include "compiler/lower/kernels/PairScores.h"
#include "compiler/lower/kernels/PairTerm.h"
#include "compiler/lower/kernels/RegisterTile.h"

namespace heed::kernels {

/// Block sizes, and the buffers of one task. Sizes are static, whatever the sizes of the model: they bound the stack.
///
/// Queries lie across the lanes: `width` of them are a panel. Scores, weights and sums are then columns of numbers that
/// one query owns, keys and values are read one element at a time and need no packing, and no step of the running
/// softmax works across lanes.
struct AttentionBlocks {
  TileShape shape;
  int64_t rows, keys, inner, features; ///< of a block; `rows` and `keys` are multiples of the panel width
  static constexpr int64_t members = 1; ///< rows per query, as in QueryBlock
  static constexpr unsigned memberDim = 0;
  bool oneSlice;                       ///< whether the inner size is known to fit `inner`
  bool uniformPanels;                  ///< the domain is the same for all pairs of two panels that begin at multiples of `width`
  Value scores;                        ///< [1, or panels if not `oneSlice`; keys, width]: scores / ln 2, then weights
  Value query;                         ///< [panels, inner, width]
  Value keyRows;                       ///< [keys, >= inner]
  Value sourceGroups;                  ///< [features / lanes, keys, lanes]: close together for the few that a tile needs
  Value sums;                          ///< [panels, features, width]: weighted sums so far
  Value maximum, total;                ///< [rows]: largest score / ln 2 and sum of weights so far

  static AttentionBlocks plan(Emit &emit, ir::AttentionOp op, TileShape shape, domain::PairDomain const &domain);
  void allocate(Emit &emit, bool withQuery);
};

class AttentionTile {
public:
  using Blocks = AttentionBlocks;
  AttentionTile(Emit &emit, ir::AttentionOp op, AttentionBlocks const &blocks, QueryBlock const &queries,
                KeyWalk &walk, domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, Value featureBegin);

  void begin();                           ///< no keys seen yet
  void resume(SweepState const &state);   ///< the keys of earlier sweeps seen
  void suspend(SweepState const &state);  ///< to be resumed by a later sweep
  void finish();                          ///< sums / total to the result
  void packQuery(Value innerBegin, Value innerCount);
  /// All keys of a tile; the queries of a panel look only at the tile's part that they may see.
  void visit(KeyTile const &tile);

private:
  /// A panel of queries and the keys that they see.
  struct Strip {
    Value rowBegin, rowEnd;   ///< rows of the block
    Value from, to;           ///< keys of the tile, `from` at a panel's begin
    Value panel, slot;        ///< first subscripts of `query` and `sums`, and of `scores`
  };
  using Vectors = SmallVector<Value>; ///< one for each vector of a panel

  MatrixView rowsOfQueries(Value buffer, mlir::AffineMap map, unsigned columnDim);
  MatrixView rowsOfKeys(Value buffer, mlir::AffineMap map, unsigned columnDim);
  MatrixView result();
  void copyRows(MatrixView const &from, Value columnBegin, Value columnCount,
                llvm::function_ref<void(Value key, Value column, Value vector)> store);
  void bringKeys();
  Value viewOfKeys();
  void copyKeys(Value innerBegin, Value innerCount);
  void copySource();
  void storeSums(bool divided);
  void loadSums();

  void eachStrip(llvm::function_ref<void(Strip const &)> body);
  /// scores (+)= keys query^T, or what the score sums instead of products
  void products(Strip const &strip, Value innerBegin, Value innerCount, bool accumulate);
  void slicedProducts();
  void accumulate(Strip const &strip, Value isSafe); ///< sums += source^T weights
  void accumulateChecked(Strip const &strip);
  Value sourceIsFinite();
  Value sourceAt(Value key, Value feature);

  void weights(Strip const &strip); ///< scores to weights; rescales the sums
  Vectors scores(Strip const &strip);
  Value isClear(Value known, Pair const &first);
  Vectors scoresOfClearPanel(Strip const &strip, Value from, Value to, Vectors maxima);
  Vectors eachKey(Strip const &strip, Value from, Value to, int64_t group, bool masked, Vectors maxima);
  void scoreKeys(Strip const &strip, Value first, int64_t count, bool masked, Vectors &maxima);
  void scoreEach(Strip const &strip, Value key, bool masked);

  Value vectorAt(Value buffer, ValueRange subscripts);
  Value lane(int64_t vector) { return emit.index(vector * lanes); }
  Value rowIndex(Value row) { return queries.steps.row(emit, emit.add(queries.begin, row)); }
  Value keyIndex(Value key) { return queries.steps.key(emit, walk.step(tile, key)); }
  Pair pairAt(Value row, Value key) { return {queries.batch, rowIndex(row), keyIndex(key)}; }

  Emit &emit;
  ir::AttentionOp op;
  AttentionBlocks const &blocks;
  QueryBlock const &queries;
  KeyWalk &walk;
  PairScores pairs;
  std::optional<PairTerm> term; ///< what the score sums, if no products
  Value featureBegin, featureCount;
  KeyTile tile; ///< the one that is visited
  int64_t lanes, width;
  bool keysInPlace; ///< consecutive keys are read where the model has them
  Value keyRows;    ///< those of the tile, [key, inner]
};

} // namespace heed::kernels
