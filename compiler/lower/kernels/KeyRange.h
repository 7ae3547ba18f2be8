// KeyRange.h - which keys a block of queries can see at most.
#pragma once

#include "compiler/lower/kernels/Emit.h"
#include "dialect/HeedOps.h"

namespace heed::kernels {

/// Bounds on j that follow for all rows i in [rowBegin, rowEnd) from the comparisons of i and j that the domain is a
/// conjunction of. Keys outside [begin, end) are outside the domain of every row; those inside may or may not be.
struct KeyRange {
  Value begin, end;
};
KeyRange emitKeyRange(Emit &emit, ir::AttentionOp op, Value keys, Value rowBegin, Value rowEnd);

} // namespace heed::kernels
