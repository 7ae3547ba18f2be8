// MmaTile.cpp - the two products of an attention by mma.sync, and the loop over tiles of keys around them.
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
          emit.mul(emit.createOrFold<arith::RemUIOp>(lane, emit.index(4)), 2), MmaShape::rows, shape.keys},
      scores(emit, op, queries, sweep, domainSymbols, map), shared(core.sharedMemory()) {
  auto mod = [&](Value value, int64_t by) { return emit.createOrFold<arith::RemUIOp>(value, emit.index(by)); };
  // ldmatrix takes line l % 8 of matrix l / 8 from lane l. Of the left operand and of transposed sources the second matrix is
  // below the first and the third beside it; of keys, whose lines are the columns of the product, it is the other way.
  Value below = mod(lane, 16), beside = emit.mul(emit.div(lane, 16), 16);
  queryLine = emit.add(emit.mul(emit.add(emit.mul(warp, 16), below), shape.innerBytes()), beside);
  sourceLine = emit.add(emit.mul(below, shape.featureBytes()), beside);
  Value key = emit.add(mod(lane, 8), emit.mul(emit.div(lane, 16), 8));
  keyLine = emit.add(emit.mul(key, shape.innerBytes()), emit.mul(mod(emit.div(lane, 8), 2), 16));
}

SmallVector<Value> MmaTile::position(Value row, Value key, Value inner, Value feature) {
  SmallVector<Value> result(queries.batch);
  result.append({row, key});
  if (op.hasQuery())
    result.push_back(inner);
  result.push_back(feature);
  return result;
}

Value MmaTile::tileOf(Value number) {
  Value first = core.at(shared, shape.queryBytes());
  return core.at(first, emit.mul(number, shape.keyBytes() + shape.keys * shape.featureBytes()));
}

void MmaTile::stageKeys(kernels::KeyTile const &keys, Value number, Value featureBegin) {
  Value zero = emit.index(0), tile = tileOf(number);
  StagedTile staged{shape.keys, keys.count, MmaShape::threads, thread};
  auto key = [&](Value row) { return queries.steps.key(emit, emit.add(keys.first, row)); };
  if (op.hasQuery()) {
    staged.columns = shape.inner, staged.lineBytes = shape.innerBytes(), staged.columnLimit = size(op.getInnerDim());
    stage(emit, staged, tile, op.getKey(), op.getKeyMap(), op.getInnerDim(),
          [&](Value row, Value column) { return position(zero, key(row), column, zero); });
  }
  staged.columns = shape.features, staged.lineBytes = shape.featureBytes();
  staged.columnLimit = emit.sub(size(op.getFeatureDim()), featureBegin);
  stage(emit, staged, core.at(tile, shape.keyBytes()), op.getSource(), op.getSourceMap(), op.getFeatureDim(),
        [&](Value row, Value column) { return position(zero, key(row), zero, emit.add(featureBegin, column)); });
}

void MmaTile::run(kernels::KeyWalk &walk, kernels::SweepState const &before, kernels::SweepState const &after) {
  emit.loop(emit.index(0), size(op.getFeatureDim()), shape.features,
            [&](Value featureBegin) { round(featureBegin, walk, before, after); });
}

void MmaTile::round(Value featureBegin, kernels::KeyWalk &walk, kernels::SweepState const &before,
                    kernels::SweepState const &after) {
  Value zero = emit.index(0), one = emit.index(1);
  gpu::BarrierOp::create(emit); // the tiles of the features before were read
  if (op.hasQuery()) {
    StagedTile staged{MmaShape::rows, queries.count, MmaShape::threads, thread};
    staged.columns = shape.inner, staged.lineBytes = shape.innerBytes(), staged.columnLimit = size(op.getInnerDim());
    stage(emit, staged, shared, op.getQuery(), op.getQueryMap(), op.getInnerDim(), [&](Value row, Value column) {
      return position(queries.steps.row(emit, emit.add(queries.begin, row)), zero, column, zero);
    });
  }
  core.commitCopies();
  auto [firstTile, firstCursor] = walk.next(walk.start());
  stageKeys(firstTile, zero, featureBegin);
  core.commitCopies();
  core.waitForCopies(1);
  gpu::BarrierOp::create(emit);
  SmallVector<Words> queryFragments;
  if (op.hasQuery() && shape.keepsQueries())
    for (int64_t step = 0; step < shape.inner / 16; ++step)
      queryFragments.push_back(queryFragment(step));

  // What a round of the loop hands to the next: the tile, which is on its way to shared memory, where the walk is, and the sums.
  SmallVector<Value> carried = {firstTile.first, firstTile.count, firstTile.full, zero};
  size_t cursorAt = carried.size(), stateAt = cursorAt + firstCursor.size();
  carried.append(firstCursor.begin(), firstCursor.end());
  FragmentScores::State state = scores.begin(before);
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
  SmallVector<Value> multipliers = scores.end(FragmentScores::State(last.slice(stateAt, sumsAt - stateAt)), after);
  store(SmallVector<Value>(last.drop_front(sumsAt)), multipliers, featureBegin);
}

MmaTile::Words MmaTile::queryFragment(int64_t step) {
  return core.loadMatrices(core.at(core.at(shared, queryLine), 32 * step), /*transposed=*/false);
}

