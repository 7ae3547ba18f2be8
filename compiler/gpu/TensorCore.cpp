// TensorCore.cpp - NVVM's operations. Dialect nvgpu is not used: its form of mma.sync knows no bf16.
#include "compiler/gpu/TensorCore.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace heed::device {

static constexpr unsigned globalSpace = 1, sharedSpace = 3;

Value TensorCore::sharedMemory() {
  auto space = gpu::AddressSpaceAttr::get(emit.getContext(), gpu::AddressSpace::Workgroup);
  auto bytes = MemRefType::get({ShapedType::kDynamic}, emit.getI8Type(), MemRefLayoutAttrInterface(), space);
  Value all = gpu::DynamicSharedMemoryOp::create(emit, bytes);
  Value number = memref::ExtractAlignedPointerAsIndexOp::create(emit, all);
  number = arith::IndexCastOp::create(emit, emit.getI64Type(), number);
  return LLVM::IntToPtrOp::create(emit, LLVM::LLVMPointerType::get(emit.getContext(), sharedSpace), number);
}

Value TensorCore::at(Value pointer, Value bytes) {
  Value distance = emit.createOrFold<arith::IndexCastOp>(emit.getI64Type(), bytes);
  return LLVM::GEPOp::create(emit, pointer.getType(), emit.getI8Type(), pointer, ArrayRef<LLVM::GEPArg>{distance});
}

Value TensorCore::addressOf(Value buffer, ValueRange subscripts) {
  auto type = cast<MemRefType>(buffer.getType());
  auto metadata = memref::ExtractStridedMetadataOp::create(emit, buffer);
  Value element = metadata.getConstifiedMixedOffset().dyn_cast<Value>();
  if (!element)
    element = emit.index(getConstantIntValue(metadata.getConstifiedMixedOffset()).value());
  for (auto [subscript, stride] : llvm::zip_equal(subscripts, metadata.getConstifiedMixedStrides()))
    element = emit.add(element, emit.mul(subscript, getValueOrCreateConstantIndexOp(emit, emit.getLoc(), stride)));
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(emit, metadata.getBaseBuffer());
  base = arith::IndexCastOp::create(emit, emit.getI64Type(), base);
  unsigned space = gpu::GPUDialect::hasWorkgroupMemoryAddressSpace(type) ? sharedSpace : globalSpace;
  Value pointer = LLVM::IntToPtrOp::create(emit, LLVM::LLVMPointerType::get(emit.getContext(), space), base);
  return at(pointer, emit.mul(element, llvm::divideCeil(type.getElementTypeBitWidth(), 8)));
}

SmallVector<Value> TensorCore::fields(Value structure, unsigned count) {
  SmallVector<Value> result;
  for (unsigned i = 0; i < count; ++i)
    result.push_back(LLVM::ExtractValueOp::create(emit, structure, i));
  return result;
}

