// AttentionTile.h - the steps of streaming attention on one block of queries and one block of keys.
#pragma once

#include "compiler/lower/kernels/KeyWalk.h"
#include "compiler/lower/kernels/LaneCode.h"
#include "compiler/lower/kernels/MatrixView.h"
#include "compiler/lower/kernels/RegisterTile.h"
#include "compiler/lower/kernels/ScoreForm.h"
#include "dialect/HeedOps.h"

namespace heed::kernels {

/// Block sizes, and the buffers of one task. Sizes are static, whatever the sizes of the model: they bound the stack.
struct AttentionBlocks {
  TileShape shape;
  int64_t rows, keys, inner, features; ///< of a block; `keys` and `features` are multiples of the panel width
  bool oneSlice;                       ///< whether the inner size is known to fit `inner`
  Value scores;                        ///< [rows of a strip, or rows of a block if not `oneSlice`; keys]: scores / ln 2, then weights
  Value query;                         ///< [rows, inner]
  Value keyPanels;                     ///< [keys / width, inner, width]
  Value sourcePanels;                  ///< [features / width, keys, width]
  Value sums;                          ///< [rows, features]: weighted sums so far
  Value maximum, total;                ///< [rows]: largest score / ln 2 and sum of weights so far

  static AttentionBlocks plan(Emit &emit, ir::AttentionOp op, TileShape shape, domain::PairDomain const &domain);
  void allocate(Emit &emit, bool withQuery);
};

/// A remark on the share of pairs that is visited. Sizes that are not known count as 4096.
void remarkOnVisits(ir::AttentionOp op, domain::PairDomain const &domain, ArrayRef<domain::Sweep> sweeps,
                    AttentionBlocks const &blocks);

/// What is kept of a query between two sweeps besides its sums, which wait in the result: buffers [b.., i].
struct SweepState {
  Value maximum, total;
};

constexpr float Log2E = 1.44269504088896341f;

class AttentionTile {
public:
  AttentionTile(Emit &emit, ir::AttentionOp op, AttentionBlocks const &blocks, QueryBlock const &queries,
                ArrayRef<domain::Lattice> skipped, ArrayRef<Value> domainSymbols, Value featureBegin);

  void begin();                           ///< no keys seen yet
  void resume(SweepState const &state);   ///< the keys of earlier sweeps seen
  void suspend(SweepState const &state);  ///< to be resumed by a later sweep
  void finish();                          ///< sums / total to the result
  void packQuery(Value innerBegin, Value innerCount);
  /// All keys of a tile; rows [rowBegin, rowEnd) of the block look only at their `hull`, which begins at a panel.
  void visit(KeyTile const &tile, llvm::function_ref<Interval(Value rowBegin, Value rowEnd)> hull);

private:
  struct Strip {
    Value rowBegin, rowEnd;   ///< rows of the block
    Value from, to;           ///< keys of the tile, `from` at a panel's begin
    Value scoreRow(Emit &emit, Value row) const { return offset ? emit.sub(row, offset) : row; }
    Value offset;             ///< row of the block that is row 0 of the scores
  };

  MatrixView operand(Value buffer, mlir::AffineMap map, unsigned rowDim, unsigned columnDim,
                     std::function<Value(Emit &, Value)> row);
  void packKeys(Value innerBegin, Value innerCount);
  void packSource();
  void products(Strip const &strip, Value innerCount, bool accumulate); ///< scores (+)= query keys^T
  void slicedProducts();
  void weights(Strip const &strip);                  ///< scores to weights; rescales the sums
  Value scoreRow(Strip const &strip, Value row, bool masked);
  void accumulate(Strip const &strip, Value isSafe); ///< sums += weights source
  void scoreLanes(Value scoreRow, Value row, Value offset, Value count, bool masked, Value &maximum);
  void scoreScalars(Value scoreRow, Value row, Value offset, Value count, bool masked);
  Value evaluateScalar(mlir::Region &region, Value row, Value key, Value dot);
  void bindPair(LaneCode &code, mlir::Region &region, Value row, Value offset);
  Value scalarScore(Value query, Value key, Value dot);
  Value scoreOf(Value dot, Value row, Value offset, Value mask);
  Value distance(domain::Lattice const &lattice, Value row, Value key);
  Value sourceIsFinite();
  void accumulateChecked(Strip const &strip);
  void eachFeatureVector(llvm::function_ref<void(Value row, Value column, Value count)> body);
  Value vectorAt(Value buffer, ValueRange subscripts);
  Value scalarAt(Value buffer, Value row) { return mlir::memref::LoadOp::create(emit, buffer, row); }
  Value rowIndex(Value row) { return queries.steps.row(emit, emit.add(queries.begin, row)); }
  /// What scores are multiplied by, and what stands for them outside the domain: such that the weight is 0.
  float scoreScale() { return op.getPlain() ? 1.0f : Log2E; }
  float noScore() { return op.getPlain() ? 0.0f : -std::numeric_limits<float>::infinity(); }
  Value keyStep(Value key);
  Value keyIndex(Value key) { return queries.steps.key(emit, keyStep(key)); }
  MatrixView result();

  Emit &emit;
  ir::AttentionOp op;
  AttentionBlocks const &blocks;
  QueryBlock const &queries;
  ArrayRef<domain::Lattice> skipped;
  ArrayRef<Value> domainSymbols;
  Value featureBegin, featureCount;
  KeyTile tile; ///< the one that is visited
  int64_t lanes;
  std::optional<LaneAnalysis> scoreAnalysis, domainAnalysis;
  std::optional<ScoreForm> form;
  Value queryFactor; ///< with a form: what the packed query is multiplied by
};

} // namespace heed::kernels
