// FewQueriesTile.cpp - dot products and weighted sums of a tile of keys that is read in place.
#include "compiler/lower/kernels/FewQueries.h"

using namespace mlir;

namespace heed::kernels {

FewQueriesTile::FewQueriesTile(Emit &emit, ir::AttentionOp op, FewQueriesBlocks const &blocks, QueryBlock const &queries,
                               KeyWalk &walk, ArrayRef<domain::Lattice> skipped, ArrayRef<Value> domainSymbols,
                               Value featureBegin)
    : emit(emit), op(op), blocks(blocks), queries(queries), walk(walk),
      pairs(emit, op, PairScores::Axis::Keys, queries.steps.stride, blocks.shape.lanes, skipped, domainSymbols),
      lanes(blocks.shape.lanes), featureBegin(featureBegin), features(*constantOf(op.getSizes()[op.getFeatureDim()])) {
  featureCount = emit.min(emit.sub(emit.index(features), featureBegin), emit.index(blocks.features));
  source = rowsOfKeys(op.getSource(), op.getSourceMap(), op.getFeatureDim());
  if (!op.hasQuery())
    return;
  keys = rowsOfKeys(op.getKey(), op.getKeyMap(), op.getInnerDim());
  inner = *constantOf(op.getSizes()[op.getInnerDim()]);
}

Value FewQueriesTile::vectorAt(Value buffer, ValueRange subscripts) {
  return vector::LoadOp::create(emit, emit.vectorOf(lanes), buffer, subscripts);
}

void FewQueriesTile::visit(KeyTile const &keys) {
  tile = keys;
  Value zero = emit.index(0);
  eachRowTile([&](RowTile const &rows) {
    Strip strip;
    strip.rowBegin = rows.first;
    strip.rowEnd = emit.add(rows.first, rows.height);
    if (!rows.exact)
      strip.rowEnd = emit.min(strip.rowEnd, rows.end);
    SmallVector<Value> range = emit.choose(
        tile.full, {emit.getIndexType(), emit.getIndexType()},
        [&]() -> SmallVector<Value> { return {zero, tile.count}; },
        [&]() -> SmallVector<Value> {
          // Of queries, each of which has a row per member.
          Interval keys = walk.hull(tile, emit.div(strip.rowBegin, queries.members), emit.ceilDiv(strip.rowEnd, queries.members));
          return {keys.begin, keys.end};
        });
    strip.from = range[0], strip.to = range[1];
    emit.branch(emit.less(strip.from, strip.to), [&] {
      if (op.hasQuery())
        products(rows, strip);
      weights(strip);
      accumulate(rows, strip);
    });
  });
}

void FewQueriesTile::eachRowTile(llvm::function_ref<void(RowTile const &)> body) {
  Value zero = emit.index(0), end = queries.rows(emit);
  int64_t height = blocks.shape.rows;
  if (constantOf(end) || queries.members % height == 0)
    return emitRowTiles(emit, zero, end, height, body);
  emit.loop(zero, end, height, [&](Value first) {
    RowTile several{first, end, height, /*exact=*/false};
    if (queries.members > 1)
      return body(several);
    // A single query is the common case.
    Value one = emit.compare(arith::CmpIPredicate::eq, emit.sub(end, first), emit.index(1));
    emit.branch(one, [&] { body({first, end, 1, /*exact=*/true}); }, [&] { body(several); });
  });
}

SmallVector<Value> FewQueriesTile::rowsOf(RowTile const &rows) {
  return llvm::map_to_vector(llvm::seq<int64_t>(0, rows.height), [&](int64_t offset) { return rows.row(emit, offset); });
}

/// As many as leave half of the registers to what is read.
int64_t FewQueriesTile::keysAtOnce(int64_t height) const {
  int64_t result = lanes;
  while (result > 1 && result * height > lanes)
    result /= 2;
  return result;
}

/// [row, key]: dot products as vectors, whose lanes are still to be summed.
SmallVector<Value> FewQueriesTile::dots(ArrayRef<Value> rows, ArrayRef<Value> keyIndices) {
  auto step = [&](Value column, Value count, ValueRange sums) {
    SmallVector<Value> vectors = llvm::map_to_vector(
        keyIndices, [&](Value key) { return keys->loadVector(emit, lanes, key, column, count); });
    SmallVector<Value> next;
    for (Value row : rows) {
      Value query = vectorAt(blocks.query, ValueRange{row, column});
      for (Value key : vectors)
        next.push_back(emit.multiplyAdd(query, key, sums[next.size()]));
    }
    return next;
  };
  SmallVector<Value> sums(rows.size() * keyIndices.size(), emit.splat(lanes, 0.0f));
  Value whole = emit.index(inner / lanes * lanes);
  sums = emit.loop(emit.index(0), whole, lanes, sums,
                   [&](Value column, ValueRange so) { return step(column, Value(), so); });
  return inner % lanes ? step(whole, emit.index(inner % lanes), sums) : sums;
}

void FewQueriesTile::products(RowTile const &tileRows, Strip const &strip) {
  SmallVector<Value> rows = rowsOf(tileRows);
  int64_t together = keysAtOnce(rows.size());
  auto scoreAt = [&](Value row, Value key) { return SmallVector<Value>{strip.scoreRow(emit, row), key}; };
  Value whole = emit.add(strip.from, emit.mul(emit.div(emit.sub(strip.to, strip.from), lanes), lanes));
  emit.loop(strip.from, whole, lanes, [&](Value first) {
    Value step = keyStep(first);
    SmallVector<LaneSums> sums(rows.size(), LaneSums(emit));
    for (int64_t begin = 0; begin < lanes; begin += together) {
      SmallVector<Value> indices;
      for (int64_t key = begin; key < begin + together; ++key)
        indices.push_back(queries.steps.key(emit, emit.add(step, key)));
      for (auto [position, vector] : llvm::enumerate(dots(rows, indices)))
        sums[position / together].add(vector);
    }
    for (auto [row, sum] : llvm::zip_equal(rows, sums))
      vector::StoreOp::create(emit, sum.result(), blocks.scores, scoreAt(row, first));
  });
  emit.loop(whole, strip.to, 1, [&](Value key) {
    for (auto [row, vector] : llvm::zip_equal(rows, dots(rows, keyIndex(key)))) {
      Value dot = vector::ReductionOp::create(emit, vector::CombiningKind::ADD, vector, arith::FastMathFlags::reassoc);
      memref::StoreOp::create(emit, dot, blocks.scores, scoreAt(row, key));
    }
  });
}

/// `body` for every vector of features; with a count, only so many lanes exist.
void FewQueriesTile::eachFeatures(llvm::function_ref<void(Value column, Value count)> body) {
  Value whole = emit.index(features / lanes * lanes);
  emit.loop(emit.index(0), whole, lanes, [&](Value column) { body(column, Value()); });
  if (features % lanes)
    body(whole, emit.index(features % lanes));
}

void FewQueriesTile::accumulate(RowTile const &tileRows, Strip const &strip) {
  SmallVector<Value> rows = rowsOf(tileRows);
  Value whole = emit.add(strip.from, emit.mul(emit.div(emit.sub(strip.to, strip.from), lanes), lanes));
  emit.loop(strip.from, whole, lanes, [&](Value first) {
    // A weight of 0 behind the mask must not turn an infinity or NaN of the source into a NaN of the sum.
    Value plain = emit.choose(
        tile.full, emit.getI1Type(), [&]() -> SmallVector<Value> { return {tile.full}; },
        [&]() -> SmallVector<Value> { return {allHaveWeight(rows, strip, first)}; })[0];
    emit.branch(
        plain, [&] { addKeys(rows, strip, first); },
        [&] { addKeysWithWeight(strip, first, emit.add(first, lanes)); });
  });
  addKeysWithWeight(strip, whole, strip.to);
}

Value FewQueriesTile::allHaveWeight(ArrayRef<Value> rows, Strip const &strip, Value first) {
  Value zeros = emit.splat(lanes, 0.0f), all;
  for (Value row : rows) {
    Value weights = vectorAt(blocks.scores, ValueRange{strip.scoreRow(emit, row), first});
    Value some = arith::CmpFOp::create(emit, arith::CmpFPredicate::UNE, weights, zeros);
    all = all ? Value(arith::AndIOp::create(emit, all, some)) : some;
  }
  return vector::ReductionOp::create(emit, vector::CombiningKind::AND, all);
}

/// sums += weights source, for as many keys from `first` on as there are lanes.
void FewQueriesTile::addKeys(ArrayRef<Value> rows, Strip const &strip, Value first) {
  int64_t together = keysAtOnce(rows.size());
  Value step = keyStep(first);
  for (int64_t begin = 0; begin < lanes; begin += together) {
    SmallVector<Value> indices, weights;
    for (int64_t key = begin; key < begin + together; ++key)
      indices.push_back(queries.steps.key(emit, emit.add(step, key)));
    for (Value row : rows)
      for (int64_t key = begin; key < begin + together; ++key) {
        SmallVector<Value> at = {strip.scoreRow(emit, row), emit.add(first, key)};
        weights.push_back(emit.broadcast(lanes, memref::LoadOp::create(emit, blocks.scores, at)));
      }
    eachFeatures([&](Value column, Value count) {
      SmallVector<Value> vectors, sums;
      for (Value key : indices)
        vectors.push_back(source->loadVector(emit, lanes, key, column, count));
      // All are read before one is written: rows of a tile may be the same.
      for (Value row : rows)
        sums.push_back(vectorAt(blocks.sums, ValueRange{row, column}));
      for (auto [position, row] : llvm::enumerate(rows)) {
        Value sum = sums[position];
        for (auto [key, vector] : llvm::enumerate(vectors))
          sum = emit.multiplyAdd(weights[position * together + key], vector, sum);
        vector::StoreOp::create(emit, sum, blocks.sums, ValueRange{row, column});
      }
    });
  }
}

/// Key by key, leaving out what has no weight.
void FewQueriesTile::addKeysWithWeight(Strip const &strip, Value from, Value to) {
  emit.loop(from, to, 1, [&](Value key) {
    Value index = keyIndex(key);
    emit.loop(strip.rowBegin, strip.rowEnd, 1, [&](Value row) {
      Value weight = memref::LoadOp::create(emit, blocks.scores, ValueRange{strip.scoreRow(emit, row), key});
      Value some = arith::CmpFOp::create(emit, arith::CmpFPredicate::UNE, weight, emit.f32(0.0f));
      emit.branch(some, [&] {
        Value factor = emit.broadcast(lanes, weight);
        eachFeatures([&](Value column, Value count) {
          Value vector = source->loadVector(emit, lanes, index, column, count);
          Value sum = vectorAt(blocks.sums, ValueRange{row, column});
          vector::StoreOp::create(emit, emit.multiplyAdd(factor, vector, sum), blocks.sums, ValueRange{row, column});
        });
      });
    });
  });
}

} // namespace heed::kernels
