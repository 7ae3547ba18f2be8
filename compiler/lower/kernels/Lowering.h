// Lowering.h - one function per kernel: emits its loops in front of the op, on buffers, and leaves erasing to the
// caller.
#pragma once

#include "compiler/lower/kernels/Kernels.h"
#include "dialect/HeedOps.h"

namespace heed::kernels {

mlir::LogicalResult emitPack(mlir::OpBuilder &builder, ir::PackOp op, KernelTarget const &target);
mlir::LogicalResult emitMatmul(mlir::OpBuilder &builder, ir::MatmulOp op, KernelTarget const &target);
mlir::LogicalResult emitAttention(mlir::OpBuilder &builder, ir::AttentionOp op, KernelTarget const &target);

} // namespace heed::kernels
