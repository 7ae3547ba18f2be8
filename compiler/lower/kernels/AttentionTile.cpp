// AttentionTile.cpp - packing, products and the result of a tile; its weights are in AttentionWeights.cpp.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/Panels.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {

AttentionTile::AttentionTile(Emit &emit, ir::AttentionOp op, AttentionBlocks const &blocks, QueryBlock const &queries,
                             ArrayRef<domain::Lattice> skipped, ArrayRef<Value> domainSymbols, Value featureBegin)
    : emit(emit), op(op), blocks(blocks), queries(queries), skipped(skipped), domainSymbols(domainSymbols),
      featureBegin(featureBegin), lanes(blocks.shape.lanes) {
  Value features = op.getSizes()[op.getFeatureDim()];
  featureCount = emit.min(emit.sub(features, featureBegin), emit.index(blocks.features));
  auto varying = [&](Region &region) {
    return LaneAnalysis(region, region.getArguments().drop_front(op.getColumnDim()));
  };
  scoreAnalysis.emplace(varying(op.getScore()));
  if (op.hasDomain())
    domainAnalysis.emplace(varying(op.getDomain()));
  if (scoreAnalysis->isSupported())
    form = ScoreForm::of(op);
  if (!form)
    return;
  // Weights of a softmax are powers of two.
  queryFactor = emit.f32(scoreScale());
  for (ScoreForm::Factor factor : form->factors) {
    Value by = evaluateUniform(emit, op.getScore(), factor.by, queries.batch);
    queryFactor = factor.divides ? emit.createOrFold<arith::DivFOp>(queryFactor, by)
                                 : emit.createOrFold<arith::MulFOp>(queryFactor, by);
  }
}

/// An operand as a matrix over two of the iteration dimensions, the others fixed. `row` maps the matrix's rows to indices.
MatrixView AttentionTile::operand(Value buffer, AffineMap map, unsigned rowDim, unsigned columnDim,
                                  std::function<Value(Emit &, Value)> row) {
  MLIRContext *context = emit.getContext();
  unsigned last = map.getNumResults();
  // Contiguous along a dimension that enters the last subscript with factor 1, and no other.
  bool contiguous = last > 0 && hasUnitStride(cast<MemRefType>(buffer.getType()));
  for (unsigned result = 0; result < last; ++result) {
    AffineExpr expression = map.getResult(result), dim = getAffineDimExpr(columnDim, context);
    if (result + 1 < last)
      contiguous &= !expression.isFunctionOfDim(columnDim);
    else
      contiguous &= !simplifyAffineExpr(expression - dim, map.getNumDims(), 0).isFunctionOfDim(columnDim);
  }
  SmallVector<Value> fixed(queries.batch);
  return MatrixView(buffer, contiguous, [=, dims = map.getNumDims()](Emit &emit, Value at, Value column) {
    SmallVector<Value> point(fixed);
    point.resize(dims, emit.index(0));
    point[rowDim] = row(emit, at);
    point[columnDim] = column;
    return *affine::expandAffineMap(emit, emit.getLoc(), map, point);
  });
}

MatrixView AttentionTile::result() {
  return operand(op.getInit(), op.getInitMap(), op.getRowDim(), op.getFeatureDim(),
                 [this](Emit &, Value row) { return rowIndex(row); });
}

Value AttentionTile::vectorAt(Value buffer, ValueRange subscripts) {
  return vector::LoadOp::create(emit, emit.vectorOf(lanes), buffer, subscripts);
}

void AttentionTile::begin() {
  Value zeros = emit.splat(lanes, 0.0f), zero = emit.f32(0.0f);
  Value lowest = emit.f32(-std::numeric_limits<float>::infinity());
  emit.loop(emit.index(0), queries.count, 1, [&](Value row) {
    memref::StoreOp::create(emit, lowest, blocks.maximum, row);
    memref::StoreOp::create(emit, zero, blocks.total, row);
    emit.loop(emit.index(0), emit.index(blocks.features), lanes,
              [&](Value column) { vector::StoreOp::create(emit, zeros, blocks.sums, ValueRange{row, column}); });
  });
}

/// `body` for every vector of features; with a count, only so many lanes exist.
void AttentionTile::eachFeatureVector(llvm::function_ref<void(Value, Value, Value)> body) {
  Value whole = emit.mul(emit.div(featureCount, lanes), lanes), rest = emit.sub(featureCount, whole);
  emit.loop(emit.index(0), queries.count, 1, [&](Value row) {
    emit.loop(emit.index(0), whole, lanes, [&](Value column) { body(row, column, Value()); });
    emit.branch(emit.less(emit.index(0), rest), [&] { body(row, whole, rest); });
  });
}

