// HopperMemory.cpp - addresses of tiles and barriers.
#include "compiler/gpu/HopperMemory.h"

using namespace mlir;

namespace heed::device {

void HopperMemory::begin(Value thread) {
  auto space = gpu::AddressSpaceAttr::get(emit.getContext(), gpu::AddressSpace::Workgroup);
  auto bytes = MemRefType::get({ShapedType::kDynamic}, emit.getI8Type(), MemRefLayoutAttrInterface(), space);
  Value memory = gpu::DynamicSharedMemoryOp::create(emit, bytes);
  base = code.i32(memref::ExtractAlignedPointerAsIndexOp::create(emit, memory).getResult());
  // The swizzle goes by bits of the address.
  base = emit.createOrFold<arith::AndIOp>(code.add(base, HopperShape::alignment - 1), code.i32(-HopperShape::alignment));
  emit.branch(emit.compare(arith::CmpIPredicate::eq, thread, emit.index(0)), [&] {
    code.initBarrier(queriesArrived(), 1);
    for (Ring ring : {Keys, Values})
      for (int64_t stage = 0; stage < HopperShape::stages; ++stage) {
        code.initBarrier(full(ring, code.i32(stage)), 1);
        code.initBarrier(empty(ring, code.i32(stage)), shape.warps());
      }
    code.publishBarriers();
  });
  gpu::BarrierOp::create(emit);
}

HopperMemory::Place HopperMemory::placeOf(Value number) {
  static_assert(HopperShape::stages == 2);
  Value one = code.i32(int64_t(1));
  return {emit.createOrFold<arith::AndIOp>(number, one),
          emit.createOrFold<arith::AndIOp>(emit.createOrFold<arith::ShRUIOp>(number, one), one)};
}

Value HopperMemory::tile(Ring ring, Value stage) {
  Value first = code.add(base, ring == Keys ? shape.keyOffset() : shape.valueOffset());
  return code.add(first, code.mul(stage, shape.tileBytes()));
}

Value HopperMemory::barrier(int64_t number, Value stage) {
  Value place = code.add(base, shape.barrierOffset() + 8 * number);
  return stage ? code.add(place, code.mul(stage, 8)) : place;
}

Value HopperMemory::flag(Value stage, Value warp) {
  return code.add(code.add(base, shape.flagOffset()), code.mul(code.add(code.mul(stage, shape.warps()), warp), 4));
}

} // namespace heed::device
