#include "compiler/lower/kernels/Lowering.h"
namespace heed::kernels {
mlir::LogicalResult emitAttention(mlir::OpBuilder &, ir::AttentionOp op, KernelTarget const &) {
  return mlir::failure();
}
} // namespace heed::kernels