void AttentionTile::resume(SweepState const &state) {
  begin();
  emit.loop(emit.index(0), queries.count, 1, [&](Value row) {
    SmallVector<Value> at(queries.batch);
    at.push_back(rowIndex(row));
    memref::StoreOp::create(emit, memref::LoadOp::create(emit, state.maximum, at), blocks.maximum, row);
    memref::StoreOp::create(emit, memref::LoadOp::create(emit, state.total, at), blocks.total, row);
  });
  MatrixView from = result();
  eachFeatureVector([&](Value row, Value column, Value count) {
    Value sums = from.loadVector(emit, lanes, row, emit.add(featureBegin, column), count);
    vector::StoreOp::create(emit, sums, blocks.sums, ValueRange{row, column});
  });
}

void AttentionTile::suspend(SweepState const &state) {
  emit.loop(emit.index(0), queries.count, 1, [&](Value row) {
    SmallVector<Value> at(queries.batch);
    at.push_back(rowIndex(row));
    memref::StoreOp::create(emit, scalarAt(blocks.maximum, row), state.maximum, at);
    memref::StoreOp::create(emit, scalarAt(blocks.total, row), state.total, at);
  });
  MatrixView to = result();
  eachFeatureVector([&](Value row, Value column, Value count) {
    to.storeVector(emit, vectorAt(blocks.sums, ValueRange{row, column}), row, emit.add(featureBegin, column), count);
  });
}

void AttentionTile::finish() {
  MatrixView to = result();
  if (op.getPlain())
    return eachFeatureVector([&](Value row, Value column, Value count) {
      to.storeVector(emit, vectorAt(blocks.sums, ValueRange{row, column}), row, emit.add(featureBegin, column), count);
    });
  // Totals become what sums are divided by. The sums of an empty row are 0 already.
  emit.loop(emit.index(0), queries.count, 1, [&](Value row) {
    Value total = scalarAt(blocks.total, row);
    Value empty = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, total, emit.f32(0.0f));
    memref::StoreOp::create(emit, arith::SelectOp::create(emit, empty, emit.f32(1.0f), total), blocks.total, row);
  });
  eachFeatureVector([&](Value row, Value column, Value count) {
    Value divisor = emit.broadcast(lanes, scalarAt(blocks.total, row));
    Value mean = arith::DivFOp::create(emit, vectorAt(blocks.sums, ValueRange{row, column}), divisor);
    to.storeVector(emit, mean, row, emit.add(featureBegin, column), count);
  });
}

void AttentionTile::packQuery(Value innerBegin, Value innerCount) {
  MatrixView query = operand(op.getQuery(), op.getQueryMap(), op.getRowDim(), op.getInnerDim(),
                             [this](Emit &, Value row) { return rowIndex(row); });
  auto scaled = [&](Value value) -> Value {
    if (!form)
      return value;
    Value factor = isa<VectorType>(value.getType()) ? emit.broadcast(lanes, queryFactor) : queryFactor;
    return arith::MulFOp::create(emit, value, factor);
  };
  emit.loop(emit.index(0), queries.count, 1, [&](Value row) {
    Value whole = emit.index(0);
    if (query.isContiguous()) {
      whole = emit.mul(emit.div(innerCount, lanes), lanes);
      emit.loop(emit.index(0), whole, lanes, [&](Value column) {
        Value vector = query.loadVector(emit, lanes, row, emit.add(innerBegin, column));
        vector::StoreOp::create(emit, scaled(vector), blocks.query, ValueRange{row, column});
      });
    }
    emit.loop(whole, innerCount, 1, [&](Value column) {
      Value scalar = query.load(emit, row, emit.add(innerBegin, column));
      memref::StoreOp::create(emit, scaled(scalar), blocks.query, ValueRange{row, column});
    });
  });
}

/// Position in the sweep of key `key` of the tile.
Value AttentionTile::keyStep(Value key) {
  if (!tile.list)
    return emit.add(tile.first, key);
  int64_t width = blocks.shape.width();
  Value panel = memref::LoadOp::create(emit, tile.list, emit.div(key, width));
  return emit.add(emit.mul(panel, width), emit.createOrFold<arith::RemUIOp>(key, emit.index(width)));
}

void AttentionTile::packKeys(Value innerBegin, Value innerCount) {
  // Rows of this view are positions in the sweep: those of a panel are neighbours.
  MatrixView keys = operand(op.getKey(), op.getKeyMap(), op.getColumnDim(), op.getInnerDim(),
                            [this](Emit &, Value step) { return queries.steps.key(emit, step); });
  Value end = tile.list ? queries.steps.keys : emit.add(tile.first, tile.count);
  emit.loop(emit.index(0), emit.ceilDiv(tile.count, blocks.shape.width()), 1, [&](Value panel) {
    emitPanelCopy(emit, {keys,
                         /*transposed=*/true,
                         keyStep(emit.mul(panel, blocks.shape.width())),
                         end,
                         innerBegin,
                         emit.add(innerBegin, innerCount),
                         blocks.keyPanels,
                         {panel},
                         blocks.shape.width(),
                         lanes});
  });
}

