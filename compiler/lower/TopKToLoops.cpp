// TopKToLoops.cpp - heed.topk on buffers to loops that keep the best positions of each row in order.
#include "compiler/lower/Passes.h"
#include "compiler/lower/TopKRow.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heed {
#define GEN_PASS_DEF_TOPKTOLOOPS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;
using kernels::Emit;

namespace {

/// A task should look at this many elements, or handing it to another thread costs more than it saves.
constexpr int64_t taskElements = 1 << 14;

void emitLoops(Emit &emit, ir::TopKOp op) {
  TopKRow topk(emit, op);
  auto allocate = [&]() -> Value { return memref::AllocOp::create(emit, topk.bestType()); };
  Value rows = topk.rows();
  if (kernels::constantOf(rows) == 1)
    return topk.select(emit.index(0), allocate());
  Value grain = emit.max(emit.index(1),
                         arith::DivUIOp::create(emit, emit.index(taskElements), emit.max(topk.length(), emit.index(1))));
  Value tasks = arith::CeilDivUIOp::create(emit, rows, grain);
  emit.tasks(tasks, [&](Value task) {
    Value best = allocate(), begin = emit.mul(task, grain);
    emit.loop(begin, emit.min(emit.add(begin, grain), rows), 1, [&](Value row) { topk.select(row, best); });
  });
}

struct TopKToLoops : impl::TopKToLoopsBase<TopKToLoops> {
  void runOnOperation() override {
    SmallVector<ir::TopKOp> all;
    getOperation().walk([&](ir::TopKOp op) { all.push_back(op); });
    for (ir::TopKOp op : all) {
      if (!op.hasPureBufferSemantics()) {
        op.emitOpError() << "expected buffers: selections are lowered after bufferisation";
        return signalPassFailure();
      }
      OpBuilder builder(op);
      Emit emit(op.getLoc(), builder);
      emitLoops(emit, op);
      op.erase();
    }
  }
};

} // namespace
} // namespace heed
