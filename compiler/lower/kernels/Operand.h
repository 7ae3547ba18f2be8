// Operand.h - operands of an attention as matrices over two of its indices, and what is kept of queries between sweeps.
#pragma once

#include "compiler/lower/kernels/KeyFilter.h"
#include "compiler/lower/kernels/MatrixView.h"

namespace heed::kernels {

/// Rows are indices of `rowDim`, columns of `columnDim`; `batch(row)` gives the others.
MatrixView operandOf(Value buffer, mlir::AffineMap map, unsigned rowDim, unsigned columnDim,
                     std::function<SmallVector<Value>(Emit &, Value row)> batch,
                     std::function<Value(Emit &, Value row)> index);

/// Whether a pair on the lattice of a sweep is one of its pairs. `pair`: the batch position, query and key; `symbols`: the values of
/// PairDomain::symbols.
Value isInSweep(Emit &emit, ir::AttentionOp op, domain::Sweep const &sweep, ArrayRef<Value> symbols, ArrayRef<Value> pair);

/// The queries and keys of a residue class of a lattice, of so many in all; `symbols` are the values of PairDomain::symbols.
Steps stepsOf(Emit &emit, domain::Lattice const &lattice, Value residue, ArrayRef<Value> symbols, Value rows, Value keys);

/// What is kept of a query between two sweeps besides its sums, which wait in the result: buffers [b.., i].
struct SweepState {
  Value maximum, total;

  /// Buffers known to the planned workspace.
  static SweepState allocate(Emit &emit, ir::AttentionOp op);
  /// From or to buffers with a place per row of a block.
  void load(Emit &emit, QueryBlock const &queries, Value maximumOfRow, Value totalOfRow) const;
  void store(Emit &emit, QueryBlock const &queries, Value maximumOfRow, Value totalOfRow) const;
};

} // namespace heed::kernels
