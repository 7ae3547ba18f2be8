// MmaTile.cpp - the loop over tiles of keys of an attention by mma.sync, and what it loads and stores.
#include "compiler/gpu/MmaTile.h"
#include "compiler/gpu/Staging.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::device {

MmaTile::MmaTile(Emit &emit, ir::AttentionOp op, MmaShape shape, kernels::QueryBlock const &queries,
                 domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, Value thread)
    : emit(emit), core(emit), op(op), shape(shape), queries(queries), thread(thread),
      lane(emit.createOrFold<arith::RemUIOp>(thread, emit.index(MmaShape::warpLanes))),
      warp(emit.div(thread, MmaShape::warpLanes)),
      map{emit.add(emit.mul(warp, 16), emit.div(lane, 4)),
          emit.mul(emit.createOrFold<arith::RemUIOp>(lane, emit.index(4)), 2), shape.rows, shape.keys},
      scores(emit, op, queries, sweep, domainSymbols, map), shared(core.sharedMemory()) {
  auto mod = [&](Value value, int64_t by) { return emit.createOrFold<arith::RemUIOp>(value, emit.index(by)); };
  // ldmatrix takes line l % 8 of matrix l / 8 from lane l. Of the left operand and of transposed sources the second matrix is
  // below the first and the third beside it; of keys, whose lines are the columns of the product, it is the other way.
  Value below = mod(lane, 16), beside = emit.mul(emit.div(lane, 16), 16);
  queryLine = emit.add(emit.mul(emit.add(emit.mul(warp, 16), below), shape.queryLine()), beside);
  sourceLine = emit.add(emit.mul(below, shape.sourceLine()), beside);
  Value key = emit.add(mod(lane, 8), emit.mul(emit.div(lane, 16), 8));
  keyLine = emit.add(emit.mul(key, shape.keyLine()), emit.mul(mod(emit.div(lane, 8), 2), 16));
}

SmallVector<Value> MmaTile::position(ArrayRef<Value> query, Value key, Value inner, Value feature) {
  SmallVector<Value> result(query);
  result.push_back(key);
  if (op.hasQuery())
    result.push_back(inner);
  result.push_back(feature);
  return result;
}

SmallVector<Value> MmaTile::ofKey(Value key, Value inner, Value feature) {
  SmallVector<Value> query(queries.batch);
  query.push_back(emit.index(0));
  return position(query, queries.steps.key(emit, key), inner, feature);
}

Value MmaTile::tileOf(Value number) {
  Value first = core.at(shared, shape.queryBytes());
  return core.at(first, emit.mul(number, shape.keyBytes() + shape.keys * shape.sourceLine()));
}

void MmaTile::stageKeys(kernels::KeyTile const &keys, Value number, Value featureBegin) {
  Value zero = emit.index(0), tile = tileOf(number);
  StagedTile staged{shape.keys, keys.count, shape.threads(), thread};
  if (op.hasQuery()) {
    staged.columns = shape.inner, staged.lineBytes = shape.keyLine(), staged.columnLimit = size(op.getInnerDim());
    stage(emit, staged, tile, op.getKey(), op.getKeyMap(), op.getInnerDim(),
          [&](Value row, Value column) { return ofKey(emit.add(keys.first, row), column, zero); });
  }
  staged.columns = shape.features, staged.lineBytes = shape.sourceLine();
  staged.columnLimit = emit.sub(size(op.getFeatureDim()), featureBegin);
  stage(emit, staged, core.at(tile, shape.keyBytes()), op.getSource(), op.getSourceMap(), op.getFeatureDim(),
        [&](Value row, Value column) { return ofKey(emit.add(keys.first, row), zero, emit.add(featureBegin, column)); });
}

void MmaTile::run(kernels::KeyWalk &walk, KeptSums const &before, KeptSums const &after) {
  emit.loop(emit.index(0), size(op.getFeatureDim()), shape.features,
            [&](Value featureBegin) { round(featureBegin, walk, before, after); });
}

