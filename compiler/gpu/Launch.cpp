// Launch.cpp - the shapes of launches that kernels are written in.
#include "compiler/gpu/Launch.h"

using namespace mlir;

namespace heed::device {

void launchBlocks(Emit &emit, StringRef name, Value blocks, int64_t threads, int64_t sharedBytes,
                  llvm::function_ref<void(Value, Value)> body) {
  Value one = emit.index(1), shared;
  if (sharedBytes)
    shared = arith::ConstantOp::create(emit, emit.getI32IntegerAttr(sharedBytes));
  auto launch = gpu::LaunchOp::create(emit, emit.getLoc(), blocks, one, one, emit.index(threads), one, one, shared);
  launch->setAttr(kernelName, emit.getStringAttr(name));
  OpBuilder::InsertionGuard guard(emit);
  emit.setInsertionPointToStart(&launch.getBody().front());
  auto x = gpu::Dimension::x;
  body(gpu::BlockIdOp::create(emit, x), gpu::ThreadIdOp::create(emit, x));
  gpu::TerminatorOp::create(emit);
}

void launchThreads(Emit &emit, StringRef name, Value count, llvm::function_ref<void(Value)> body) {
  Value blocks = emit.ceilDiv(count, blockThreads);
  launchBlocks(emit, name, blocks, blockThreads, 0, [&](Value block, Value thread) {
    Value item = emit.add(emit.mul(block, blockThreads), thread);
    emit.branch(emit.compare(arith::CmpIPredicate::ult, item, count), [&] { body(item); });
  });
}

Value allocateForThread(Emit &emit, MemRefType type) {
  OpBuilder::InsertionGuard guard(emit);
  emit.setInsertionPointToStart(&emit.enclosing<gpu::LaunchOp>().getBody().front());
  return memref::AllocaOp::create(emit, type);
}

Value sharedBuffer(Emit &emit, int64_t &offset, ArrayRef<int64_t> shape) {
  auto space = gpu::AddressSpaceAttr::get(emit.getContext(), gpu::AddressSpace::Workgroup);
  auto bytes = MemRefType::get({ShapedType::kDynamic}, emit.getI8Type(), MemRefLayoutAttrInterface(), space);
  auto type = MemRefType::get(shape, emit.getF32Type(), MemRefLayoutAttrInterface(), space);
  Value all = gpu::DynamicSharedMemoryOp::create(emit, bytes);
  Value view = memref::ViewOp::create(emit, type, all, emit.index(offset), ValueRange());
  offset += type.getNumElements() * sizeof(float);
  return view;
}

} // namespace heed::device
