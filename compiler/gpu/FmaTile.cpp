// FmaTile.cpp - a block of queries against tiles of keys, in f32 with fused multiply-add.
#include "compiler/gpu/FmaTile.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {

static constexpr float infinity = std::numeric_limits<float>::infinity();
static constexpr float log2e = 1.44269504f;

FmaShape FmaShape::of(ir::AttentionOp op) {
  constexpr int64_t most = 64;
  FmaShape shape;
  std::optional<int64_t> inner = op.hasQuery() ? kernels::constantOf(op.getSizes()[op.getInnerDim()]) : 1;
  shape.inner = std::clamp<int64_t>(inner.value_or(most), 1, most);
  shape.oneSlice = inner && *inner <= shape.inner;
  std::optional<int64_t> features = kernels::constantOf(op.getSizes()[op.getFeatureDim()]);
  shape.features = llvm::alignTo(std::clamp<int64_t>(features.value_or(most), 1, most), lanes);
  return shape;
}

int64_t FmaShape::sharedBytes(bool withQuery) const {
  int64_t elements = rows * keyStride + keys * features;
  if (withQuery)
    elements += (rows + keys) * innerStride();
  return elements * sizeof(float);
}

FmaTile::FmaTile(Emit &emit, ir::AttentionOp op, FmaShape shape, QueryBlock const &queries,
                 domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, Value thread)
    : emit(emit), op(op), shape(shape), queries(queries), sweep(sweep), domainSymbols(domainSymbols), thread(thread),
      group(emit.div(thread, FmaShape::lanes)),
      lane(emit.createOrFold<arith::RemUIOp>(thread, emit.index(FmaShape::lanes))) {}

Value FmaTile::shared(int64_t &offset, ArrayRef<int64_t> extents) {
  auto space = gpu::AddressSpaceAttr::get(emit.getContext(), gpu::AddressSpace::Workgroup);
  auto bytes = MemRefType::get({ShapedType::kDynamic}, emit.getI8Type(), MemRefLayoutAttrInterface(), space);
  auto type = MemRefType::get(extents, emit.getF32Type(), MemRefLayoutAttrInterface(), space);
  Value all = gpu::DynamicSharedMemoryOp::create(emit, bytes);
  Value view = memref::ViewOp::create(emit, type, all, emit.index(offset), ValueRange());
  offset += type.getNumElements() * sizeof(float);
  return view;
}

Value FmaTile::registers(ArrayRef<int64_t> extents) {
  return allocateForThread(emit, MemRefType::get(extents, emit.getF32Type()));
}

void FmaTile::allocate() {
  int64_t offset = 0;
  weightTile = shared(offset, {FmaShape::rows, FmaShape::keyStride});
  sourceTile = shared(offset, {FmaShape::keys, shape.features});
  if (op.hasQuery()) {
    queryTile = shared(offset, {FmaShape::rows, shape.innerStride()});
    keyTile = shared(offset, {FmaShape::keys, shape.innerStride()});
  }
  sums = registers({FmaShape::threadRows, shape.features / FmaShape::lanes});
  maximum = registers({FmaShape::threadRows});
  total = registers({FmaShape::threadRows});
  factor = registers({FmaShape::threadRows});
}

void FmaTile::barrier() { gpu::BarrierOp::create(emit); }

SmallVector<Value> FmaTile::position(Value row, Value key, Value inner, Value feature) {
  SmallVector<Value> result(queries.batch);
  result.append({row, key});
  if (op.hasQuery())
    result.push_back(inner);
  result.push_back(feature);
  return result;
}

Value FmaTile::element(Value buffer, AffineMap map, Value row, Value key, Value inner, Value feature) {
  SmallVector<Value> subscripts = *affine::expandAffineMap(emit, emit.getLoc(), map, position(row, key, inner, feature));
  Value value = memref::LoadOp::create(emit, buffer, subscripts);
  return value.getType().isF32() ? value : arith::ExtFOp::create(emit, emit.getF32Type(), value).getResult();
}

