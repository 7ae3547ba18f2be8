// Frame.h - reading heed_frame of heed/program.h in generated code.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir {
class LLVMTypeConverter;
}

namespace heed {

/// The fields of heed_frame, in order; all are pointers.
enum class FrameField : int32_t {
  Params, Prepared, Inputs, Outputs, Dims, Workspace, ParallelFor, Pool, Launch, Read, Device, TensorMap
};

mlir::Value loadFrameField(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value frame, FrameField field);

/// Element `position` of an array of `type`.
mlir::Value loadElement(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value array, mlir::Type type,
                        int32_t position);

/// `value` as `type`, the same thing for the LLVM dialect; vanishes when both sides have been lowered.
mlir::Value castTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value, mlir::Type type);

/// The contiguous buffer of `type` at `memory`; its i-th dynamic size is dynamic[i].
mlir::Value bufferAt(mlir::OpBuilder &builder, mlir::Location loc, mlir::LLVMTypeConverter const &converter,
                     mlir::MemRefType type, mlir::Value memory, llvm::ArrayRef<mlir::Value> dynamic);

} // namespace heed
