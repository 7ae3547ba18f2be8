// Panels.h - copying a matrix into zero-padded panels.
#pragma once

#include "compiler/lower/kernels/MatrixView.h"

namespace heed::kernels {

/// Panel `panel` of `buffer` at `leading` becomes columns [first, first + width) of `source`, rows [rowBegin, rowEnd),
/// the first of which is row 0 of the panel. Columns from `columns` on are 0. `transposed`: source(column, row).
struct PanelCopy {
  MatrixView source;
  bool transposed;
  Value first, columns, rowBegin, rowEnd;
  Value buffer;
  SmallVector<Value> leading; ///< subscripts of `buffer` in front of (row, column)
  int64_t width, lanes;
};

void emitPanelCopy(Emit &emit, PanelCopy const &copy);

} // namespace heed::kernels