/// Threads copy a tile to shared memory together, neighbours along the columns. Zeros fill what is beyond the limits.
void FmaTile::stage(Value to, Value buffer, AffineMap map, int64_t rows, int64_t columns, Value rowLimit, Value columnBegin,
                    Value columnLimit, bool ofQueries, bool innerAxis, KeyTile const *keys) {
  Value zero = emit.index(0), count = emit.index(rows * columns);
  auto loop = scf::ForOp::create(emit, thread, count, emit.index(FmaShape::threads));
  OpBuilder::InsertionGuard guard(emit);
  emit.setInsertionPoint(loop.getBody()->getTerminator());
  Value number = loop.getInductionVar(), row = emit.div(number, columns);
  Value column = emit.createOrFold<arith::RemUIOp>(number, emit.index(columns)), at = emit.add(columnBegin, column);
  Value inside = arith::AndIOp::create(emit, emit.less(row, rowLimit), emit.less(at, columnLimit));
  Value value = emit.choose(
      inside, emit.getF32Type(),
      [&]() -> SmallVector<Value> {
        Value line = ofQueries ? queries.steps.row(emit, emit.add(queries.begin, row))
                               : queries.steps.key(emit, emit.add(keys->first, row));
        return {element(buffer, map, ofQueries ? line : zero, ofQueries ? zero : line, innerAxis ? at : zero,
                        innerAxis ? zero : at)};
      },
      [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0];
  memref::StoreOp::create(emit, value, to, ValueRange{row, column});
}

void FmaTile::stageQuery(Value innerBegin) {
  stage(queryTile, op.getQuery(), op.getQueryMap(), FmaShape::rows, shape.inner, queries.count, innerBegin,
        size(op.getInnerDim()), /*ofQueries=*/true, /*innerAxis=*/true, nullptr);
}

SmallVector<Value> FmaTile::stateSubscripts(Value row) {
  SmallVector<Value> subscripts(queries.batch);
  subscripts.push_back(queries.steps.row(emit, emit.add(queries.begin, row)));
  return subscripts;
}

/// The score of what a softmax has besides the keys, times log2(e); inf - inf would be NaN.
Value FmaTile::restOf(Value row) {
  Region &region = op.getRest();
  Value rest = kernels::evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), stateSubscripts(row));
  Value score = arith::MulFOp::create(emit, rest, emit.f32(log2e)), largest = emit.f32(std::numeric_limits<float>::max());
  Value tooLarge = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, score, largest);
  return arith::SelectOp::create(emit, tooLarge, largest, score);
}

void FmaTile::begin(Value firstFeature, SweepState const &state) {
  featureBegin = firstFeature;
  barrier(); // the tiles of the features before were read
  if (op.hasQuery() && shape.oneSlice)
    stageQuery(emit.index(0));
  emit.loop(emit.index(0), emit.index(FmaShape::threadRows), 1, [&](Value threadRow) {
    Value row = rowOf(threadRow), resumes;
    if (state.maximum)
      resumes = emit.less(row, queries.count);
    if (op.hasRest() && !state.maximum) {
      // As a key that was seen before all others and whose value is 0.
      Value exists = emit.less(row, queries.count), none = emit.f32(-infinity), one = emit.f32(1);
      Value rest = emit.choose(
          exists, emit.getF32Type(), [&]() -> SmallVector<Value> { return {restOf(row)}; },
          [&]() -> SmallVector<Value> { return {none}; })[0];
      memref::StoreOp::create(emit, rest, maximum, threadRow);
      memref::StoreOp::create(emit, one, total, threadRow);
      return;
    }
    auto before = [&](Value buffer, float nothing) -> Value {
      if (!buffer)
        return emit.f32(nothing);
      return emit.choose(
          resumes, emit.getF32Type(),
          [&]() -> SmallVector<Value> { return {memref::LoadOp::create(emit, buffer, stateSubscripts(row))}; },
          [&]() -> SmallVector<Value> { return {emit.f32(nothing)}; })[0];
    };
    memref::StoreOp::create(emit, before(state.maximum, -infinity), maximum, threadRow);
    memref::StoreOp::create(emit, before(state.total, 0), total, threadRow);
  });
  for (int64_t i = 0; i < FmaShape::threadRows; ++i)
    for (int64_t j = 0; j < shape.features / FmaShape::lanes; ++j) {
      Value sum = emit.f32(0);
      if (state.maximum) {
        Value row = rowOf(emit.index(i)), feature = emit.add(featureBegin, keyOf(emit.index(j)));
        Value inside = arith::AndIOp::create(emit, emit.less(row, queries.count),
                                             emit.less(feature, size(op.getFeatureDim())));
        sum = emit.choose(
            inside, emit.getF32Type(),
            [&]() -> SmallVector<Value> {
              Value line = queries.steps.row(emit, emit.add(queries.begin, row)), zero = emit.index(0);
              return {element(op.getInit(), op.getInitMap(), line, zero, zero, feature)};
            },
            [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0];
      }
      memref::StoreOp::create(emit, sum, sums, ValueRange{emit.index(i), emit.index(j)});
    }
}

void FmaTile::visit(KeyTile const &keys) {
  barrier(); // the tile before was read
  stage(sourceTile, op.getSource(), op.getSourceMap(), FmaShape::keys, shape.features, keys.count, featureBegin,
        size(op.getFeatureDim()), /*ofQueries=*/false, /*innerAxis=*/false, &keys);
  if (op.hasQuery())
    dots(keys);
  weights(keys);
  barrier();
  accumulate(keys);
}

/// `sum` and what element `inner` of a query and a key adds to their score.
Value FmaTile::addTerm(Value inner, Value query, Value key, Value sum) {
  if (!op.hasCombine())
    return math::FmaOp::create(emit, query, key, sum);
  SmallVector<Value> arguments(queries.batch);
  arguments.append({inner, query, key});
  Region &region = op.getCombine();
  Value term = kernels::evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), arguments);
  return arith::AddFOp::create(emit, sum, term);
}

