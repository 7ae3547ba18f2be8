// TopKToLoops.cpp - heed.topk on buffers to loops that keep the best positions of each row in order.
#include "compiler/lower/Passes.h"
#include "compiler/lower/kernels/Emit.h"
#include "dialect/HeedOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heed {
#define GEN_PASS_DEF_TOPKTOLOOPS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;
using kernels::Emit;

namespace {

/// A task should look at this many elements, or handing it to another thread costs more than it saves.
constexpr int64_t taskElements = 1 << 14;

class Emitter {
public:
  Emitter(Emit &emit, ir::TopKOp op) : emit(emit), source(op.getSource()), inside(op.getInside()), init(op.getInit()) {
    auto type = cast<MemRefType>(source.getType());
    element = type.getElementType();
    count = op.getCount();
    for (int64_t axis = 0; axis + 1 < type.getRank(); ++axis)
      outer.push_back(emit.dim(source, axis));
    length = emit.dim(source, type.getRank() - 1);
  }

  void run() {
    Value rows = emit.index(1);
    for (Value size : outer)
      rows = emit.mul(rows, size);
    if (kernels::constantOf(rows) == 1) {
      best = memref::AllocOp::create(emit, MemRefType::get({count}, element));
      return select(emit.index(0));
    }
    Value grain = emit.max(emit.index(1), arith::DivUIOp::create(emit, emit.index(taskElements),
                                                                 emit.max(length, emit.index(1))));
    Value tasks = arith::CeilDivUIOp::create(emit, rows, grain);
    emit.tasks(tasks, [&](Value task) {
      best = memref::AllocOp::create(emit, MemRefType::get({count}, element));
      Value begin = emit.mul(task, grain);
      emit.loop(begin, emit.min(emit.add(begin, grain), rows), 1, [&](Value row) { select(row); });
    });
  }

private:
  /// Subscripts of a row, with room for the last one.
  SmallVector<Value> subscripts(Value row) {
    SmallVector<Value> result(outer.size() + 1);
    for (size_t axis = outer.size(); axis-- > 0;)
      result[axis] = emit.takeDigit(row, outer[axis]);
    return result;
  }
  static SmallVector<Value> at(SmallVector<Value> row, Value last) {
    row.back() = last;
    return row;
  }

  void select(Value number) {
    SmallVector<Value> row = subscripts(number);
    Value zero = emit.index(0), one = emit.index(1);
    auto loop = scf::ForOp::create(emit, zero, length, one, ValueRange(zero));
    {
      OpBuilder::InsertionGuard guard(emit);
      emit.setInsertionPointToStart(loop.getBody());
      Value kept = loop.getRegionIterArgs().front(), position = loop.getInductionVar();
      scf::YieldOp::create(emit, offer(row, position, kept));
    }
    Value none = arith::ConstantOp::create(emit, emit.getI32IntegerAttr(0));
    emit.loop(loop.getResult(0), emit.index(count), 1,
              [&](Value place) { memref::StoreOp::create(emit, none, init, at(row, place)); });
  }

  /// How many positions are kept once the element at `position` has had its turn.
  Value offer(ArrayRef<Value> row, Value position, Value kept) {
    SmallVector<Value> here(row.begin(), row.end());
    here.back() = position;
    Value value = memref::LoadOp::create(emit, source, here);
    Value last = memref::LoadOp::create(emit, best, ValueRange(emit.index(count - 1)));
    Value room = emit.less(kept, emit.index(count));
    Value takes = arith::OrIOp::create(emit, room, comesBefore(value, last));
    if (inside)
      takes = arith::AndIOp::create(emit, takes, memref::LoadOp::create(emit, inside, here));
    auto choice = scf::IfOp::create(emit, TypeRange(emit.getIndexType()), takes, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPointToStart(choice.thenBlock());
    insert(here, value, position, kept);
    scf::YieldOp::create(emit, emit.min(emit.add(kept, 1), emit.index(count)));
    emit.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(emit, kept);
    return choice.getResult(0);
  }

  /// Moves what comes after the element one place back, and puts it there. The last place is free, or is given up.
  void insert(SmallVector<Value> row, Value value, Value position, Value kept) {
    Value zero = emit.index(0), one = emit.index(1);
    Value from = emit.min(kept, emit.index(count - 1));
    auto shift = scf::WhileOp::create(emit, TypeRange(emit.getIndexType()), ValueRange(from));
    OpBuilder::InsertionGuard guard(emit);
    Location loc = emit.getLoc();
    Block *before = emit.createBlock(&shift.getBefore(), {}, emit.getIndexType(), loc);
    Value place = before->getArgument(0);
    // The element before place 0 does not exist: its load is redirected, and its answer ignored.
    Value previous = emit.max(emit.sub(place, one), zero);
    Value neighbour = memref::LoadOp::create(emit, best, previous);
    Value moves = arith::AndIOp::create(emit, emit.less(zero, place), comesBefore(value, neighbour));
    scf::ConditionOp::create(emit, moves, place);

    Block *after = emit.createBlock(&shift.getAfter(), {}, emit.getIndexType(), loc);
    place = after->getArgument(0);
    previous = emit.sub(place, one);
    memref::StoreOp::create(emit, memref::LoadOp::create(emit, best, previous), best, place);
    memref::StoreOp::create(emit, memref::LoadOp::create(emit, init, at(row, previous)), init, at(row, place));
    scf::YieldOp::create(emit, previous);

    emit.setInsertionPointAfter(shift);
    place = shift.getResult(0);
    memref::StoreOp::create(emit, value, best, place);
    Value stored = arith::IndexCastOp::create(emit, emit.getI32Type(), position);
    memref::StoreOp::create(emit, stored, init, at(row, place));
  }

  /// Larger values come first, NaN last.
  Value comesBefore(Value value, Value other) {
    if (!isa<FloatType>(element))
      return emit.compare(arith::CmpIPredicate::sgt, value, other);
    Value greater = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, value, other);
    Value number = arith::CmpFOp::create(emit, arith::CmpFPredicate::ORD, value, value);
    Value none = arith::CmpFOp::create(emit, arith::CmpFPredicate::UNO, other, other);
    return arith::OrIOp::create(emit, greater, arith::AndIOp::create(emit, number, none));
  }

  Emit &emit;
  Value source, inside, init, best;
  Type element;
  int64_t count;
  SmallVector<Value> outer;
  Value length;
};

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
      Emitter(emit, op).run();
      op.erase();
    }
  }
};

} // namespace
} // namespace heed
