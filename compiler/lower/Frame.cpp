// Frame.cpp - reading heed_frame of heed/program.h in generated code.
#include "compiler/lower/Frame.h"

#include "heed/program.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed {

static_assert(sizeof(heed_frame) == 12 * sizeof(void *), "FrameField lists the fields of heed_frame");
static_assert(offsetof(heed_frame, pool) == size_t(FrameField::Pool) * sizeof(void *));
static_assert(offsetof(heed_frame, tensor_map) == size_t(FrameField::TensorMap) * sizeof(void *));
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

Value bufferAt(OpBuilder &builder, Location loc, LLVMTypeConverter const &converter, MemRefType type, Value memory,
               ArrayRef<Value> dynamic) {
  auto descriptor = MemRefDescriptor::poison(builder, loc, converter.convertType(type));
  descriptor.setAllocatedPtr(builder, loc, memory);
  descriptor.setAlignedPtr(builder, loc, memory);
  descriptor.setConstantOffset(builder, loc, 0);
  Value stride = LLVM::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(1));
  unsigned next = dynamic.size();
  for (int64_t axis = type.getRank(); axis-- > 0;) {
    Value size = type.isDynamicDim(axis)
                     ? arith::IndexCastOp::create(builder, loc, builder.getI64Type(), dynamic[--next]).getResult()
                     : LLVM::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(type.getDimSize(axis))).getResult();
    descriptor.setSize(builder, loc, axis, size);
    descriptor.setStride(builder, loc, axis, stride);
    if (axis > 0)
      stride = LLVM::MulOp::create(builder, loc, stride, size);
  }
  return castTo(builder, loc, descriptor, type);
}

} // namespace heed