/// The warp's rows times the keys of the tile.
SmallVector<Value> MmaTile::dots(Value keyTile, ArrayRef<Words> queryFragments) {
  SmallVector<Value> sums(map.elements(), emit.f32(0));
  Type element = cast<MemRefType>(op.getKey().getType()).getElementType();
  Value line = core.at(keyTile, keyLine);
  for (int64_t step = 0; step < shape.inner / 16; ++step) {
    Words query = queryFragments.empty() ? queryFragment(step) : queryFragments[step];
    for (int64_t group = 0; group < shape.keys / 16; ++group) {
      Words keys = core.loadMatrices(core.at(line, 16 * group * shape.innerBytes() + 32 * step), /*transposed=*/false);
      for (int64_t half = 0; half < 2; ++half) {
        MutableArrayRef<Value> to = MutableArrayRef(sums).slice(4 * (2 * group + half), 4);
        llvm::copy(core.multiply(element, query, ArrayRef(keys).slice(2 * half, 2), ValueRange(to)), to.begin());
      }
    }
  }
  return sums;
}

/// Adds the weighted sources of the tile.
SmallVector<Value> MmaTile::accumulate(Value sourceTile, ArrayRef<Value> weights, ArrayRef<Value> before, Value full) {
  Type element = cast<MemRefType>(op.getSource().getType()).getElementType();
  auto operands = scores.operands(weights, element, shape.parts);
  // A weight of 0 behind the mask must not turn an infinity or NaN of the source into a NaN of the sum.
  return emit.choose(
      full, SmallVector<Type>(before.size(), emit.getF32Type()),
      [&] { return weightedSum(sourceTile, operands, before); },
      [&] {
        UnusualSources unusual(emit, element);
        SmallVector<Value> sums = weightedSum(sourceTile, operands, before, &unusual);
        return emit.choose(
            core.any(unusual.found()), SmallVector<Type>(before.size(), emit.getF32Type()),
            [&] { return withUnusual(sourceTile, unusual, weights, sums); }, [&] { return sums; });
      });
}

SmallVector<Value> MmaTile::weightedSum(Value sourceTile, ArrayRef<SmallVector<Words>> operands, ArrayRef<Value> before,
                                        UnusualSources *unusual) {
  Type element = cast<MemRefType>(op.getSource().getType()).getElementType();
  SmallVector<Value> sums(before);
  Value line = core.at(sourceTile, sourceLine);
  for (int64_t group = 0; group < shape.keys / 16; ++group)
    for (int64_t pair = 0; pair < shape.features / 16; ++pair) {
      Words sources = core.loadMatrices(core.at(line, 16 * group * shape.featureBytes() + 32 * pair), /*transposed=*/true);
      if (unusual)
        for (Value &source : sources)
          source = unusual->without(source);
      for (int64_t half = 0; half < 2; ++half) {
        MutableArrayRef<Value> to = MutableArrayRef(sums).slice(4 * (2 * pair + half), 4);
        for (SmallVector<Words> const &part : operands)
          llvm::copy(core.multiply(element, part[group], ArrayRef(sources).slice(2 * half, 2), ValueRange(to)), to.begin());
      }
    }
  return sums;
}

/// Adds what infinities and NaNs of the sources give where a weight is not 0.
SmallVector<Value> MmaTile::withUnusual(Value sourceTile, UnusualSources &unusual, ArrayRef<Value> weights,
                                        ArrayRef<Value> before) {
  Type element = cast<MemRefType>(op.getSource().getType()).getElementType();
  SmallVector<Value> present = llvm::map_to_vector(weights, [&](Value weight) { return unusual.indicator(weight); });
  auto operands = scores.operands(present, element, 1);
  SmallVector<Value> sums(before);
  Value line = core.at(sourceTile, sourceLine);
  for (int64_t pair = 0; pair < shape.features / 16; ++pair)
    for (int64_t half = 0; half < 2; ++half) {
      SmallVector<Value> counts(4, emit.f32(0));
      for (int64_t group = 0; group < shape.keys / 16; ++group) {
        Words sources = core.loadMatrices(core.at(line, 16 * group * shape.featureBytes() + 32 * pair), /*transposed=*/true);
        Words kinds = {unusual.kinds(sources[2 * half]), unusual.kinds(sources[2 * half + 1])};
        counts = core.multiply(element, operands[0][group], kinds, counts);
      }
      for (int64_t i = 0; i < 4; ++i) {
        Value &sum = sums[4 * (2 * pair + half) + i];
        sum = arith::AddFOp::create(emit, sum, unusual.valueOf(counts[i]));
      }
    }
  return sums;
}

SmallVector<Value> MmaTile::sumsBefore(Value featureBegin, kernels::SweepState const &before) {
  SmallVector<Value> result(shape.features / 2, emit.f32(0));
  if (!before.maximum)
    return result;
  eachElement(featureBegin, [&](int64_t number, Value inside, ArrayRef<Value> at) {
    result[number] = emit.choose(
        inside, emit.getF32Type(), [&]() -> SmallVector<Value> { return {memref::LoadOp::create(emit, op.getInit(), at)}; },
        [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0];
  });
  return result;
}

void MmaTile::store(ArrayRef<Value> sums, ArrayRef<Value> multipliers, Value featureBegin) {
  eachElement(featureBegin, [&](int64_t number, Value inside, ArrayRef<Value> at) {
    Value sum = sums[number];
    if (!multipliers.empty())
      sum = arith::MulFOp::create(emit, sum, multipliers[number % 4 / 2]);
    emit.branch(inside, [&] { memref::StoreOp::create(emit, sum, op.getInit(), at); });
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
         *affine::expandAffineMap(emit, emit.getLoc(), op.getInitMap(), position(scores.rowIndex(half), zero, zero, feature)));
  }
}

} // namespace heed::device
