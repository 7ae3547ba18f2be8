// SumChunk.h - one causal sum over one chunk of rows: its own pairs, and a state for all keys before it.
#pragma once

#include "compiler/derive/ChunkFactors.h"

namespace heed::derive {

/// state[a, e] = the sum over the keys so far of keys times values, as the row in front of the chunk would read it; without an axis e
/// it is a row of sums.
class SumChunk {
public:
  SumChunk(CausalSum &match, mlir::OpBuilder &builder, Chunk const &chunk, llvm::ArrayRef<LocalRead> locals);

  /// How many rows a chunk of this sum should have.
  static int64_t bestRows(CausalSum &match);

  /// Sums over the keys in front of the first row's own.
  mlir::Value firstState();
  /// Begins a chunk: computes what is read in it by several steps.
  void begin() { factors.prepareLocals(); }
  /// out[r, e] = sum over the chunk's own keys + sum_a query[r, a] * state[a, e].
  mlir::Value rows(mlir::Value state);
  /// The state as the last row of the chunk would read it.
  mlir::Value advance(mlir::Value state);
  /// Both for a sum without features, row by row.
  std::pair<mlir::Value, mlir::Value> rowByRow(mlir::Value state);
  /// The only row of a chunk, from a state that includes its own key.
  mlir::Value onlyRow(mlir::Value state);

private:
  mlir::Value pairs();
  mlir::Value earlier(mlir::Value state);
  mlir::Value written(mlir::OpFoldResult keys, llvm::function_ref<Point(mlir::OpBuilder &, mlir::Value)> at);
  mlir::Value decayed(mlir::Value state, mlir::Value last);
  mlir::Value added(llvm::ArrayRef<mlir::OpFoldResult> sizes, mlir::Value left, mlir::Value right);
  mlir::Value value(mlir::OpFoldResult size) { return getValueOrCreateConstantIndexOp(builder, location, size); }
  llvm::SmallVector<mlir::OpFoldResult> stateSizes();

  CausalSum &match;
  mlir::OpBuilder &builder;
  mlir::Location location;
  mlir::Type f32;
  Chunk const &chunk;
  ChunkFactors factors;
};

} // namespace heed::derive
