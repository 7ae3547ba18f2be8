// HopperConsumer.cpp - products by wgmma, and the softmax under them.
#include "compiler/gpu/HopperConsumer.h"

#include "compiler/gpu/HopperUnusual.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::device {

/// The named barrier for the turn of a group, in its own number of threads and in that of the group before.
static constexpr int64_t firstTurn = 1, turnThreads = 2 * HopperShape::warpGroup;

/// Element 0 of each thread in the block.
static FragmentMap mapOf(Emit &emit, HopperShape shape, Value worker) {
  auto mod = [&](int64_t by) { return emit.createOrFold<arith::RemUIOp>(worker, emit.index(by)); };
  Value firstRow = emit.add(emit.mul(emit.div(worker, HopperShape::warpLanes), 16), emit.div(mod(HopperShape::warpLanes), 4));
  return {firstRow, emit.mul(mod(4), 2), shape.rows(), shape.keys};
}

HopperConsumer::HopperConsumer(Emit &emit, ir::AttentionOp op, HopperShape shape, kernels::QueryBlock const &queries,
                               domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, HopperMemory &memory, Value thread)
    : emit(emit), op(op), shape(shape), queries(queries), memory(memory), code(memory.code),
      worker(emit.sub(thread, emit.index(HopperShape::warpGroup))),
      group(code.uniform(code.i32(emit.div(worker, HopperShape::warpGroup)))),
      lane(code.i32(emit.createOrFold<arith::RemUIOp>(worker, emit.index(HopperShape::warpLanes)))),
      map(mapOf(emit, shape, worker)), scores(emit, op, queries, sweep, domainSymbols, map) {}

void HopperConsumer::run(kernels::KeyWalk &walk) {
  Value last = emit.compare(arith::CmpIPredicate::eq, group, code.i32(shape.groups - 1));
  emit.branch(last, [&] { code.namedArrive(code.i32(firstTurn), turnThreads); });
  code.waitBarrier(memory.queriesArrived(), code.i32(int64_t(0)));
  SmallVector<Value> zeros(shape.width / 2, emit.f32(0));
  FragmentScores::State nothing = scores.begin({});
  SmallVector<Type> types(nothing.size() + zeros.size(), emit.getF32Type());
  auto [tile, cursor] = walk.next(walk.start());
  SmallVector<Value> all = emit.choose(
      emit.less(emit.index(0), tile.count), types,
      [&, &tile = tile, &cursor = cursor] { return tiles(walk, firstTile(tile), cursor); },
      [&]() -> SmallVector<Value> {
        SmallVector<Value> results = nothing;
        results.append(zeros);
        return results;
      });
  Value first = emit.compare(arith::CmpIPredicate::eq, group, code.i32(int64_t(0)));
  emit.branch(first, [&] { code.namedSync(code.i32(firstTurn), turnThreads); }); // the turn that was left
  store(ArrayRef(all).drop_front(nothing.size()), FragmentScores::State(ArrayRef(all).take_front(nothing.size())));
}

/// The tiles from the second on; gives the state and the sums.
SmallVector<Value> HopperConsumer::tiles(kernels::KeyWalk &walk, Running const &first, kernels::KeyWalk::Cursor const &cursor) {
  // Registers are scarce: what a tile is, the walk says again in each round.
  SmallVector<Value> carried = {code.i32(int64_t(1))};
  size_t cursorAt = carried.size(), stateAt = cursorAt + cursor.size(), sumsAt = stateAt + first.state.size(),
         weightsAt = sumsAt + first.sums.size();
  auto add = [&](SmallVector<Value> &to, Running const &from) {
    to.append(from.state);
    to.append(from.sums);
    to.append(from.weights);
  };
  auto of = [&](ValueRange values) -> Running {
    return {FragmentScores::State(values.slice(stateAt, sumsAt - stateAt)),
            SmallVector<Value>(values.slice(sumsAt, weightsAt - sumsAt)), SmallVector<Value>(values.drop_front(weightsAt))};
  };
  carried.append(cursor.begin(), cursor.end());
  add(carried, first);
  SmallVector<Type> passed = {emit.getIndexType(), emit.getIndexType(), emit.getI1Type()};
  size_t tileParts = passed.size();
  llvm::append_range(passed, TypeRange(ValueRange(carried)));
  auto loop = scf::WhileOp::create(
      emit, passed, carried,
      [&](OpBuilder &, Location, ValueRange now) {
        auto [tile, next] = walk.next(kernels::KeyWalk::Cursor(now.slice(cursorAt, stateAt - cursorAt)));
        SmallVector<Value> values = {tile.first, tile.count, tile.full, now[0]};
        values.append(next.begin(), next.end());
        values.append(now.begin() + stateAt, now.end());
        scf::ConditionOp::create(emit, emit.less(emit.index(0), tile.count), values);
      },
      [&](OpBuilder &, Location, ValueRange now) {
        kernels::KeyTile tile;
        tile.first = now[0], tile.count = now[1], tile.full = now[2];
        now = now.drop_front(tileParts);
        SmallVector<Value> values = {code.add(now[0], 1)};
        values.append(now.begin() + cursorAt, now.begin() + stateAt);
        add(values, nextTile(tile, now[0], of(now)));
        scf::YieldOp::create(emit, values);
      });
  ValueRange end = loop.getResults().drop_front(tileParts);
  SmallVector<Value> results(end.slice(stateAt, sumsAt - stateAt));
  results.append(lastSums(end[0], of(end)));
  return results;
}