SmallVector<Value> TensorCore::multiply(Type element, ValueRange a, ValueRange b, ValueRange c) {
  // Halves are vectors of two for the operation, bfloats are words.
  auto operands = [&](ValueRange words) {
    return llvm::map_to_vector(words, [&](Value word) -> Value {
      return element.isF16() ? LLVM::BitcastOp::create(emit, emit.vectorOf(2, element), word).getResult() : word;
    });
  };
  NVVM::MMATypes kind = element.isF16() ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
  Type result = LLVM::LLVMStructType::getLiteral(emit.getContext(), SmallVector<Type>(4, emit.getF32Type()));
  Value sums = NVVM::MmaOp::create(emit, result, operands(a), operands(b), c, ArrayRef<int64_t>{16, 8, 16}, std::nullopt,
                                   std::nullopt, std::array{kind, kind},
                                   std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  return fields(sums, 4);
}

/// To nearest; the bits of an f32.
Value TensorCore::roundToTf32(Value x) {
  return LLVM::CallIntrinsicOp::create(emit, emit.getI32Type(), emit.getStringAttr("llvm.nvvm.f2tf32.rna"), ValueRange(x))
      .getResult(0);
}

TensorCore::Split TensorCore::split(ValueRange numbers) {
  // What is larger would be rounded to infinity.
  Value largest = emit.f32(0x1.ffcp127f), least = emit.f32(-0x1.ffcp127f);
  Split result;
  for (Value number : numbers) {
    Value bounded = larger(smaller(number, largest), least);
    Value large = roundToTf32(bounded);
    Value rest = arith::SubFOp::create(emit, number, arith::BitcastOp::create(emit, emit.getF32Type(), large));
    result.large.push_back(large);
    result.small.push_back(roundToTf32(rest));
  }
  return result;
}

TensorCore::Split TensorCore::Split::slice(unsigned first, unsigned count) const {
  return {SmallVector<Value>(ArrayRef(large).slice(first, count)), SmallVector<Value>(ArrayRef(small).slice(first, count))};
}

SmallVector<Value> TensorCore::multiply(Split const &a, Split const &b, ValueRange c) {
  // The product of what is small in both is below the last bit.
  SmallVector<Value> sums(c);
  auto add = [&](ArrayRef<Value> left, ArrayRef<Value> right) {
    NVVM::MMATypes kind = NVVM::MMATypes::tf32;
    Type result = LLVM::LLVMStructType::getLiteral(emit.getContext(), SmallVector<Type>(4, emit.getF32Type()));
    Value product = NVVM::MmaOp::create(emit, result, left, right, sums, ArrayRef<int64_t>{16, 8, 8}, std::nullopt, std::nullopt,
                                        std::array{kind, kind}, std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
    sums = fields(product, 4);
  };
  if (!a.small.empty()) {
    add(a.small, b.large);
    add(a.large, b.small);
  }
  add(a.large, b.large);
  return sums;
}

SmallVector<Value> TensorCore::multiplyOnce(ValueRange a, ValueRange b, ValueRange c) {
  auto bits = [&](ValueRange numbers) {
    return llvm::map_to_vector(numbers, [&](Value number) -> Value {
      return arith::BitcastOp::create(emit, emit.getI32Type(), number);
    });
  };
  return multiply(Split{bits(a), {}}, Split{bits(b), {}}, c);
}

SmallVector<Value> TensorCore::loadMatrices(Value address, bool transposed) {
  MLIRContext *context = emit.getContext();
  Type result = LLVM::LLVMStructType::getLiteral(context, SmallVector<Type>(4, emit.getI32Type()));
  auto layout = NVVM::MMALayoutAttr::get(context, transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row);
  auto shape = NVVM::LdStMatrixShapeAttr::get(context, 8, 8);
  auto type = NVVM::LdStMatrixEltTypeAttr::get(context, NVVM::LdStMatrixEltType::B16);
  Value matrices = NVVM::LdMatrixOp::create(emit, result, address, emit.getI32IntegerAttr(4), layout, shape, type);
  return fields(matrices, 4);
}

Value TensorCore::load(Type element, Value address) {
  Value number = LLVM::LoadOp::create(emit, element, address);
  return element.isF32() ? number : arith::ExtFOp::create(emit, emit.getF32Type(), number).getResult();
}

SmallVector<Value> TensorCore::loadFour(Value address) {
  Value four = LLVM::LoadOp::create(emit, emit.vectorOf(4), address, /*alignment=*/16);
  return llvm::map_to_vector(llvm::seq<int64_t>(4), [&](int64_t number) -> Value {
    Value at = arith::ConstantIntOp::create(emit, emit.getI32Type(), number);
    return LLVM::ExtractElementOp::create(emit, four, at);
  });
}

void TensorCore::copy(Value to, Value from, Value bytes) {
  auto cache = NVVM::LoadCacheModifierKindAttr::get(emit.getContext(), NVVM::LoadCacheModifierKind::CG);
  NVVM::CpAsyncOp::create(emit, to, from, emit.getI32IntegerAttr(16), cache, bytes);
}

void TensorCore::commitCopies() { NVVM::CpAsyncCommitGroupOp::create(emit); }

void TensorCore::waitForCopies(int groups) { NVVM::CpAsyncWaitGroupOp::create(emit, emit.getI32IntegerAttr(groups)); }

Value TensorCore::exp2(Value x) {
  return LLVM::CallIntrinsicOp::create(emit, emit.getF32Type(), emit.getStringAttr("llvm.nvvm.ex2.approx.ftz.f32"),
                                       ValueRange(x))
      .getResult(0);
}

// The general form of arith.maxnumf would be four instructions.
Value TensorCore::larger(Value a, Value b) { return LLVM::MaxNumOp::create(emit, a, b); }

Value TensorCore::smaller(Value a, Value b) { return LLVM::MinNumOp::create(emit, a, b); }

Value TensorCore::pack(Type element, Value first, Value second) {
  StringRef name = element.isF16() ? "llvm.nvvm.ff2f16x2.rn" : "llvm.nvvm.ff2bf16x2.rn";
  Value pair = LLVM::CallIntrinsicOp::create(emit, emit.vectorOf(2, element), emit.getStringAttr(name),
                                             ValueRange{second, first})
                   .getResult(0);
  return LLVM::BitcastOp::create(emit, emit.getI32Type(), pair);
}

Value TensorCore::unpack(Type element, Value pair, unsigned which) {
  if (element.isBF16()) {
    // The upper half of an f32.
    Value bits = which ? arith::AndIOp::create(emit, pair, i32(int32_t(0xffff0000))).getResult()
                       : arith::ShLIOp::create(emit, pair, i32(16)).getResult();
    return arith::BitcastOp::create(emit, emit.getF32Type(), bits);
  }
  Value bits = which ? arith::ShRUIOp::create(emit, pair, i32(16)).getResult() : pair;
  Value half = arith::BitcastOp::create(emit, element, arith::TruncIOp::create(emit, emit.getI16Type(), bits));
  return arith::ExtFOp::create(emit, emit.getF32Type(), half);
}

Value TensorCore::exchange(Value x, int32_t distance) {
  return gpu::ShuffleOp::create(emit, x, distance, 32, gpu::ShuffleMode::XOR).getShuffleResult();
}

Value TensorCore::any(Value condition) {
  return NVVM::VoteSyncOp::create(emit, emit.getI1Type(), i32(-1), condition, NVVM::VoteSyncKind::any);
}

} // namespace heed::device
