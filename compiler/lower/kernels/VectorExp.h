// VectorExp.h - powers of two on vectors of f32, as arithmetic.
#pragma once

#include "compiler/lower/kernels/Emit.h"

namespace heed::kernels {

/// 2^x for x <= 0 or NaN, as a running softmax needs it: within 2 ulp where the result is normal, 0 below that, NaN
/// for NaN.
SmallVector<Value> emitExp2OfNonPositive(Emit &emit, ArrayRef<Value> xs);

/// The larger of two numbers, in one instruction; a NaN in `a` is ignored, and comes back through the exponential.
Value emitLarger(Emit &emit, Value a, Value b);

} // namespace heed::kernels
