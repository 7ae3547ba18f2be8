// KernelsToNvvm.cpp - kernels to the LLVM dialect. Upstream's pass of that purpose also turns functions of dialect math into
// calls of CUDA's device library, which we do without; so this one takes its patterns for gpu, and those of the host for the
// rest.
#include "compiler/gpu/Passes.h"
#include "compiler/gpu/TensorMap.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace heed {
#define GEN_PASS_DEF_KERNELSTONVVM
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;

namespace {

struct KernelsToNvvm : impl::KernelsToNvvmBase<KernelsToNvvm> {
  void runOnOperation() override {
    // Shuffles of 64 bits become two of 32.
    RewritePatternSet shuffles(&getContext());
    populateGpuShufflePatterns(shuffles);
    walkAndApplyPatterns(getOperation(), std::move(shuffles));
    LLVMTypeConverter converter(&getContext());
    configureGpuToNVVMTypeConverter(converter);
    RewritePatternSet patterns(&getContext());
    populateGpuToNVVMConversionPatterns(converter, patterns);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);

    LLVMConversionTarget target(getContext());
    target.addLegalDialect<NVVM::NVVMDialect>();
    target.addIllegalDialect<gpu::GPUDialect>();
    target.addLegalOp<gpu::GPUModuleOp>();
    // LLVM has no code for these on NVIDIA's machines.
    target.addDynamicallyLegalDialect<math::MathDialect>([](Operation *) { return false; });
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      return signalPassFailure();
    for (auto kernel : getOperation().getOps<LLVM::LLVMFuncOp>())
      passMapsByValue(kernel);
    getOperation()->walk([&](Operation *op) {
      if (!isa<LLVM::ExpOp, LLVM::Exp2Op, LLVM::LogOp, LLVM::PowOp, LLVM::SinOp, LLVM::CosOp, LLVM::TanhOp>(op))
        return;
      op->emitError("no GPU code yet for '") << op->getName().stripDialect().drop_front(5) << "' of "
                                            << op->getResult(0).getType()
                                            << "; compute in f32, or compile for a CPU";
      signalPassFailure();
    });
  }

  /// The engine that copies tensors reads their maps where the driver has put the arguments.
  static void passMapsByValue(LLVM::LLVMFuncOp kernel) {
    auto maps = dyn_cast_or_null<IntegerAttr>(kernel->removeAttr(device::mapCount));
    if (!maps)
      return;
    Builder builder(kernel.getContext());
    Type bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), device::mapBytes);
    for (int64_t argument = 0; argument < maps.getInt(); ++argument) {
      kernel.setArgAttr(argument, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(bytes));
      kernel.setArgAttr(argument, LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(device::mapAlignment));
      kernel.setArgAttr(argument, NVVM::NVVMDialect::getGridConstantAttrName(), builder.getUnitAttr());
    }
  }
};

} // namespace
} // namespace heed