HopperConsumer::Running HopperConsumer::firstTile(kernels::KeyTile const &tile) {
  Value stage = code.i32(int64_t(0)), parity = stage;
  code.waitBarrier(memory.full(HopperMemory::Keys, stage), parity);
  code.fence();
  SmallVector<Value> found = products(stage);
  code.commit();
  found = code.wait(0, found);
  release(HopperMemory::Keys, stage);
  FragmentScores::Weights weights = scores.weigh(tile, found, scores.begin({}));
  code.waitBarrier(memory.full(HopperMemory::Values, stage), parity);
  SmallVector<Value> words = operands(weights.values), zeros(shape.width / 2, emit.f32(0));
  SmallVector<Value> sums = emit.choose(
      isWhole(tile), SmallVector<Type>(zeros.size(), emit.getF32Type()), [&] { return zeros; },
      [&] {
        HopperUnusual unusual(emit, shape, memory, stage);
        return unusual.take(unusual.look(), weights.values, zeros);
      });
  return {weights.state, sums, words};
}

HopperConsumer::Running HopperConsumer::nextTile(kernels::KeyTile const &tile, Value number, Running const &running) {
  auto [stage, parity] = memory.placeOf(number);
  Value before = memory.placeOf(emit.createOrFold<arith::SubIOp>(number, code.i32(1))).stage;
  code.waitBarrier(memory.full(HopperMemory::Keys, stage), parity);
  code.namedSync(code.add(group, firstTurn), turnThreads);
  code.fence();
  SmallVector<Value> found = products(stage);
  code.commit();
  SmallVector<Value> sums = addValues(running.sums, running.weights, before);
  code.commit();
  Value next = emit.createOrFold<arith::RemUIOp>(code.add(group, 1), code.i32(shape.groups));
  code.namedArrive(code.add(next, firstTurn), turnThreads);
  found = code.wait(1, found);
  release(HopperMemory::Keys, stage);
  FragmentScores::Weights weights = scores.weigh(tile, found, running.state);
  code.waitBarrier(memory.full(HopperMemory::Values, stage), parity);
  auto joined = [](SmallVector<Value> a, ArrayRef<Value> b) {
    a.append(b.begin(), b.end());
    return a;
  };
  SmallVector<Type> types(sums.size(), emit.getF32Type());
  types.append(running.weights.size(), emit.getI32Type());
  // ptxas leaves the powers in front of a condition; in front of a wait alone it would move them behind.
  SmallVector<Value> both = emit.choose(
      isWhole(tile), types,
      [&, before = before] {
        Settled settled = settle(sums, weights, before);
        return joined(settled.sums, operands(settled.weights));
      },
      [&, stage = stage, before = before] {
        HopperUnusual unusual(emit, shape, memory, stage);
        Value some = unusual.look(); // under the products
        Settled settled = settle(sums, weights, before);
        SmallVector<Value> words = operands(settled.weights);
        return joined(unusual.take(some, settled.weights, settled.sums), words);
      });
  return {weights.state, SmallVector<Value>(both.begin(), both.begin() + sums.size()),
          SmallVector<Value>(both.begin() + sums.size(), both.end())};
}

