// Frame.h - reading heed_frame of heed/program.h in generated code.
#pragma once

#include "mlir/IR/Builders.h"

namespace heed {

/// The fields of heed_frame, in order; all are pointers.
enum class FrameField : int32_t { Params, Prepared, Inputs, Outputs, Dims, Workspace, ParallelFor, Pool };

mlir::Value loadFrameField(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value frame, FrameField field);

/// Element `position` of an array of `type`.
mlir::Value loadElement(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value array, mlir::Type type,
                        int32_t position);

/// `value` as `type`, the same thing for the LLVM dialect; vanishes when both sides have been lowered.
mlir::Value castTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value, mlir::Type type);

} // namespace heed