/// The products of the thread's rows and keys, to the weight tile.
void FmaTile::dots(KeyTile const &keys) {
  constexpr int64_t rows = FmaShape::threadRows, columns = FmaShape::threadKeys;
  SmallVector<Value> zeros(rows * columns, emit.f32(0));
  Value all = shape.oneSlice ? emit.index(1) : size(op.getInnerDim());
  SmallVector<Value> products =
      emit.loop(emit.index(0), all, shape.inner, zeros, [&](Value innerBegin, ValueRange before) -> SmallVector<Value> {
        if (!shape.oneSlice) {
          barrier(); // the slice before was read
          stageQuery(innerBegin);
        }
        stage(keyTile, op.getKey(), op.getKeyMap(), FmaShape::keys, shape.inner, keys.count, innerBegin,
              size(op.getInnerDim()), /*ofQueries=*/false, /*innerAxis=*/true, &keys);
        barrier();
        // Terms that are no products are not 0 for the zeros beyond the last element.
        Value innerEnd = emit.index(shape.inner);
        if (op.hasCombine())
          innerEnd = emit.min(emit.sub(size(op.getInnerDim()), innerBegin), innerEnd);
        return emit.loop(emit.index(0), innerEnd, 1, before,
                         [&](Value inner, ValueRange sums) -> SmallVector<Value> {
                           SmallVector<Value> left, right, next;
                           for (int64_t i = 0; i < rows; ++i)
                             left.push_back(memref::LoadOp::create(emit, queryTile, ValueRange{rowOf(emit.index(i)), inner}));
                           for (int64_t j = 0; j < columns; ++j)
                             right.push_back(memref::LoadOp::create(emit, keyTile, ValueRange{keyOf(emit.index(j)), inner}));
                           for (int64_t i = 0; i < rows; ++i)
                             for (int64_t j = 0; j < columns; ++j)
                               next.push_back(addTerm(emit.add(innerBegin, inner), left[i], right[j], sums[i * columns + j]));
                           return next;
                         });
      });
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      memref::StoreOp::create(emit, products[i * columns + j], weightTile,
                              ValueRange{rowOf(emit.index(i)), keyOf(emit.index(j))});
}

/// Two forms of the same loop: a mask is needed only where a tile is cut by the domain or by the end of queries or keys.
void FmaTile::weights(KeyTile const &keys) {
  Value whole = arith::AndIOp::create(
      emit, emit.compare(arith::CmpIPredicate::eq, keys.count, emit.index(FmaShape::keys)),
      emit.compare(arith::CmpIPredicate::eq, queries.count, emit.index(FmaShape::rows)));
  auto rows = [&](bool masked) {
    emit.loop(emit.index(0), emit.index(FmaShape::threadRows), 1, [&](Value row) { rowWeights(keys, row, masked); });
  };
  emit.branch(arith::AndIOp::create(emit, whole, keys.full), [&] { rows(false); }, [&] { rows(true); });
}