void AttentionTile::packSource() {
  MatrixView source = operand(op.getSource(), op.getSourceMap(), op.getColumnDim(), op.getFeatureDim(),
                              [this](Emit &, Value key) { return keyIndex(key); });
  emit.loop(emit.index(0), emit.ceilDiv(featureCount, blocks.shape.width()), 1, [&](Value panel) {
    emitPanelCopy(emit, {source,
                         /*transposed=*/false,
                         emit.add(featureBegin, emit.mul(panel, blocks.shape.width())),
                         emit.add(featureBegin, featureCount),
                         emit.index(0),
                         tile.count,
                         blocks.sourcePanels,
                         {panel},
                         blocks.shape.width(),
                         lanes});
  });
}

void AttentionTile::visit(KeyTile const &keys, llvm::function_ref<Interval(Value rowBegin, Value rowEnd)> hull) {
  tile = keys;
  Value zero = emit.index(0), inner = op.hasQuery() ? op.getSizes()[op.getInnerDim()] : Value();
  if (op.hasQuery() && blocks.oneSlice)
    packKeys(zero, inner);
  packSource();
  if (op.hasQuery() && !blocks.oneSlice)
    slicedProducts();
  Value isSafe = emit.choose(
      tile.full, emit.getI1Type(), [&]() -> SmallVector<Value> { return {tile.full}; },
      [&]() -> SmallVector<Value> { return {sourceIsFinite()}; })[0];
  emit.loop(zero, queries.count, blocks.shape.rows, [&](Value rowBegin) {
    Strip strip;
    strip.rowBegin = rowBegin;
    strip.rowEnd = emit.min(emit.add(rowBegin, blocks.shape.rows), queries.count);
    strip.offset = blocks.oneSlice ? rowBegin : Value();
    SmallVector<Value> range = emit.choose(
        tile.full, {emit.getIndexType(), emit.getIndexType()},
        [&]() -> SmallVector<Value> { return {zero, tile.count}; },
        [&]() -> SmallVector<Value> {
          Interval keys = hull(strip.rowBegin, strip.rowEnd);
          return {keys.begin, keys.end};
        });
    strip.from = range[0], strip.to = range[1];
    auto work = [&] {
      if (op.hasQuery() && blocks.oneSlice)
        products(strip, inner, /*accumulate=*/false);
      weights(strip);
      accumulate(strip, isSafe);
    };
    if (constantOf(tile.full) == 1)
      return work();
    emit.branch(emit.less(strip.from, strip.to), work);
  });
}

/// Products of all strips and keys, over an inner size that needs several packings.
void AttentionTile::slicedProducts() {
  Value zero = emit.index(0), inner = op.getSizes()[op.getInnerDim()];
  Strip all{zero, queries.count, zero, tile.count, Value()};
  auto slice = [&](Value innerBegin, bool accumulate) {
    Value innerCount = emit.min(emit.sub(inner, innerBegin), emit.index(blocks.inner));
    packQuery(innerBegin, innerCount);
    packKeys(innerBegin, innerCount);
    products(all, innerCount, accumulate);
  };
  slice(zero, /*accumulate=*/false);
  emit.loop(emit.index(blocks.inner), inner, blocks.inner,
            [&](Value innerBegin) { slice(innerBegin, /*accumulate=*/true); });
}

namespace {
/// result[row, panel * width ..] (+)= sum over k in [from, to) of left[row, k] * panels[panel, k, ..], all of them buffers of
/// the task, for rows [rowBegin, rowEnd) and panels [panelBegin, panelEnd).
struct Product {
  Value left, panels, result;
  Value rowBegin, rowEnd, panelBegin, panelEnd, from, to;
  Value leftOffset, resultOffset; ///< of rows; null: 0
  bool accumulate;
};
} // namespace

