// HopperProducer.cpp - copies by TMA, tile after tile.
#include "compiler/gpu/HopperProducer.h"

#include "compiler/gpu/TensorMap.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::device {

HopperProducer::HopperProducer(Emit &emit, ir::AttentionOp op, HopperShape shape, kernels::QueryBlock const &queries,
                               HopperMemory &memory)
    : emit(emit), op(op), shape(shape), queries(queries), memory(memory), code(memory.code),
      query(operand(op.getQuery(), op.getQueryMap(), op.getRowDim(), op.getInnerDim(), shape.rows())),
      key(operand(op.getKey(), op.getKeyMap(), op.getColumnDim(), op.getInnerDim(), shape.keys)),
      source(operand(op.getSource(), op.getSourceMap(), op.getColumnDim(), op.getFeatureDim(), shape.keys)) {}

HopperProducer::Operand HopperProducer::operand(Value buffer, AffineMap subscripts, unsigned row, unsigned column, int64_t rows) {
  int64_t axis = HopperShape::rowAxis(subscripts, row);
  SmallVector<int64_t> box(subscripts.getNumResults(), 1);
  box[axis] = rows;
  box.back() = HopperShape::panel;
  return {tensorMap(emit, buffer, axis, op.getSizes()[row], box), subscripts, row, column, rows};
}

void HopperProducer::run(kernels::KeyWalk &walk, Value thread) {
  code.registers(shape.producerRegisters(), false);
  emit.branch(emit.less(thread, emit.index(HopperShape::warpLanes)), [&] {
    // All lanes walk, because scans of data share the work; one of them starts the copies.
    Value leader = code.elect();
    emit.branch(leader, [&] {
      code.expectBytes(memory.queriesArrived(), shape.queryBytes());
      copy(query, memory.queries(), queries.begin, memory.queriesArrived());
    });
    // Carried from tile to tile: how many there were, and where the walk is.
    SmallVector<Value> carried = {code.i32(int64_t(0))};
    kernels::KeyWalk::Cursor start = walk.start();
    carried.append(start.begin(), start.end());
    SmallVector<Type> passed = {emit.getIndexType()};
    llvm::append_range(passed, TypeRange(ValueRange(carried)));
    scf::WhileOp::create(
        emit, passed, carried,
        [&](OpBuilder &, Location, ValueRange now) {
          auto [tile, next] = walk.next(kernels::KeyWalk::Cursor(now.drop_front()));
          SmallVector<Value> values = {tile.first, now[0]};
          values.append(next.begin(), next.end());
          scf::ConditionOp::create(emit, emit.less(emit.index(0), tile.count), values);
        },
        [&](OpBuilder &, Location, ValueRange now) {
          Value first = now[0], number = now[1];
          auto [stage, parity] = memory.placeOf(number);
          // The first round finds the rings empty: the phase before the first counts as complete.
          Value before = emit.createOrFold<arith::XOrIOp>(parity, code.i32(int64_t(1)));
          for (auto ring : {HopperMemory::Keys, HopperMemory::Values}) {
            code.waitBarrier(memory.empty(ring, stage), before);
            emit.branch(leader, [&, &stage = stage] {
              code.expectBytes(memory.full(ring, stage), shape.tileBytes());
              copy(ring == HopperMemory::Keys ? key : source, memory.tile(ring, stage), first, memory.full(ring, stage));
            });
          }
          SmallVector<Value> values = {code.add(number, 1)};
          values.append(now.begin() + 2, now.end());
          scf::YieldOp::create(emit, values);
        });
  });
}

/// A tile, panel by panel.
void HopperProducer::copy(Operand const &operand, Value shared, Value first, Value barrier) {
  for (int64_t panel = 0; panel < shape.panels(); ++panel) {
    SmallVector<Value> position(queries.batch);
    position.append(op.getSizes().size() - position.size(), emit.index(0));
    position[operand.row] = first;
    position[operand.column] = emit.index(panel * HopperShape::panel);
    SmallVector<Value> coordinates = *affine::expandAffineMap(emit, emit.getLoc(), operand.subscripts, position);
    for (Value &coordinate : coordinates)
      coordinate = code.i32(coordinate);
    std::reverse(coordinates.begin(), coordinates.end());
    code.loadTensor(code.add(shared, panel * operand.rows * HopperShape::rowBytes), operand.map, coordinates, barrier);
  }
}

} // namespace heed::device
