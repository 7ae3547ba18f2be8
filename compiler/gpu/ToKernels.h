// ToKernels.h - one function per kind of operation that becomes a kernel.
#pragma once

#include "compiler/gpu/Product.h"
#include "dialect/HeedOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace heed::device {

/// A matrix product by blocks, in f32.
void emitContraction(Emit &emit, Product const &product, Epilogue &epilogue);

/// A matrix product of f16 or bf16 on tensor cores; false, and nothing emitted, for other types.
bool emitMmaProduct(Emit &emit, Product const &product, Epilogue &epilogue);

/// A warp per element of the result; false, and nothing emitted, if there is no long reduction.
bool emitRows(Emit &emit, mlir::linalg::GenericOp op);

/// One thread per element of the result.
void emitGeneric(Emit &emit, mlir::linalg::GenericOp op);

struct AttentionOptions {
  bool tf32x3; ///< tensor cores may take f32 as sums of two tf32
  bool hopper; ///< wgmma and tensor copies may be used
};

/// One block of threads per block of queries; says what form was taken, and why.
std::string emitAttention(Emit &emit, ir::AttentionOp op, AttentionOptions options);

/// One thread per row.
void emitTopK(Emit &emit, ir::TopKOp op);

} // namespace heed::device