void FmaTile::rowWeights(KeyTile const &keys, Value threadRow, bool masked) {
  Value row = rowOf(threadRow), first = emit.index(0), end = emit.index(FmaShape::threadKeys);
  SmallVector<Value> largest =
      emit.loop(first, end, 1, emit.f32(-infinity), [&](Value threadKey, ValueRange so) -> SmallVector<Value> {
        Value key = keyOf(threadKey);
        SmallVector<Value> here = {row, key};
        Value dot = op.hasQuery() ? memref::LoadOp::create(emit, weightTile, here).getResult() : Value();
        Value score = scoreOf(keys, row, key, dot, masked);
        memref::StoreOp::create(emit, score, weightTile, here);
        return {arith::MaxNumFOp::create(emit, so[0], score)};
      });
  if (op.getPlain())
    return;
  auto larger = [&](Value a, Value b) -> Value { return arith::MaxNumFOp::create(emit, a, b); };
  auto plus = [&](Value a, Value b) -> Value { return arith::AddFOp::create(emit, a, b); };
  Value before = memref::LoadOp::create(emit, maximum, threadRow);
  Value now = larger(acrossGroup(largest[0], larger), before);
  // Nothing seen yet: -inf - -inf would be NaN.
  Value nothing = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, now, emit.f32(-infinity));
  Value reference = arith::SelectOp::create(emit, nothing, emit.f32(0), now);
  SmallVector<Value> sum =
      emit.loop(first, end, 1, emit.f32(0), [&](Value threadKey, ValueRange so) -> SmallVector<Value> {
        SmallVector<Value> here = {row, keyOf(threadKey)};
        Value score = memref::LoadOp::create(emit, weightTile, here);
        Value weight = exponential(arith::SubFOp::create(emit, score, reference));
        memref::StoreOp::create(emit, weight, weightTile, here);
        return {plus(so[0], weight)};
      });
  // What was summed relative to the old maximum.
  Value scale = exponential(arith::SubFOp::create(emit, before, reference));
  Value old = memref::LoadOp::create(emit, total, threadRow);
  memref::StoreOp::create(emit, plus(arith::MulFOp::create(emit, old, scale), acrossGroup(sum[0], plus)), total, threadRow);
  memref::StoreOp::create(emit, now, maximum, threadRow);
  memref::StoreOp::create(emit, scale, factor, threadRow);
}

/// The score of a pair: times log2(e), and -inf outside the domain, or for plain weights 0.
Value FmaTile::scoreOf(KeyTile const &keys, Value row, Value key, Value dot, bool masked) {
  SmallVector<Value> pair(queries.batch);
  pair.push_back(queries.steps.row(emit, emit.add(queries.begin, row)));
  pair.push_back(queries.steps.key(emit, emit.add(keys.first, key)));
  auto value = [&]() -> SmallVector<Value> {
    SmallVector<Value> arguments(pair);
    if (dot)
      arguments.push_back(dot);
    Region &region = op.getScore();
    Value score = kernels::evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), arguments);
    return {op.getPlain() ? score : Value(arith::MulFOp::create(emit, score, emit.f32(log2e)))};
  };
  if (!masked)
    return value()[0];
  auto none = [&]() -> SmallVector<Value> { return {emit.f32(op.getPlain() ? 0 : -infinity)}; };
  Value exists = arith::AndIOp::create(emit, emit.less(row, queries.count), emit.less(key, keys.count));
  // What the regions read may be out of bounds for other pairs.
  return emit.choose(
      exists, emit.getF32Type(),
      [&]() -> SmallVector<Value> {
        Value inside = kernels::isInSweep(emit, op, sweep, domainSymbols, pair);
        return emit.choose(inside, emit.getF32Type(), value, none);
      },
      none)[0];
}

Value FmaTile::exponential(Value x) { return math::Exp2Op::create(emit, x); }

