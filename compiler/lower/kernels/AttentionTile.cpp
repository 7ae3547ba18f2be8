// AttentionTile.cpp - the products of a tile; its weights are in AttentionWeights.cpp, its operands in AttentionRows.cpp.
#include "compiler/lower/kernels/AttentionTile.h"

using namespace mlir;

namespace heed::kernels {

/// Whether the keys of an example lie one behind the other, each without a gap: then a tile of them is as good as a copy.
static bool keysAreDense(ir::AttentionOp op) {
  if (!op.hasQuery())
    return false;
  auto type = cast<MemRefType>(op.getKey().getType());
  AffineMap map = op.getKeyMap();
  unsigned rank = map.getNumResults();
  for (AffineExpr outer : map.getResults().drop_back(std::min(2u, rank)))
    if (outer.isFunctionOfDim(op.getInnerDim()) || outer.isFunctionOfDim(op.getColumnDim()))
      return false;
  return rank >= 2 && type.getElementType().isF32() && type.getLayout().isIdentity() &&
         map.getResult(rank - 1) == getAffineDimExpr(op.getInnerDim(), op.getContext()) &&
         map.getResult(rank - 2) == getAffineDimExpr(op.getColumnDim(), op.getContext()) &&
         constantOf(op.getSizes()[op.getInnerDim()]) == type.getDimSize(rank - 1);
}

AttentionTile::AttentionTile(Emit &emit, ir::AttentionOp op, AttentionBlocks const &blocks, QueryBlock const &queries,
                             KeyWalk &walk, domain::Sweep const &sweep, ArrayRef<Value> domainSymbols,
                             Value featureBegin)
    : emit(emit), op(op), blocks(blocks), queries(queries), walk(walk),
      pairs(emit, op, PairScores::Axis::Queries, queries.steps.stride, sweep, domainSymbols),
      term(PairTerm::of(op)), featureBegin(featureBegin), lanes(blocks.shape.lanes), width(blocks.shape.width()),
      keysInPlace(blocks.oneSlice && queries.steps.stride == 1 && keysAreDense(op) &&
                  (!walk.needsList() || blocks.inner % lanes == 0)) { // a copy has whole vectors
  Value features = op.getSizes()[op.getFeatureDim()];
  featureCount = emit.min(emit.sub(features, featureBegin), emit.index(blocks.features));
}

Value AttentionTile::vectorAt(Value buffer, ValueRange subscripts) {
  return vector::LoadOp::create(emit, emit.vectorOf(lanes), buffer, subscripts);
}

void AttentionTile::visit(KeyTile const &keys) {
  tile = keys;
  Value zero = emit.index(0), inner = op.hasQuery() ? op.getSizes()[op.getInnerDim()] : Value();
  if (op.hasQuery() && blocks.oneSlice)
    bringKeys();
  copySource();
  if (op.hasQuery() && !blocks.oneSlice)
    slicedProducts();
  Value isSafe = emit.choose(
      tile.full, emit.getI1Type(), [&]() -> SmallVector<Value> { return {tile.full}; },
      [&]() -> SmallVector<Value> { return {sourceIsFinite()}; })[0];
  eachStrip([&](Strip strip) {
    SmallVector<Value> range = emit.choose(
        tile.full, {emit.getIndexType(), emit.getIndexType()},
        [&]() -> SmallVector<Value> { return {zero, tile.count}; },
        [&]() -> SmallVector<Value> {
          Interval keys = walk.hull(tile, strip.rowBegin, strip.rowEnd);
          return {keys.begin, keys.end};
        });
    strip.from = range[0], strip.to = range[1];
    auto work = [&] {
      if (op.hasQuery() && blocks.oneSlice)
        products(strip, zero, inner, /*accumulate=*/false);
      weights(strip);
      accumulate(strip, isSafe);
    };
    if (constantOf(tile.full) == 1)
      return work();
    emit.branch(emit.less(strip.from, strip.to), work);
  });
}

/// The panels of the block, with all keys of the tile.
void AttentionTile::eachStrip(llvm::function_ref<void(Strip const &)> body) {
  Value zero = emit.index(0);
  emit.loop(zero, queries.count, width, [&](Value rowBegin) {
    Value panel = emit.div(rowBegin, width), rowEnd = emit.min(emit.add(rowBegin, width), queries.count);
    body({rowBegin, rowEnd, zero, tile.count, panel, blocks.oneSlice ? zero : panel});
  });
}

/// Products of all strips and keys, over an inner size that needs several copies.
void AttentionTile::slicedProducts() {
  Value zero = emit.index(0), inner = op.getSizes()[op.getInnerDim()];
  auto slice = [&](Value innerBegin, bool accumulate) {
    Value innerCount = emit.min(emit.sub(inner, innerBegin), emit.index(blocks.inner));
    packQuery(innerBegin, innerCount);
    copyKeys(innerBegin, innerCount);
    keyRows = blocks.keyRows;
    eachStrip([&](Strip const &strip) { products(strip, innerBegin, innerCount, accumulate); });
  };
  slice(zero, /*accumulate=*/false);
  emit.loop(emit.index(blocks.inner), inner, blocks.inner,
            [&](Value innerBegin) { slice(innerBegin, /*accumulate=*/true); });
}

namespace {
/// result[row, ..] (+)= sum over k in [from, to) of left(row, k) * right[k, ..] for rows [rowBegin, rowEnd); `right` and
/// `result` are panels of buffers of the task.
struct Product {
  llvm::function_ref<Value(Value row, Value k)> left;
  Value right, rightPanel, result, resultPanel;
  Value rowBegin, rowEnd, from, to;
  bool accumulate;
};
} // namespace

/// With `term`, sum over k of term(k, left(row, k), right[k, ..]) instead.
static void multiply(Emit &emit, TileShape const &shape, Product const &product,
                     llvm::function_ref<Value(Value, Value, Value)> term = {}) {
  VectorType type = emit.vectorOf(shape.lanes);
  auto column = [&](int64_t vector) { return emit.index(vector * shape.lanes); };
  emitRowTiles(emit, product.rowBegin, product.rowEnd, shape.rows, [&](RowTile const &tile) {
    SmallVector<Value> rows, sums;
    for (int64_t row = 0; row < tile.height; ++row)
      rows.push_back(tile.row(emit, row));
    for (Value row : rows)
      for (int64_t vector = 0; vector < shape.vectors; ++vector)
        sums.push_back(product.accumulate
                           ? Value(vector::LoadOp::create(emit, type, product.result,
                                                          ValueRange{product.resultPanel, row, column(vector)}))
                           : emit.splat(shape.lanes, 0.0f));
    sums = emitRegisterTile(emit, tile.height, shape.vectors, product.from, product.to, sums,
                            {[&](int64_t row, Value k) { return product.left(rows[row], k); },
                             [&](int64_t vector, Value k) -> Value {
                               return vector::LoadOp::create(emit, type, product.right,
                                                             ValueRange{product.rightPanel, k, column(vector)});
                             },
                             term});
    for (auto [number, sum] : llvm::enumerate(sums))
      vector::StoreOp::create(
          emit, sum, product.result,
          ValueRange{product.resultPanel, rows[number / shape.vectors], column(number % shape.vectors)});
  });
}

void AttentionTile::products(Strip const &strip, Value innerBegin, Value innerCount, bool accumulate) {
  auto key = [&](Value row, Value k) -> Value {
    return memref::LoadOp::create(emit, keyRows, ValueRange{row, k});
  };
  Product product{key,        blocks.query, strip.panel, blocks.scores, strip.slot, strip.from, strip.to, emit.index(0),
                  innerCount, accumulate};
  if (!term)
    return multiply(emit, blocks.shape, product);
  TileShape shape = blocks.shape;
  shape.rows = term->rowsOfTile(shape.rows);
  multiply(emit, shape, product, [&](Value k, Value key, Value queries) {
    return term->emit(emit, this->queries.batch, emit.add(innerBegin, k), queries, key);
  });
}

Value AttentionTile::sourceAt(Value key, Value feature) {
  Value place = emit.createOrFold<arith::RemUIOp>(feature, emit.index(lanes));
  return memref::LoadOp::create(emit, blocks.sourceGroups, ValueRange{emit.div(feature, lanes), key, place});
}

void AttentionTile::accumulate(Strip const &strip, Value isSafe) {
  auto feature = [&](Value feature, Value key) { return sourceAt(key, feature); };
  // A weight of 0 behind the mask must not turn an infinity or NaN of the source into a NaN of the sum.
  emit.branch(
      isSafe,
      [&] {
        multiply(emit, blocks.shape,
                 {feature, blocks.scores, strip.slot, blocks.sums, strip.panel, emit.index(0), featureCount, strip.from,
                  strip.to, /*accumulate=*/true});
      },
      [&] { accumulateChecked(strip); });
}

/// Several sums at once, which do not wait for each other.
Value AttentionTile::sourceIsFinite() {
  constexpr int64_t group = 4;
  Value zeros = emit.splat(lanes, 0.0f), zero = emit.index(0);
  Value whole = emit.mul(emit.div(tile.count, group), group);
  Vectors sums = emit.loop(zero, featureCount, lanes, Vectors(group, zeros), [&](Value column, ValueRange outer) {
    auto at = [&](Value key, Value sum) -> Value {
      return emit.multiplyAdd(vectorAt(blocks.sourceGroups, ValueRange{emit.div(column, lanes), key, zero}), zeros, sum);
    };
    Vectors inner = emit.loop(zero, whole, group, outer, [&](Value key, ValueRange so) {
      Vectors next;
      for (auto [number, sum] : llvm::enumerate(so))
        next.push_back(at(emit.add(key, number), sum));
      return next;
    });
    inner.front() = emit.loop(whole, tile.count, 1, inner.front(), [&](Value key, ValueRange so) -> Vectors {
      return {at(key, so.front())};
    })[0];
    return inner;
  });
  Value sum = sums.front();
  for (Value other : ArrayRef(sums).drop_front())
    sum = arith::AddFOp::create(emit, sum, other);
  Value all = vector::ReductionOp::create(emit, vector::CombiningKind::ADD, sum, arith::FastMathFlags::reassoc);
  return arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, all, emit.f32(0.0f));
}

/// Feature by feature, leaving out what has no weight.
void AttentionTile::accumulateChecked(Strip const &strip) {
  Value zeros = emit.splat(lanes, 0.0f);
  emit.loop(emit.index(0), featureCount, 1, [&](Value feature) {
    for (int64_t vector = 0; vector < blocks.shape.vectors; ++vector) {
      SmallVector<Value> at = {strip.panel, feature, lane(vector)};
      Value sum = emit.loop(strip.from, strip.to, 1, vectorAt(blocks.sums, at),
                            [&](Value key, ValueRange sums) -> SmallVector<Value> {
                              Value weight = vectorAt(blocks.scores, ValueRange{strip.slot, key, lane(vector)});
                              Value none = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, weight, zeros);
                              Value source = emit.broadcast(lanes, sourceAt(key, feature));
                              Value next = emit.multiplyAdd(weight, source, sums[0]);
                              return {arith::SelectOp::create(emit, none, sums[0], next)};
                            })
                      .front();
      vector::StoreOp::create(emit, sum, blocks.sums, at);
    }
  });
}

} // namespace heed::kernels