static void multiply(Emit &emit, TileShape const &shape, Product const &product) {
  VectorType type = emit.vectorOf(shape.lanes);
  auto shifted = [&](Value row, Value offset) { return offset ? emit.sub(row, offset) : row; };
  emit.loop(product.panelBegin, product.panelEnd, 1, [&](Value panel) {
    emitRowTiles(emit, product.rowBegin, product.rowEnd, shape.rows, [&](RowTile const &tile) {
      SmallVector<Value> leftRows, resultRows, columns, sums;
      for (int64_t row = 0; row < tile.height; ++row) {
        leftRows.push_back(shifted(tile.row(emit, row), product.leftOffset));
        resultRows.push_back(shifted(tile.row(emit, row), product.resultOffset));
      }
      for (int64_t vector = 0; vector < shape.vectors; ++vector)
        columns.push_back(emit.add(emit.mul(panel, shape.width()), vector * shape.lanes));
      for (Value row : resultRows)
        for (Value column : columns)
          sums.push_back(product.accumulate
                             ? Value(vector::LoadOp::create(emit, type, product.result, ValueRange{row, column}))
                             : emit.splat(shape.lanes, 0.0f));
      sums = emitRegisterTile(emit, tile.height, shape.vectors, product.from, product.to, sums,
                              {[&](int64_t row, Value k) -> Value {
                                 return memref::LoadOp::create(emit, product.left, ValueRange{leftRows[row], k});
                               },
                               [&](int64_t vector, Value k) -> Value {
                                 return vector::LoadOp::create(emit, type, product.panels,
                                                               ValueRange{panel, k, emit.index(vector * shape.lanes)});
                               }});
      for (auto [number, sum] : llvm::enumerate(sums))
        vector::StoreOp::create(emit, sum, product.result,
                                ValueRange{resultRows[number / shape.vectors], columns[number % shape.vectors]});
    });
  });
}

void AttentionTile::products(Strip const &strip, Value innerCount, bool accumulate) {
  int64_t width = blocks.shape.width();
  multiply(emit, blocks.shape,
           {blocks.query, blocks.keyPanels, blocks.scores, strip.rowBegin, strip.rowEnd, emit.div(strip.from, width),
            emit.ceilDiv(strip.to, width), emit.index(0), innerCount, Value(), strip.offset, accumulate});
}

void AttentionTile::accumulate(Strip const &strip, Value isSafe) {
  Value panels = emit.ceilDiv(featureCount, blocks.shape.width());
  // A weight of 0 behind the mask must not turn an infinity or NaN of the source into a NaN of the sum.
  emit.branch(
      isSafe,
      [&] {
        multiply(emit, blocks.shape,
                 {blocks.scores, blocks.sourcePanels, blocks.sums, strip.rowBegin, strip.rowEnd, emit.index(0), panels,
                  strip.from, strip.to, strip.offset, Value(), /*accumulate=*/true});
      },
      [&] { accumulateChecked(strip); });
}

Value AttentionTile::sourceIsFinite() {
  Value zeros = emit.splat(lanes, 0.0f);
  Value panels = emit.ceilDiv(featureCount, blocks.shape.width());
  Value sum =
      emit.loop(emit.index(0), panels, 1, zeros,
                [&](Value panel, ValueRange outer) {
                  return emit.loop(emit.index(0), tile.count, 1, outer, [&](Value key, ValueRange sums) {
                    SmallVector<Value> next(sums);
                    for (int64_t offset = 0; offset < blocks.shape.width(); offset += lanes)
                      next[0] = emit.multiplyAdd(
                          vectorAt(blocks.sourcePanels, ValueRange{panel, key, emit.index(offset)}), zeros, next[0]);
                    return next;
                  });
                })
          .front();
  Value all = vector::ReductionOp::create(emit, vector::CombiningKind::ADD, sum, arith::FastMathFlags::reassoc);
  return arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, all, emit.f32(0.0f));
}

/// Row by row, leaving out what has no weight.
void AttentionTile::accumulateChecked(Strip const &strip) {
  Value panels = emit.ceilDiv(featureCount, blocks.shape.width()), zero = emit.f32(0.0f);
  emit.loop(strip.rowBegin, strip.rowEnd, 1, [&](Value row) {
    Value scoreRow = strip.scoreRow(emit, row);
    emit.loop(emit.index(0), panels, 1, [&](Value panel) {
      for (int64_t offset = 0; offset < blocks.shape.width(); offset += lanes) {
        Value column = emit.add(emit.mul(panel, blocks.shape.width()), offset);
        Value init = vectorAt(blocks.sums, ValueRange{row, column});
        Value sum = emit.loop(strip.from, strip.to, 1, init,
                              [&](Value key, ValueRange sums) -> SmallVector<Value> {
                                Value weight = memref::LoadOp::create(emit, blocks.scores, ValueRange{scoreRow, key});
                                Value none = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, weight, zero);
                                Value next = emit.multiplyAdd(
                                    emit.broadcast(lanes, weight),
                                    vectorAt(blocks.sourcePanels, ValueRange{panel, key, emit.index(offset)}), sums[0]);
                                return {arith::SelectOp::create(emit, none, sums[0], next)};
                              })
                        .front();
        vector::StoreOp::create(emit, sum, blocks.sums, ValueRange{row, column});
      }
    });
  });
}

} // namespace heed::kernels
