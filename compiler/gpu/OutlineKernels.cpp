// OutlineKernels.cpp - moves the bodies of launches into one gpu.module.
#include "compiler/gpu/Launch.h"
#include "compiler/gpu/TensorMap.h"
#include "compiler/gpu/Passes.h"
#include "compiler/lower/Model.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"

namespace heed {
#define GEN_PASS_DEF_OUTLINEKERNELS
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;

namespace {

/// What a kernel computes for itself: constants, and views that only describe a buffer. A view of bytes is where a buffer begins.
bool isRepeated(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  return op->hasTrait<OpTrait::ConstantLike>() ||
         isa<memref::SubViewOp, memref::CastOp, memref::CollapseShapeOp, memref::ExpandShapeOp, memref::ReinterpretCastOp>(op);
}

struct OutlineKernels : impl::OutlineKernelsBase<OutlineKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<Model> model = Model::find(module);
    SmallVector<gpu::LaunchOp> launches;
    module.walk([&](gpu::LaunchOp launch) { launches.push_back(launch); });
    if (launches.empty())
      return;
    module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(), UnitAttr::get(&getContext()));
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    kernels = gpu::GPUModuleOp::create(builder, module.getLoc(), "kernels");
    for (auto [number, launch] : llvm::enumerate(launches)) {
      auto what = launch->getAttrOfType<StringAttr>(device::kernelName);
      outline(launch, ((model ? model->name() : "kernel") + "_" + Twine(number) + "_" +
                       (what ? what.getValue() : "launch")).str());
    }
  }

  void outline(gpu::LaunchOp launch, StringRef name) {
    Location loc = launch.getLoc();
    SmallVector<Value> arguments;
    SmallVector<Operation *> repeated;
    // The host makes the maps of tensors; memory is planned by now, so that the buffer may be used before the launch.
    launch.walk([&](UnrealizedConversionCastOp cast) {
      if (device::tensorMapOf(cast.getResult(0)))
        cast->moveBefore(launch);
    });
    SetVector<Value> used;
    getUsedValuesDefinedAbove(launch.getBody(), used);
    llvm::SmallPtrSet<Operation *, 16> visited;
    for (Value value : used)
      collect(value, arguments, repeated, visited);

    OpBuilder builder = OpBuilder::atBlockEnd(kernels.getBody());
    auto type = builder.getFunctionType(TypeRange(ValueRange(arguments)), {});
    auto kernel = gpu::GPUFuncOp::create(builder, loc, name, type);
    kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
    if (std::optional<int64_t> threads = kernels::constantOf(launch.getBlockSizeX()))
      kernel.setKnownBlockSize(SmallVector<int32_t>{int32_t(*threads), 1, 1});
    if (Attribute blocks = launch->getAttr(device::minimumBlocks))
      kernel->setAttr(device::minimumBlocks, blocks);
    builder.setInsertionPointToStart(&kernel.getBody().front());
    IRMapping mapping;
    for (auto [value, argument] : llvm::zip_equal(arguments, kernel.getArguments()))
      mapping.map(value, argument);
    for (Operation *op : repeated)
      builder.clone(*op, mapping);
    for (Operation &op : launch.getBody().front().without_terminator())
      builder.clone(op, mapping);
    gpu::ReturnOp::create(builder, loc);

    builder.setInsertionPoint(launch);
    gpu::LaunchFuncOp::create(builder, loc, kernel, launch.getGridSizeOperandValues(), launch.getBlockSizeOperandValues(),
                              launch.getDynamicSharedMemorySize(), arguments);
    launch.erase();
  }

  /// In an order in which each of `repeated` follows what it uses.
  void collect(Value value, SmallVector<Value> &arguments, SmallVector<Operation *> &repeated,
               llvm::SmallPtrSet<Operation *, 16> &visited) {
    if (!isRepeated(value)) {
      if (!llvm::is_contained(arguments, value))
        arguments.push_back(value);
      return;
    }
    Operation *op = value.getDefiningOp();
    if (!visited.insert(op).second)
      return;
    for (Value operand : op->getOperands())
      collect(operand, arguments, repeated, visited);
    repeated.push_back(op);
  }

  gpu::GPUModuleOp kernels;
};

} // namespace
} // namespace heed