/// The lanes of a group are neighbours, and all of them get the result.
Value FmaTile::acrossGroup(Value value, llvm::function_ref<Value(Value, Value)> combine) {
  for (int32_t distance = 1; distance < FmaShape::lanes; distance *= 2)
    value = combine(value, gpu::ShuffleOp::create(emit, value, distance, 32, gpu::ShuffleMode::XOR).getShuffleResult());
  return value;
}

/// Adds the weighted sources of the tile.
void FmaTile::accumulate(KeyTile const &keys) {
  int64_t rows = FmaShape::threadRows, columns = shape.features / FmaShape::lanes;
  SmallVector<Value> before;
  for (int64_t i = 0; i < rows; ++i) {
    Value scale = op.getPlain() ? Value() : memref::LoadOp::create(emit, factor, emit.index(i)).getResult();
    for (int64_t j = 0; j < columns; ++j) {
      Value sum = memref::LoadOp::create(emit, sums, ValueRange{emit.index(i), emit.index(j)});
      before.push_back(scale ? arith::MulFOp::create(emit, sum, scale).getResult() : sum);
    }
  }
  // A weight of 0 behind the mask must not turn an infinity or NaN of the source into a NaN of the sum.
  SmallVector<Type> types(before.size(), emit.getF32Type());
  SmallVector<Value> after = emit.choose(
      keys.full, types, [&] { return weightedSum(before, /*checked=*/false); },
      [&] { return weightedSum(before, /*checked=*/true); });
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      memref::StoreOp::create(emit, after[i * columns + j], sums, ValueRange{emit.index(i), emit.index(j)});
}

SmallVector<Value> FmaTile::weightedSum(ArrayRef<Value> before, bool checked) {
  int64_t rows = FmaShape::threadRows, columns = shape.features / FmaShape::lanes;
  return emit.loop(
      emit.index(0), emit.index(FmaShape::keys), 1, before, [&](Value key, ValueRange so) -> SmallVector<Value> {
        SmallVector<Value> left, right, next;
        for (int64_t i = 0; i < rows; ++i)
          left.push_back(memref::LoadOp::create(emit, weightTile, ValueRange{rowOf(emit.index(i)), key}));
        for (int64_t j = 0; j < columns; ++j)
          right.push_back(memref::LoadOp::create(emit, sourceTile, ValueRange{key, keyOf(emit.index(j))}));
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            Value &sum = next.emplace_back(math::FmaOp::create(emit, left[i], right[j], so[i * columns + j]));
            if (!checked)
              continue;
            Value none = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, left[i], emit.f32(0));
            sum = arith::SelectOp::create(emit, none, so[i * columns + j], sum);
          }
        return next;
      });
}

void FmaTile::end(SweepState const &state) {
  for (int64_t i = 0; i < FmaShape::threadRows; ++i) {
    Value threadRow = emit.index(i), row = rowOf(threadRow);
    emit.branch(emit.less(row, queries.count), [&] {
      Value line = queries.steps.row(emit, emit.add(queries.begin, row)), zero = emit.index(0), divisor;
      if (!op.getPlain() && !state.maximum) {
        // A row without any key gives 0.
        Value weight = memref::LoadOp::create(emit, total, threadRow);
        Value empty = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, weight, emit.f32(0));
        divisor = arith::SelectOp::create(emit, empty, emit.f32(1), weight);
      }
      for (int64_t j = 0; j < shape.features / FmaShape::lanes; ++j) {
        Value feature = emit.add(featureBegin, keyOf(emit.index(j)));
        emit.branch(emit.less(feature, size(op.getFeatureDim())), [&] {
          Value sum = memref::LoadOp::create(emit, sums, ValueRange{threadRow, emit.index(j)});
          if (divisor)
            sum = arith::DivFOp::create(emit, sum, divisor);
          memref::StoreOp::create(
              emit, sum, op.getInit(),
              *affine::expandAffineMap(emit, emit.getLoc(), op.getInitMap(), position(line, zero, zero, feature)));
        });
      }
      if (state.maximum)
        emit.branch(emit.compare(arith::CmpIPredicate::eq, lane, zero), [&] {
          memref::StoreOp::create(emit, memref::LoadOp::create(emit, maximum, threadRow), state.maximum, stateSubscripts(row));
          memref::StoreOp::create(emit, memref::LoadOp::create(emit, total, threadRow), state.total, stateSubscripts(row));
        });
    });
  }
}

} // namespace heed::device
