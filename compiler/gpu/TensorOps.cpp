// TensorOps.cpp - instructions as inline assembly: the operations of dialect nvgpu do not take bf16, and those of nvvm for copies do
// not say that they touch memory.
#include "compiler/gpu/TensorOps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed::device {

static LLVM::InlineAsmOp assembly(Emit &emit, TypeRange results, ValueRange operands, StringRef text, StringRef constraints,
                                  bool touchesMemory) {
  return LLVM::InlineAsmOp::create(emit, results, operands, text, constraints, touchesMemory, /*is_align_stack=*/false,
                                   LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
}

static SmallVector<Value> parts(Emit &emit, Value structure, int64_t count) {
  SmallVector<Value> result;
  for (int64_t part = 0; part < count; ++part)
    result.push_back(LLVM::ExtractValueOp::create(emit, structure, ArrayRef<int64_t>{part}));
  return result;
}

Value elementAddress(Emit &emit, Value buffer, ArrayRef<Value> at, int64_t bytes) {
  auto type = cast<MemRefType>(buffer.getType());
  Value offset = emit.index(0);
  for (auto [axis, subscript] : llvm::enumerate(at))
    offset = emit.add(axis ? emit.mul(offset, type.getDimSize(axis)) : offset, subscript);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(emit, buffer);
  return arith::IndexCastOp::create(emit, emit.getI32Type(), emit.add(base, emit.mul(offset, bytes)));
}

Value globalAddress(Emit &emit, Value buffer, Value offset, int64_t bytes) {
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(emit, buffer);
  return arith::IndexCastOp::create(emit, emit.getI64Type(), emit.add(base, emit.mul(offset, bytes)));
}

void copyAsync(Emit &emit, Value shared, Value global, Value inside) {
  auto bytes = [&](int32_t count) -> Value { return arith::ConstantOp::create(emit, emit.getI32IntegerAttr(count)); };
  Value size = arith::SelectOp::create(emit, inside, bytes(16), bytes(0));
  assembly(emit, TypeRange(), {shared, global, size}, "cp.async.cg.shared.global [$0], [$1], 16, $2;", "r,l,r,~{memory}", true);
}

void commitCopies(Emit &emit) { assembly(emit, TypeRange(), ValueRange(), "cp.async.commit_group;", "~{memory}", true); }

void waitForCopies(Emit &emit, int64_t left) {
  std::string text = ("cp.async.wait_group " + Twine(left) + ";").str();
  assembly(emit, TypeRange(), ValueRange(), text, "~{memory}", true);
}

SmallVector<Value> loadMatrices(Emit &emit, Value address, bool transposed) {
  auto type = LLVM::LLVMStructType::getLiteral(emit.getContext(), SmallVector<Type>(4, emit.getI32Type()));
  std::string text =
      std::string("ldmatrix.sync.aligned.m8n8.x4") + (transposed ? ".trans" : "") + ".shared.b16 {$0, $1, $2, $3}, [$4];";
  return parts(emit, assembly(emit, type, address, text, "=r,=r,=r,=r,r,~{memory}", true).getResult(0), 4);
}

SmallVector<Value> multiplyMatrices(Emit &emit, ArrayRef<Value> left, ArrayRef<Value> right, ArrayRef<Value> sums, Type element) {
  auto type = LLVM::LLVMStructType::getLiteral(emit.getContext(), SmallVector<Type>(4, emit.getF32Type()));
  SmallVector<Value> operands(left);
  llvm::append_range(operands, right);
  llvm::append_range(operands, sums);
  std::string kind = element.isF16() ? "f16.f16" : "bf16.bf16";
  std::string text = "mma.sync.aligned.m16n8k16.row.col.f32." + kind +
                     ".f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};";
  return parts(emit, assembly(emit, type, operands, text, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f", false).getResult(0), 4);
}

} // namespace heed::device
