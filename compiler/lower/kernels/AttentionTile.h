// AttentionTile.h - the steps of streaming attention on one block of queries and one block of keys.
#pragma once

#include "compiler/lower/kernels/LaneCode.h"
#include "compiler/lower/kernels/MatrixView.h"
#include "compiler/lower/kernels/RegisterTile.h"
#include "dialect/HeedOps.h"

namespace heed::kernels {

/// Block sizes, and the buffers of one task. Sizes are static, whatever the sizes of the model: they bound the stack.
struct AttentionBlocks {
  TileShape shape;
  int64_t rows, keys, inner, features; ///< of a block; `keys` and `features` are multiples of the panel width
  Value scores;                        ///< [rows, keys]: scores, then weights
  Value query;                         ///< [rows, inner]
  Value keyPanels;                     ///< [keys / width, inner, width]
  Value sourcePanels;                  ///< [features / width, keys, width]
  Value sums;                          ///< [rows, features]: weighted sums so far
  Value maximum, total;                ///< [rows]: largest score and sum of weights so far

  static AttentionBlocks plan(Emit &emit, ir::AttentionOp op, TileShape shape);
  void allocate(Emit &emit, bool withQuery);
};

class AttentionTile {
public:
  AttentionTile(Emit &emit, ir::AttentionOp op, AttentionBlocks const &blocks, ValueRange batch, Value rowBegin,
                Value rows, Value featureBegin);

  void begin(); ///< no keys seen yet
  void packQuery(Value innerBegin, Value innerCount);
  void packKeys(Value keyBegin, Value keyCount, Value innerBegin, Value innerCount);
  void packSource(Value keyBegin, Value keyCount);
  void products(Value keyCount, Value innerCount, bool accumulate); ///< scores (+)= query keys^T
  void weights(Value keyBegin, Value keyCount);                     ///< scores to weights; rescales the sums
  void accumulate(Value keyCount);                                  ///< sums += weights source
  void finish();                                                    ///< sums / total to the result

private:
  MatrixView operand(Value buffer, mlir::AffineMap map, unsigned rowDim, unsigned columnDim);
  void scoreLanes(Value row, Value offset, Value keyBegin, Value count, Value &maximum);
  void scoreScalars(Value row, Value offset, Value keyBegin, Value count);
  Value evaluateScalar(mlir::Region &region, Value row, Value key, Value dot);
  Value sourceIsFinite(Value keyCount);
  void accumulateChecked(Value keyCount);
  Value vectorAt(Value buffer, ValueRange subscripts);
  Value scalarAt(Value buffer, Value row) { return mlir::memref::LoadOp::create(emit, buffer, row); }

  Emit &emit;
  ir::AttentionOp op;
  AttentionBlocks const &blocks;
  SmallVector<Value> batch;
  Value rowBegin, rows, featureBegin, featureCount;
  int64_t lanes;
  std::optional<LaneAnalysis> scoreAnalysis, domainAnalysis;
};

} // namespace heed::kernels
