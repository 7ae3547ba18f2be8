// Pipeline.cpp - the order of the passes from `derived` to `gpu`, `nvvm` and the host's `llvm`.
#include "compiler/gpu/Passes.h"
#include "compiler/lower/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace heed {

static void tidy(OpPassManager &passes) {
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
}

void buildGpuPipeline(OpPassManager &passes, GpuOptions const &options) {
  tidy(passes);
  passes.addNestedPass<func::FuncOp>(createNarrowAttention());
  tidy(passes);
  buildBufferPipeline(passes);
  // What is done for each position of a batch is launched for one after the other.
  passes.addNestedPass<func::FuncOp>(createForallToForLoopPass());
  passes.addNestedPass<func::FuncOp>(createToKernels({options.tf32x3, options.hopper}));
  passes.addPass(createLowerAffinePass());
  tidy(passes);
  // Before bodies leave the function: lifetimes follow from its order.
  passes.addPass(createPlanArena());
  tidy(passes);
  passes.addPass(createOutlineKernels());
  OpPassManager &kernels = passes.nest<gpu::GPUModuleOp>();
  tidy(kernels);
}

void buildNvvmPipeline(OpPassManager &passes, GpuOptions const &options) {
  passes.addPass(createKernelArguments());
  OpPassManager &kernels = passes.nest<gpu::GPUModuleOp>();
  kernels.addPass(createContractArithmetic());
  ExpandMathOptions math;
  math.fma = true;
  kernels.addPass(createExpandMath(math));
  kernels.addPass(createDeviceMath());
  kernels.addPass(createLoopInvariantCodeMotionPass());
  kernels.addPass(createExpandShapes());
  kernels.addPass(memref::createExpandStridedMetadataPass());
  kernels.addPass(createLowerAffinePass());
  tidy(kernels);
  passes.addPass(createMergeKernels());
  OpPassManager &merged = passes.nest<gpu::GPUModuleOp>();
  merged.addPass(arith::createArithExpandOpsPass());
  merged.addPass(createSCFToControlFlowPass());
  merged.addPass(createConvertIndexToLLVMPass());
  merged.addPass(createUBToLLVMConversionPass());
  merged.addPass(createKernelsToNvvm());
  merged.addPass(createConvertNVVMToLLVMPass());
  merged.addPass(createReconcileUnrealizedCastsPass());
  tidy(merged);
}

void buildGpuHostPipeline(OpPassManager &passes) {
  passes.addPass(createLaunchesToRuntime());
  buildEntryPipeline(passes, {.vectorBits = 128, .fma = false});
}

void registerHeedGpuPassesAndPipelines() {
  registerHeedGpuPasses();
  PassPipelineRegistration<>("heed-to-gpu", "Tensors to kernels and the host code that launches them",
                             [](OpPassManager &passes) { buildGpuPipeline(passes, {}); });
  PassPipelineRegistration<>("heed-to-nvvm", "Kernels to the LLVM dialect with NVVM's operations",
                             [](OpPassManager &passes) { buildNvvmPipeline(passes, {}); });
  PassPipelineRegistration<>("heed-gpu-host", "Host code that launches kernels to the LLVM dialect",
                             [](OpPassManager &passes) { buildGpuHostPipeline(passes); });
}

} // namespace heed
