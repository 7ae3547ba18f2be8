// FragmentScores.h - from products of queries and keys to weights, where a thread holds some elements of a tile in registers.
//
// What lies between the two products of an attention on tensor cores. It knows where the elements are, not which instruction
// put them there: the results of mma.sync and of wgmma are spread in the same way.
#pragma once

#include "compiler/gpu/PartialSums.h"
#include "compiler/gpu/TensorCore.h"
#include "compiler/lower/kernels/KeyWalk.h"
#include "compiler/lower/kernels/Operand.h"
#include "compiler/lower/kernels/ScoreForm.h"

namespace heed::device {

/// Element 4 j + 2 h + c of a thread is in row `firstRow` + 8 h of the block and at key `firstKey` + 8 j + c of the tile.
struct FragmentMap {
  Value firstRow; ///< in the rows of its warp, lane / 4
  Value firstKey; ///< 2 (lane % 4)
  int64_t rows, keys; ///< of the block, of a tile

  int64_t elements() const { return keys / 2; }
};

class FragmentScores {
public:
  /// At a place of the kernel that all threads of the block pass once; what does not depend on the tile is computed here.
  FragmentScores(Emit &emit, ir::AttentionOp op, kernels::QueryBlock const &queries, domain::Sweep const &sweep,
                 ArrayRef<Value> domainSymbols, FragmentMap const &map);

  /// Largest scores (times log2(e)) of the two rows, and their totals, of which each of the four lanes of a row has a part.
  /// Empty for weights that nothing normalises.
  using State = SmallVector<Value>;
  State begin(kernels::SweepState const &before, bool isPart = false);

  struct Weights {
    SmallVector<Value> values;  ///< by element
    SmallVector<Value> factors; ///< of the two rows: for what was summed before; empty if it stays
    State state;
  };
  /// `dots`: by element, empty if the operation has no query. `keys.full` and the counts are the same for the whole block.
  Weights weigh(kernels::KeyTile const &keys, ArrayRef<Value> dots, State const &before);

  /// Left operands for the product with 16 values each, of weights as a sum of `parts` numbers of type `element`: [part][16 keys].
  SmallVector<SmallVector<SmallVector<Value>>> operands(ArrayRef<Value> weights, mlir::Type element, int parts);

  /// What the sums of the two rows are multiplied by in the end; empty if by nothing. Keeps the state for a later sweep.
  SmallVector<Value> end(State const &state, kernels::SweepState const &after);

  /// Row of the block, whether it exists, and its indices b.., i.
  Value row(unsigned half) { return emit.add(map.firstRow, 8 * half); }
  Value exists(unsigned half) { return emit.less(row(half), rowCount); }
  ArrayRef<Value> query(unsigned half) { return rowQueries[half]; }

private:
  SmallVector<Value> scores(kernels::KeyTile const &keys, ArrayRef<Value> dots, bool masked);
  Value score(ArrayRef<Value> pair, Value dot, unsigned half);
  Value acrossRow(Value value, llvm::function_ref<Value(Value, Value)> combine);

  Emit &emit;
  TensorCore core;
  ir::AttentionOp op;
  kernels::QueryBlock const &queries;
  domain::Sweep const &sweep;
  ArrayRef<Value> domainSymbols;
  FragmentMap map;
  Value rowCount; ///< of the block
  SmallVector<SmallVector<Value>> rowQueries; ///< of rows that do not exist: the last that does
  std::optional<kernels::ScoreForm> form;
  SmallVector<Value> scales; ///< of the products of the two rows, if the score has a form
  bool scalesLate;           ///< the score is the product, and its scale a positive constant
  bool isPure;               ///< domain and score can be computed for pairs that do not exist
};

} // namespace heed::device