/// Waits for the sums over the tile before, and makes them ready for those of this tile.
HopperConsumer::Settled HopperConsumer::settle(ArrayRef<Value> sums, FragmentScores::Weights const &weights, Value before) {
  // Weights pass through the wait: powers are computed before, so that they run under the products, and become operands after it,
  // because registers of a wgmma under way must not be written.
  SmallVector<Value> all(sums);
  all.append(weights.values);
  all = code.wait(0, all);
  release(HopperMemory::Values, before);
  Settled result{SmallVector<Value>(all.begin(), all.begin() + sums.size()),
                 SmallVector<Value>(all.begin() + sums.size(), all.end())};
  if (!weights.factors.empty())
    for (auto [i, sum] : llvm::enumerate(result.sums))
      sum = arith::MulFOp::create(emit, sum, weights.factors[i / 2 % 2]);
  return result;
}

SmallVector<Value> HopperConsumer::lastSums(Value tiles, Running const &running) {
  Value stage = memory.placeOf(emit.createOrFold<arith::SubIOp>(tiles, code.i32(1))).stage;
  code.fence();
  SmallVector<Value> sums = addValues(running.sums, running.weights, stage);
  code.commit();
  return code.wait(0, sums);
}

/// Queries times keys.
SmallVector<Value> HopperConsumer::products(Value stage) {
  Value rows = code.add(memory.queries(), code.mul(group, HopperShape::groupRows * HopperShape::rowBytes));
  Value left = code.descriptor(rows, 16, 1024), right = code.descriptor(memory.tile(HopperMemory::Keys, stage), 16, 1024);
  SmallVector<Value> result;
  for (int64_t k = 0; k < shape.width / 16; ++k) {
    int64_t panel = k / 4, within = k % 4 * 32;
    result = code.multiplyShared(shape.element, shape.keys, result,
                                 code.advance(left, panel * shape.rows() * HopperShape::rowBytes + within),
                                 code.advance(right, panel * shape.keys * HopperShape::rowBytes + within));
  }
  return result;
}

/// Weights times values.
SmallVector<Value> HopperConsumer::addValues(ArrayRef<Value> before, ArrayRef<Value> weights, Value stage) {
  Value right = code.descriptor(memory.tile(HopperMemory::Values, stage), shape.keys * HopperShape::rowBytes, 1024);
  SmallVector<Value> result(before);
  for (int64_t k = 0; k < shape.keys / 16; ++k)
    result = code.multiplyRegisters(shape.element, shape.width, result, weights.slice(4 * k, 4),
                                    code.advance(right, k * 16 * HopperShape::rowBytes));
  return result;
}

/// Whether there are weights for all values of the tile. Where it is cut, a weight is 0 for some values, which may be anything.
Value HopperConsumer::isWhole(kernels::KeyTile const &tile) {
  Value whole = emit.compare(arith::CmpIPredicate::eq, tile.count, emit.index(shape.keys));
  return arith::AndIOp::create(emit, whole, tile.full);
}

SmallVector<Value> HopperConsumer::operands(ArrayRef<Value> weights) {
  auto parts = scores.operands(weights, shape.element, /*parts=*/1);
  SmallVector<Value> result;
  for (SmallVector<Value> const &words : parts.front())
    result.append(words);
  return result;
}

void HopperConsumer::store(ArrayRef<Value> sums, FragmentScores::State const &state) {
  SmallVector<Value> multipliers = scores.end(state, {});
  // Places are computed again: registers that keep them are not there for the tiles.
  FragmentMap here = mapOf(emit, shape, code.worker());
  for (unsigned half = 0; half < 2; ++half) {
    Value row = emit.add(here.firstRow, 8 * half);
    emit.branch(emit.less(row, queries.count), [&] {
      for (size_t i = 0; i < sums.size(); ++i) {
        if (i / 2 % 2 != half)
          continue;
        SmallVector<Value> position(queries.batch);
        position.append(op.getSizes().size() - position.size(), emit.index(0));
        position[op.getRowDim()] = queries.steps.row(emit, emit.add(queries.begin, row));
        position[op.getFeatureDim()] = emit.add(here.firstKey, i / 4 * 8 + i % 2);
        Value value = sums[i];
        if (!multipliers.empty())
          value = arith::MulFOp::create(emit, value, multipliers[half]);
        memref::StoreOp::create(emit, value, op.getInit(),
                                *affine::expandAffineMap(emit, emit.getLoc(), op.getInitMap(), position));
      }
    });
  }
}

} // namespace heed::device
