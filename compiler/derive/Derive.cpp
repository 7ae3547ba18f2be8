// Derive.cpp - the order of the derivation.
#include "compiler/derive/Derive.h"

#include "compiler/derive/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void heed::buildDerivePipeline(OpPassManager &manager) {
  OpPassManager &pm = manager.nest<func::FuncOp>();
  // Checks first: from here on every condition is a definition like any other.
  pm.addPass(createChecksToStatus());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Before reductions are looked at, so that they read the tensors that hold the numbers, not rearrangements of them.
  pm.addPass(createFoldIndexMaps());
  // Before separation, which makes a definition of each sum over the indices that it depends on.
  pm.addPass(createSplitSums());
  // Separation makes equal reductions (a mean used twice) equal definitions, which CSE then joins.
  pm.addPass(createSeparateReductions());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createRecogniseSoftmax());
  pm.addPass(createDistributeSums());
  // Before sums are reassociated: what depends on both row and column would keep them from it.
  pm.addPass(createSplitAngles());
  pm.addPass(createReassociate());
  // Before attention, which takes the pairs inside a chunk.
  pm.addPass(createChunkCausal());
  // Attention takes the softmaxes it can; what is left is written out.
  pm.addPass(createRaiseAttention());
  pm.addPass(createSoftmaxToDefines());
  pm.addPass(createCSEPass());
  // With all sums in sight, both sides of every product become tensors.
  pm.addPass(createSeparateFactors());
  pm.addPass(createSplitAxes());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createDefineToLinalg());
  // Last of the dialect: the bodies of scans are linalg by now.
  pm.addPass(createScanToScf());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createLoopInvariantCodeMotionPass());
}

void heed::registerHeedDerivePasses() {
  registerDerivePasses();
  PassPipelineRegistration<>("heed-derive", "heed to linalg, scf and heed.attention on tensors", buildDerivePipeline);
}
