// KernelArguments.cpp - passes buffers to kernels as a pointer and the sizes that are not constant.
#include "compiler/gpu/Passes.h"
#include "compiler/gpu/TensorMap.h"
#include "compiler/lower/Frame.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"

namespace heed {
#define GEN_PASS_DEF_KERNELARGUMENTS
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;

namespace {

struct KernelArguments : impl::KernelArgumentsBase<KernelArguments> {
  void runOnOperation() override {
    SmallVector<gpu::LaunchFuncOp> launches;
    getOperation().walk([&](gpu::LaunchFuncOp launch) { launches.push_back(launch); });
    SymbolTableCollection symbols;
    for (gpu::LaunchFuncOp launch : launches) {
      auto kernel = symbols.lookupNearestSymbolFrom<gpu::GPUFuncOp>(launch, launch.getKernelAttr());
      if (!kernel || failed(rewrite(launch, kernel)))
        return signalPassFailure();
    }
  }

  /// Kernels have one launch each at this point, so that sizes can be shared as they are there.
  LogicalResult rewrite(gpu::LaunchFuncOp launch, gpu::GPUFuncOp kernel) {
    LLVMTypeConverter converter(&getContext());
    Type pointer = LLVM::LLVMPointerType::get(&getContext());
    Location loc = launch.getLoc();
    OpBuilder host(launch), device = OpBuilder::atBlockBegin(&kernel.getBody().front());
    Block &entry = kernel.getBody().front();
    SmallVector<Value> operands, before(entry.getArguments());
    llvm::MapVector<Value, Value> passed; // scalars of the host, and what they are in the kernel
    auto argument = [&](Value operand, Type type) {
      operands.push_back(operand);
      return entry.addArgument(type, loc);
    };
    auto scalar = [&](Value value) {
      auto [place, isNew] = passed.insert({value, Value()});
      if (isNew)
        place->second = argument(value, value.getType());
      return place->second;
    };
    SmallVector<Value> launched(launch.getKernelOperands());
    // Maps of tensors come first: they are larger than all others.
    for (auto [operand, old] : llvm::zip_equal(launched, before))
      if (device::tensorMapOf(operand))
        old.replaceAllUsesWith(scalar(operand));
    if (!operands.empty())
      kernel->setAttr(device::mapCount, host.getI64IntegerAttr(operands.size()));
    for (auto [operand, old] : llvm::zip_equal(launched, before)) {
      auto type = dyn_cast<MemRefType>(operand.getType());
      if (!type) {
        old.replaceAllUsesWith(scalar(operand));
        continue;
      }
      if (!type.getLayout().isIdentity())
        return launch.emitError("expected buffers without layout as arguments of kernels");
      Value address = memref::ExtractAlignedPointerAsIndexOp::create(host, loc, operand);
      Value bits = arith::IndexCastOp::create(host, loc, host.getI64Type(), address);
      Value memory = argument(LLVM::IntToPtrOp::create(host, loc, pointer, bits), pointer);
      SmallVector<Value> sizes;
      for (int64_t axis = 0; axis < type.getRank(); ++axis)
        if (type.isDynamicDim(axis))
          sizes.push_back(scalar(host.createOrFold<memref::DimOp>(loc, operand, axis)));
      old.replaceAllUsesWith(bufferAt(device, loc, converter, type, memory, sizes));
    }
    entry.eraseArguments(0, before.size());
    kernel.setFunctionType(host.getFunctionType(entry.getArgumentTypes(), {}));
    launch.getKernelOperandsMutable().assign(operands);
    return success();
  }
};

} // namespace
} // namespace heed
