// FewQueriesTile.cpp - dot products and weighted sums of a tile of keys that is read in place.
#include "compiler/lower/kernels/FewQueries.h"

using namespace mlir;

namespace heed::kernels {

static constexpr int64_t cacheLine = 64;    ///< in bytes
static constexpr int64_t fetchAhead = 8192; ///< bytes between what is read and what is asked for

FewQueriesTile::FewQueriesTile(Emit &emit, ir::AttentionOp op, FewQueriesBlocks const &blocks, QueryBlock const &queries,
                               KeyWalk &walk, domain::Sweep const &sweep, ArrayRef<Value> domainSymbols,
                               Value featureBegin)
    : emit(emit), op(op), blocks(blocks), queries(queries), walk(walk),
      pairs(emit, op, PairScores::Axis::Keys, queries.steps.stride, sweep, domainSymbols),
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
int64_t FewQueriesTile::together(int64_t height) const {
  int64_t result = lanes;
  while (result > 1 && result * height > lanes)
    result /= 2;
  return result;
}

Value FewQueriesTile::wholeEnd(Strip const &strip) {
  return emit.add(strip.from, emit.mul(emit.div(emit.sub(strip.to, strip.from), lanes), lanes));
}

/// Indices j of `count` keys of the tile from `first` + `offset` on, which are neighbours in the sweep.
SmallVector<Value> FewQueriesTile::neighbours(Value first, int64_t offset, int64_t count) {
  Value step = keyStep(first);
  return llvm::map_to_vector(llvm::seq<int64_t>(offset, offset + count),
                             [&](int64_t key) { return queries.steps.key(emit, emit.add(step, key)); });
}

/// What is to be fetched while `neighbours` of a view of so many columns are read. A single query needs no help: the processor
/// looks far enough ahead. With several there is too much work on a key for that.
SmallVector<Value> FewQueriesTile::fetched(MatrixView const &view, int64_t columns, Value first, int64_t offset, int64_t count,
                                           int64_t height) {
  if (height == 1 || tile.list)
    return {};
  int64_t ahead = std::max<int64_t>(fetchAhead / std::max<int64_t>(columns * view.elementBytes(), 1), 1);
  Value step = keyStep(first), last = emit.sub(queries.steps.keys, emit.index(1));
  return llvm::map_to_vector(llvm::seq<int64_t>(offset, offset + count), [&](int64_t key) {
    return queries.steps.key(emit, emit.min(emit.add(step, key + ahead), last));
  });
}

/// `body` for columns 0, step, ...; what is left in the end is done one vector at a time, the last with a count of lanes.
void FewQueriesTile::eachColumns(int64_t columns, int64_t vectors, llvm::function_ref<void(Value, int64_t, Value)> body) {
  int64_t step = vectors * lanes, whole = columns / step * step;
  emit.loop(emit.index(0), emit.index(whole), step, [&](Value column) { body(column, vectors, Value()); });
  for (; whole + lanes <= columns; whole += lanes)
    body(emit.index(whole), 1, Value());
  if (whole < columns)
    body(emit.index(whole), 1, emit.index(columns - whole));
}

/// [row, key]: dot products as vectors, whose lanes are still to be summed. Meanwhile the keys `later` are fetched.
SmallVector<Value> FewQueriesTile::dots(ArrayRef<Value> rows, ArrayRef<Value> keyIndices, ArrayRef<Value> later) {
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
  int64_t line = std::max(cacheLine / keys->elementBytes(), lanes), whole = inner / line * line;
  sums = emit.loop(emit.index(0), emit.index(whole), line, sums, [&](Value column, ValueRange so) {
    for (Value key : later)
      keys->prefetch(emit, key, column);
    SmallVector<Value> next(so);
    for (int64_t offset = 0; offset < line; offset += lanes)
      next = step(emit.add(column, offset), Value(), next);
    return next;
  });
  for (int64_t column = whole; column < inner; column += lanes)
    sums = step(emit.index(column), column + lanes <= inner ? Value() : emit.index(inner - column), sums);
  return sums;
}

void FewQueriesTile::products(RowTile const &tileRows, Strip const &strip) {
  SmallVector<Value> rows = rowsOf(tileRows);
  int64_t atOnce = together(rows.size());
  auto scoreAt = [&](Value row, Value key) { return SmallVector<Value>{strip.scoreRow(emit, row), key}; };
  Value whole = wholeEnd(strip);
  emit.loop(strip.from, whole, lanes, [&](Value first) {
    SmallVector<LaneSums> sums(rows.size(), LaneSums(emit));
    for (int64_t offset = 0; offset < lanes; offset += atOnce) {
      SmallVector<Value> indices = neighbours(first, offset, atOnce);
      SmallVector<Value> later = fetched(*keys, inner, first, offset, atOnce, rows.size());
      for (auto [position, vector] : llvm::enumerate(dots(rows, indices, later)))
        sums[position / atOnce].add(vector);
    }
    for (auto [row, sum] : llvm::zip_equal(rows, sums))
      vector::StoreOp::create(emit, sum.result(), blocks.scores, scoreAt(row, first));
  });
  emit.loop(whole, strip.to, 1, [&](Value key) {
    for (auto [row, vector] : llvm::zip_equal(rows, dots(rows, keyIndex(key), {}))) {
      Value dot = vector::ReductionOp::create(emit, vector::CombiningKind::ADD, vector, arith::FastMathFlags::reassoc);
      memref::StoreOp::create(emit, dot, blocks.scores, scoreAt(row, key));
    }
  });
}

void FewQueriesTile::accumulate(RowTile const &tileRows, Strip const &strip) {
  SmallVector<Value> rows = rowsOf(tileRows);
  Value whole = wholeEnd(strip);
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
  SmallVector<Value> indices = neighbours(first, 0, lanes);
  SmallVector<Value> later = fetched(*source, features, first, 0, lanes, rows.size());
  int64_t line = std::max(cacheLine / source->elementBytes(), lanes);
  eachColumns(features, together(rows.size()), [&](Value begin, int64_t vectors, Value count) {
    SmallVector<Value> sums;
    auto columnOf = [&](int64_t vector) { return emit.add(begin, vector * lanes); };
    for (Value row : rows)
      for (int64_t vector = 0; vector < vectors; ++vector)
        sums.push_back(vectorAt(blocks.sums, ValueRange{row, columnOf(vector)}));
    for (auto [key, index] : llvm::enumerate(indices)) {
      for (int64_t column = 0; !later.empty() && column < vectors * lanes; column += line)
        source->prefetch(emit, later[key], emit.add(begin, column));
      SmallVector<Value> read;
      for (int64_t vector = 0; vector < vectors; ++vector)
        read.push_back(source->loadVector(emit, lanes, index, columnOf(vector), count));
      for (auto [position, row] : llvm::enumerate(rows)) {
        SmallVector<Value> at = {strip.scoreRow(emit, row), emit.add(first, key)};
        Value weight = emit.broadcast(lanes, memref::LoadOp::create(emit, blocks.scores, at));
        for (int64_t vector = 0; vector < vectors; ++vector) {
          Value &sum = sums[position * vectors + vector];
          sum = emit.multiplyAdd(weight, read[vector], sum);
        }
      }
    }
    // All were read before one is written: rows of a tile may be the same.
    for (auto [position, row] : llvm::enumerate(rows))
      for (int64_t vector = 0; vector < vectors; ++vector)
        vector::StoreOp::create(emit, sums[position * vectors + vector], blocks.sums, ValueRange{row, columnOf(vector)});
  });
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
        eachColumns(features, 1, [&](Value column, int64_t, Value count) {
          Value vector = source->loadVector(emit, lanes, index, column, count);
          Value sum = vectorAt(blocks.sums, ValueRange{row, column});
          vector::StoreOp::create(emit, emit.multiplyAdd(factor, vector, sum), blocks.sums, ValueRange{row, column});
        });
      });
    });
  });
}

} // namespace heed::kernels
