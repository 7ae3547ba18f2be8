// Pipeline.cpp - the order of the passes from `derived` to `llvm`.
#include "compiler/lower/Passes.h"
#include "compiler/lower/kernels/Kernels.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
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

/// Tensors to buffers.
static void bufferise(OpPassManager &passes) {
  passes.addNestedPass<func::FuncOp>(createSeparateInits());
  // Outputs become destinations before the analysis, which then lets definitions write there at once.
  passes.addPass(createResultsToArguments());
  // So do the states of loops.
  passes.addNestedPass<func::FuncOp>(createYieldInPlace());
  passes.addPass(bufferization::createEmptyTensorEliminationPass());
  passes.addPass(bufferization::createEmptyTensorToAllocTensorPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  options.bufferAlignment = 64;
  passes.addPass(bufferization::createOneShotBufferizePass(options));
  // Sizes of buffers that were asked of other buffers become formulas again: the arena needs them so.
  passes.addPass(memref::createResolveShapedTypeResultDimsPass());
  tidy(passes);
}

void buildBufferPipeline(OpPassManager &passes) {
  // Named operations (fills) become generic, so that fusion and everything below it know one form only.
  passes.addNestedPass<func::FuncOp>(createLinalgGeneralizeNamedOpsPass());
  passes.addNestedPass<func::FuncOp>(createFuseElementwise());
  tidy(passes);
  bufferise(passes);
  // Copies that bufferisation made of named operations.
  passes.addNestedPass<func::FuncOp>(createLinalgGeneralizeNamedOpsPass());
}

template <typename Options>
static Options kernelOptions(TargetOptions const &target) {
  Options options;
  options.vectorBits = target.vectorBits;
  options.fma = target.fma;
  return options;
}

void buildVectorPipeline(OpPassManager &passes, TargetOptions const &target) {
  tidy(passes);
  // While a product is still one operation on rows.
  passes.addNestedPass<func::FuncOp>(createBlockRows());
  tidy(passes);
  passes.addNestedPass<func::FuncOp>(createBlockProducts());
  tidy(passes);
  // Before fusion, which would hide that a product is one.
  passes.addNestedPass<func::FuncOp>(createPackContractions(kernelOptions<PackContractionsOptions>(target)));
  passes.addNestedPass<func::FuncOp>(createHoistLoopPacking());
  passes.addPass(createHoistWeightPacking());
  buildBufferPipeline(passes);
  // Buffers and kernels inside a parallel loop are those of one thread.
  passes.addPass(createForallToParallelLoopPass());
  // Kernels read the domain of an attention as affine expressions.
  passes.addNestedPass<func::FuncOp>(createKernelsToVector(kernelOptions<KernelsToVectorOptions>(target)));
  // Index arithmetic of bodies must be plain arith before bodies are read for strides.
  passes.addPass(createLowerAffinePass());
  passes.addNestedPass<func::FuncOp>(createTopKToLoops());
  LinalgToVectorLoopsOptions loops;
  loops.vectorBits = target.vectorBits;
  passes.addPass(createLinalgToVectorLoops(loops));
  tidy(passes);
  // Last: it must see every buffer, those of kernels included.
  passes.addPass(createPlanArena());
  tidy(passes);
}

void buildLLVMPipeline(OpPassManager &passes, TargetOptions const &target) {
  // While loops still have regions: a body is moved out whole.
  passes.addPass(createOutlineParallel());
  buildEntryPipeline(passes, target);
}

void buildEntryPipeline(OpPassManager &passes, TargetOptions const &target) {
  passes.addPass(createEntryPoints());
  passes.addPass(createContractArithmetic());
  ExpandMathOptions math;
  math.fma = target.fma;
  passes.addPass(createExpandMath(math));
  passes.addPass(createLoopInvariantCodeMotionPass());
  passes.addPass(createConvertVectorToSCFPass());
  // Before the metadata of buffers is expanded, which fails on two run-time sizes in one group.
  passes.addPass(createExpandShapes());
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  passes.addPass(arith::createArithExpandOpsPass(expand));
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createConvertMathToLibmPass());
  ConvertVectorToLLVMPassOptions vectors;
  passes.addPass(createConvertVectorToLLVMPass(vectors));
  // Whatever is left, in one walk.
  passes.addPass(createConvertToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  tidy(passes);
}

namespace {
struct TargetPipelineOptions : PassPipelineOptions<TargetPipelineOptions> {
  Option<unsigned> vectorBits{*this, "vector-bits", llvm::cl::desc("Bits of a vector register"), llvm::cl::init(256)};
  Option<bool> fma{*this, "fma", llvm::cl::desc("Whether the target has fused multiply-add"), llvm::cl::init(true)};
  TargetOptions target() const { return {vectorBits, fma}; }
};
} // namespace

void registerHeedLowerPasses() {
  registerHeedLoweringPasses();
  registerHeedKernelsPasses();
  PassPipelineRegistration<TargetPipelineOptions>("heed-to-vector", "Tensors to vectors in a planned workspace",
                                                  [](OpPassManager &passes, TargetPipelineOptions const &options) {
                                                    buildVectorPipeline(passes, options.target());
                                                  });
  PassPipelineRegistration<TargetPipelineOptions>(
      "heed-to-llvm", "Vectors to the LLVM dialect with the entry points of the C ABI",
      [](OpPassManager &passes, TargetPipelineOptions const &options) { buildLLVMPipeline(passes, options.target()); });
}

} // namespace heed
