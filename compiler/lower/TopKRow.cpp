// TopKRow.cpp - one row of heed.topk: an element is first compared with the last of those that are kept, which ends the
// matter for most elements of a long row. One that comes before it moves forward to its place.
#include "compiler/lower/TopKRow.h"

using namespace mlir;

namespace heed {

TopKRow::TopKRow(kernels::Emit &emit, ir::TopKOp op)
    : emit(emit), source(op.getSource()), inside(op.getInside()), init(op.getInit()), count(op.getCount()) {
  auto type = cast<MemRefType>(source.getType());
  element = type.getElementType();
  for (int64_t axis = 0; axis + 1 < type.getRank(); ++axis)
    outer.push_back(emit.dim(source, axis));
  columns = emit.dim(source, type.getRank() - 1);
}

Value TopKRow::rows() {
  Value rows = emit.index(1);
  for (Value size : outer)
    rows = emit.mul(rows, size);
  return rows;
}

static SmallVector<Value> at(SmallVector<Value> row, Value last) {
  row.back() = last;
  return row;
}

/// Subscripts of a row, with room for the last one.
SmallVector<Value> TopKRow::subscripts(Value row) {
  SmallVector<Value> result(outer.size() + 1);
  for (size_t axis = outer.size(); axis-- > 0;)
    result[axis] = emit.takeDigit(row, outer[axis]);
  return result;
}

void TopKRow::select(Value number, Value buffer) {
  best = buffer;
  SmallVector<Value> row = subscripts(number);
  Value zero = emit.index(0), one = emit.index(1);
  auto loop = scf::ForOp::create(emit, zero, columns, one, ValueRange(zero));
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
Value TopKRow::offer(ArrayRef<Value> row, Value position, Value kept) {
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
void TopKRow::insert(SmallVector<Value> row, Value value, Value position, Value kept) {
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
Value TopKRow::comesBefore(Value value, Value other) {
  if (!isa<FloatType>(element))
    return emit.compare(arith::CmpIPredicate::sgt, value, other);
  Value greater = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, value, other);
  Value number = arith::CmpFOp::create(emit, arith::CmpFPredicate::ORD, value, value);
  Value none = arith::CmpFOp::create(emit, arith::CmpFPredicate::UNO, other, other);
  return arith::OrIOp::create(emit, greater, arith::AndIOp::create(emit, number, none));
}

} // namespace heed
