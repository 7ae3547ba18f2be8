// FmaTile.cpp - a block of queries against tiles of keys, in f32 with fused multiply-add.
#include "compiler/gpu/FmaTile.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {

static constexpr float infinity = std::numeric_limits<float>::infinity();

FmaShape FmaShape::of(ir::AttentionOp op, int64_t rows) {
  constexpr int64_t most = 64;
  FmaShape shape;
  shape.rows = rows;
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
      lane(emit.createOrFold<arith::RemUIOp>(thread, emit.index(FmaShape::lanes))), rowCount(queries.rows(emit)) {}

Value FmaTile::registers(ArrayRef<int64_t> extents) {
  return allocateForThread(emit, MemRefType::get(extents, emit.getF32Type()));
}

void FmaTile::allocate() {
  int64_t offset = 0;
  weightTile = sharedBuffer(emit, offset, {shape.rows, FmaShape::keyStride});
  sourceTile = sharedBuffer(emit, offset, {FmaShape::keys, shape.features});
  if (op.hasQuery()) {
    queryTile = sharedBuffer(emit, offset, {shape.rows, shape.innerStride()});
    keyTile = sharedBuffer(emit, offset, {FmaShape::keys, shape.innerStride()});
  }
  sums = registers({shape.threadRows(), shape.features / FmaShape::lanes});
  maximum = registers({shape.threadRows()});
  total = registers({shape.threadRows()});
  factor = registers({shape.threadRows()});
}

void FmaTile::barrier() { gpu::BarrierOp::create(emit); }

/// The indices b.., i of a row of the block.
SmallVector<Value> FmaTile::query(Value row) {
  SmallVector<Value> result = queries.batchOf(emit, row);
  result.push_back(queries.rowIndex(emit, row));
  return result;
}

SmallVector<Value> FmaTile::ofQuery(Value row, Value inner, Value feature) {
  SmallVector<Value> result = query(row);
  result.push_back(emit.index(0));
  if (op.hasQuery())
    result.push_back(inner);
  result.push_back(feature);
  return result;
}

SmallVector<Value> FmaTile::ofKey(Value key, Value inner, Value feature) {
  SmallVector<Value> result(queries.batch);
  result.append({emit.index(0), queries.steps.key(emit, key)});
  if (op.hasQuery())
    result.push_back(inner);
  result.push_back(feature);
  return result;
}

Value FmaTile::element(Value buffer, AffineMap map, ArrayRef<Value> position) {
  Value value = memref::LoadOp::create(emit, buffer, *affine::expandAffineMap(emit, emit.getLoc(), map, position));
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
        Value inner = innerAxis ? at : zero, feature = innerAxis ? zero : at;
        return {element(buffer, map, ofQueries ? ofQuery(row, inner, feature)
                                               : ofKey(emit.add(keys->first, row), inner, feature))};
      },
      [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0];
  memref::StoreOp::create(emit, value, to, ValueRange{row, column});
}

void FmaTile::stageQuery(Value innerBegin) {
  stage(queryTile, op.getQuery(), op.getQueryMap(), shape.rows, shape.inner, rowCount, innerBegin,
        size(op.getInnerDim()), /*ofQueries=*/true, /*innerAxis=*/true, nullptr);
}

