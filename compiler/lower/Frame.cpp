// Frame.cpp - reading heed_frame of heed/program.h in generated code.
#include "compiler/lower/Frame.h"

#include "heed/program.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed {

static_assert(sizeof(heed_frame) == 8 * sizeof(void *), "FrameField lists the fields of heed_frame");
static_assert(offsetof(heed_frame, pool) == size_t(FrameField::Pool) * sizeof(void *));
static_assert(offsetof(heed_frame, dims) == size_t(FrameField::Dims) * sizeof(void *));

Value loadElement(OpBuilder &builder, Location loc, Value array, Type type, int32_t position) {
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Value address = LLVM::GEPOp::create(builder, loc, pointer, type, array, ArrayRef<LLVM::GEPArg>{position});
  return LLVM::LoadOp::create(builder, loc, type, address);
}

Value loadFrameField(OpBuilder &builder, Location loc, Value frame, FrameField field) {
  return loadElement(builder, loc, frame, LLVM::LLVMPointerType::get(builder.getContext()), int32_t(field));
}

Value castTo(OpBuilder &builder, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  return UnrealizedConversionCastOp::create(builder, loc, type, value).getResult(0);
}

} // namespace heed