void MmaTile::round(Value featureBegin, kernels::KeyWalk &walk, KeptSums const &before, KeptSums const &after) {
  Value zero = emit.index(0), one = emit.index(1);
  // The tiles of the features before were read; one that no query looked at may still be on its way.
  if (kernels::constantOf(size(op.getFeatureDim())).value() > shape.features)
    core.waitForCopies(0);
  gpu::BarrierOp::create(emit);
  if (op.hasQuery()) {
    StagedTile staged{shape.rows, queries.rows(emit), shape.threads(), thread};
    staged.columns = shape.inner, staged.lineBytes = shape.queryLine(), staged.columnLimit = size(op.getInnerDim());
    stage(emit, staged, shared, op.getQuery(), op.getQueryMap(), op.getInnerDim(), [&](Value row, Value column) {
      SmallVector<Value> query = queries.batchOf(emit, row);
      query.push_back(queries.rowIndex(emit, row));
      return position(query, zero, column, zero);
    });
  }
  core.commitCopies();
  auto [firstTile, firstCursor] = walk.next(walk.start());
  stageKeys(firstTile, zero, featureBegin);
  core.commitCopies();
  core.waitForCopies(1);
  gpu::BarrierOp::create(emit);
  SmallVector<Words> queryFragments;
  if (shape.keepsQueries())
    for (int64_t step = 0; step < shape.inner / 16; ++step)
      queryFragments.push_back(queryFragment(step));

  // What a round of the loop hands to the next: the tile, which is on its way to shared memory, where the walk is, and the sums.
  SmallVector<Value> carried = {firstTile.first, firstTile.count, firstTile.full, zero};
  size_t cursorAt = carried.size(), stateAt = cursorAt + firstCursor.size();
  carried.append(firstCursor.begin(), firstCursor.end());
  FragmentScores::State state = scores.begin(before.state, after.isPart);
  carried.append(state);
  size_t sumsAt = carried.size();
  carried.append(sumsBefore(featureBegin, before));
  auto loop = scf::WhileOp::create(
      emit, TypeRange(ValueRange(carried)), carried,
      [&](OpBuilder &, Location, ValueRange now) {
        scf::ConditionOp::create(emit, emit.less(zero, now[1]), now);
      },
      [&](OpBuilder &, Location, ValueRange now) {
        kernels::KeyTile tile;
        tile.first = now[0], tile.count = now[1], tile.full = now[2];
        Value other = emit.sub(one, now[3]);
        kernels::KeyWalk::Cursor cursor(now.slice(cursorAt, stateAt - cursorAt));
        auto [nextTile, nextCursor] = walk.next(cursor);
        emit.branch(emit.less(zero, nextTile.count), [&] { stageKeys(nextTile, other, featureBegin); });
        core.commitCopies();
        core.waitForCopies(1);
        gpu::BarrierOp::create(emit); // the tile is there for all
        Value memory = tileOf(now[3]);
        SmallVector<Value> products;
        if (op.hasQuery())
          products = dots(memory, queryFragments);
        FragmentScores::Weights weights =
            scores.weigh(tile, products, FragmentScores::State(now.slice(stateAt, sumsAt - stateAt)));
        SmallVector<Value> sums(now.drop_front(sumsAt));
        if (!weights.factors.empty())
          for (auto [number, sum] : llvm::enumerate(sums))
            sum = arith::MulFOp::create(emit, sum, weights.factors[number % 4 / 2]);
        sums = accumulate(core.at(memory, shape.keyBytes()), weights.values, sums, tile.full);
        gpu::BarrierOp::create(emit); // the tile was read by all
        SmallVector<Value> next = {nextTile.first, nextTile.count, nextTile.full, other};
        next.append(nextCursor.begin(), nextCursor.end());
        next.append(weights.state);
        next.append(sums);
        scf::YieldOp::create(emit, next);
      });
  ValueRange last = loop.getResults();
  SmallVector<Value> multipliers = scores.end(FragmentScores::State(last.slice(stateAt, sumsAt - stateAt)), after.state);
  store(SmallVector<Value>(last.drop_front(sumsAt)), multipliers, featureBegin, after.sums);
}

SmallVector<Value> MmaTile::sumsBefore(Value featureBegin, KeptSums const &before) {
  SmallVector<Value> result(shape.features / 2, emit.f32(0));
  if (!before.state.maximum)
    return result;
  eachElement(featureBegin, [&](int64_t number, Value inside, ArrayRef<Value> at) {
    result[number] = emit.choose(
        inside, emit.getF32Type(), [&]() -> SmallVector<Value> { return {memref::LoadOp::create(emit, before.sums, at)}; },
        [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0];
  });
  return result;
}

void MmaTile::store(ArrayRef<Value> sums, ArrayRef<Value> multipliers, Value featureBegin, Value to) {
  eachElement(featureBegin, [&](int64_t number, Value inside, ArrayRef<Value> at) {
    Value sum = sums[number];
    if (!multipliers.empty())
      sum = arith::MulFOp::create(emit, sum, multipliers[number % 4 / 2]);
    emit.branch(inside, [&] { memref::StoreOp::create(emit, sum, to, at); });
  });
}

/// Calls `body` with the number of each sum of the thread, whether it is one of the result, and its subscripts there.
void MmaTile::eachElement(Value featureBegin, llvm::function_ref<void(int64_t, Value, ArrayRef<Value>)> body) {
  Value zero = emit.index(0);
  for (int64_t number = 0; number < shape.features / 2; ++number) {
    unsigned half = number % 4 / 2;
    Value feature = emit.add(featureBegin, emit.add(map.firstKey, number / 4 * 8 + number % 2));
    Value inside = arith::AndIOp::create(emit, scores.exists(half), emit.less(feature, size(op.getFeatureDim())));
    body(number, inside,
         *affine::expandAffineMap(emit, emit.getLoc(), op.getInitMap(), position(scores.query(half), zero, zero, feature)));
  }
}

} // namespace heed::device