void FmaTile::begin(Value firstFeature, KeptSums const &kept, bool isPart) {
  featureBegin = firstFeature;
  kernels::SweepState const &state = kept.state;
  barrier(); // the tiles of the features before were read
  if (op.hasQuery() && shape.oneSlice)
    stageQuery(emit.index(0));
  emit.loop(emit.index(0), emit.index(shape.threadRows()), 1, [&](Value threadRow) {
    Value row = rowOf(threadRow), exists;
    if (state.maximum || op.hasRest())
      exists = emit.less(row, rowCount);
    if (op.hasRest() && !state.maximum && !isPart) {
      // As a key that was seen before all others and whose value is 0.
      Value none = emit.f32(-infinity), one = emit.f32(1);
      Value rest = emit.choose(
          exists, emit.getF32Type(), [&]() -> SmallVector<Value> { return {scoreOfRest(emit, op, query(row))}; },
          [&]() -> SmallVector<Value> { return {none}; })[0];
      memref::StoreOp::create(emit, rest, maximum, threadRow);
      memref::StoreOp::create(emit, one, total, threadRow);
      return;
    }
    auto before = [&](Value buffer, float nothing) -> Value {
      if (!buffer)
        return emit.f32(nothing);
      return emit.choose(
          exists, emit.getF32Type(),
          [&]() -> SmallVector<Value> { return {memref::LoadOp::create(emit, buffer, query(row))}; },
          [&]() -> SmallVector<Value> { return {emit.f32(nothing)}; })[0];
    };
    memref::StoreOp::create(emit, before(state.maximum, -infinity), maximum, threadRow);
    memref::StoreOp::create(emit, before(state.total, 0), total, threadRow);
  });
  for (int64_t i = 0; i < shape.threadRows(); ++i)
    for (int64_t j = 0; j < shape.features / FmaShape::lanes; ++j) {
      Value sum = emit.f32(0);
      if (state.maximum) {
        Value row = rowOf(emit.index(i)), feature = emit.add(featureBegin, keyOf(emit.index(j)));
        Value inside = arith::AndIOp::create(emit, emit.less(row, rowCount), emit.less(feature, size(op.getFeatureDim())));
        sum = emit.choose(
            inside, emit.getF32Type(),
            [&]() -> SmallVector<Value> {
              return {element(kept.sums, op.getInitMap(), ofQuery(row, emit.index(0), feature))};
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
Value FmaTile::addTerm(ArrayRef<Value> batch, Value inner, Value query, Value key, Value sum) {
  if (!op.hasCombine())
    return math::FmaOp::create(emit, query, key, sum);
  SmallVector<Value> arguments(batch);
  arguments.append({inner, query, key});
  Region &region = op.getCombine();
  Value term = kernels::evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), arguments);
  return arith::AddFOp::create(emit, sum, term);
}

/// The products of the thread's rows and keys, to the weight tile.
void FmaTile::dots(KeyTile const &keys) {
  int64_t rows = shape.threadRows(), columns = FmaShape::threadKeys;
  SmallVector<SmallVector<Value>> batches;
  for (int64_t i = 0; i < rows; ++i)
    batches.push_back(queries.batchOf(emit, rowOf(emit.index(i))));
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
                           Value at = emit.add(innerBegin, inner);
                           for (int64_t i = 0; i < rows; ++i)
                             left.push_back(memref::LoadOp::create(emit, queryTile, ValueRange{rowOf(emit.index(i)), inner}));
                           for (int64_t j = 0; j < columns; ++j)
                             right.push_back(memref::LoadOp::create(emit, keyTile, ValueRange{keyOf(emit.index(j)), inner}));
                           for (int64_t i = 0; i < rows; ++i)
                             for (int64_t j = 0; j < columns; ++j)
                               next.push_back(addTerm(batches[i], at, left[i], right[j], sums[i * columns + j]));
                           return next;
                         });
      });
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      memref::StoreOp::create(emit, products[i * columns + j], weightTile,
                              ValueRange{rowOf(emit.index(i)), keyOf(emit.index(j))});
}

/// Adds the weighted sources of the tile.
void FmaTile::accumulate(KeyTile const &keys) {
  int64_t rows = shape.threadRows(), columns = shape.features / FmaShape::lanes;
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
  int64_t rows = shape.threadRows(), columns = shape.features / FmaShape::lanes;
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

void FmaTile::end(KeptSums const &after) {
  kernels::SweepState const &state = after.state;
  for (int64_t i = 0; i < shape.threadRows(); ++i) {
    Value threadRow = emit.index(i), row = rowOf(threadRow);
    emit.branch(emit.less(row, rowCount), [&] {
      Value zero = emit.index(0), divisor;
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
              emit, sum, after.sums,
              *affine::expandAffineMap(emit, emit.getLoc(), op.getInitMap(), ofQuery(row, zero, feature)));
        });
      }
      if (state.maximum)
        emit.branch(emit.compare(arith::CmpIPredicate::eq, lane, zero), [&] {
          memref::StoreOp::create(emit, memref::LoadOp::create(emit, maximum, threadRow), state.maximum, query(row));
          memref::StoreOp::create(emit, memref::LoadOp::create(emit, total, threadRow), state.total, query(row));
        });
    });
  }
}

} // namespace heed::device
