// NarrowAttention.h - what the 16-bit types around an attention say about it.
#pragma once

#include "dialect/HeedOps.h"

namespace heed::device {

/// The type that the result is rounded to by all who use it; f32 if some use it as it is.
mlir::FloatType storedTypeOf(ir::AttentionOp op);

} // namespace heed::device
