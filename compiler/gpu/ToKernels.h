// ToKernels.h - one function per kind of operation that becomes a kernel.
#pragma once

#include "compiler/gpu/Launch.h"
#include "dialect/HeedOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace heed::device {

/// A matrix product by blocks; false, and nothing emitted, if the operation is not one or is too small.
bool emitContraction(Emit &emit, mlir::linalg::GenericOp op);

/// One thread per element of the result.
void emitGeneric(Emit &emit, mlir::linalg::GenericOp op);

/// One block of threads per block of queries.
void emitAttention(Emit &emit, ir::AttentionOp op);

/// One thread per row.
void emitTopK(Emit &emit, ir::TopKOp op);

} // namespace heed::device
