// MergeKernels.cpp - keeps one of several equal kernels.
#include "compiler/gpu/Passes.h"

#include "llvm/ADT/DenseMap.h"

namespace heed {
#define GEN_PASS_DEF_MERGEKERNELS
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;

namespace {

constexpr auto compareFlags = OperationEquivalence::IgnoreLocations;

/// Everything but the name.
llvm::hash_code hashOf(gpu::GPUFuncOp kernel) {
  llvm::hash_code hash = llvm::hash_value(kernel.getFunctionType().getAsOpaquePointer());
  kernel.getBody().walk([&](Operation *op) {
    hash = llvm::hash_combine(hash, OperationEquivalence::computeHash(op, OperationEquivalence::ignoreHashValue,
                                                                      OperationEquivalence::ignoreHashValue, compareFlags));
  });
  return hash;
}

bool isSame(gpu::GPUFuncOp a, gpu::GPUFuncOp b) {
  return a.getFunctionType() == b.getFunctionType() && a.getKnownBlockSize() == b.getKnownBlockSize() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(), compareFlags);
}

struct MergeKernels : impl::MergeKernelsBase<MergeKernels> {
  void runOnOperation() override {
    llvm::DenseMap<size_t, SmallVector<gpu::GPUFuncOp>> known;
    llvm::DenseMap<StringAttr, gpu::GPUFuncOp> replaced;
    getOperation().walk([&](gpu::GPUFuncOp kernel) {
      SmallVector<gpu::GPUFuncOp> &alike = known[size_t(hashOf(kernel))];
      auto same = llvm::find_if(alike, [&](gpu::GPUFuncOp other) { return isSame(kernel, other); });
      if (same == alike.end())
        alike.push_back(kernel);
      else
        replaced[kernel.getNameAttr()] = *same;
    });
    getOperation().walk([&](gpu::LaunchFuncOp launch) {
      auto kept = replaced.find(launch.getKernelName());
      if (kept != replaced.end())
        launch.setKernelAttr(SymbolRefAttr::get(launch.getKernelModuleName(),
                                                {FlatSymbolRefAttr::get(kept->second.getNameAttr())}));
    });
    SmallVector<gpu::GPUFuncOp> unused;
    getOperation().walk([&](gpu::GPUFuncOp kernel) {
      if (replaced.contains(kernel.getNameAttr()))
        unused.push_back(kernel);
    });
    for (gpu::GPUFuncOp kernel : unused)
      kernel.erase();
  }
};

} // namespace
} // namespace heed
