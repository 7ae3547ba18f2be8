// AttentionTile.cpp - packing, products and the result of a tile; its weights are in AttentionWeights.cpp.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/Panels.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {

AttentionTile::AttentionTile(Emit &emit, ir::AttentionOp op, AttentionBlocks const &blocks, ValueRange batch,
                             Value rowBegin, Value rows, Value featureBegin)
    : emit(emit), op(op), blocks(blocks), batch(batch), rowBegin(rowBegin), rows(rows), featureBegin(featureBegin),
      lanes(blocks.shape.lanes) {
  Value features = op.getSizes()[op.getFeatureDim()];
  featureCount = emit.min(emit.sub(features, featureBegin), emit.index(blocks.features));
  auto varying = [&](Region &region) {
    return LaneAnalysis(region, region.getArguments().drop_front(op.getColumnDim()));
  };
  scoreAnalysis.emplace(varying(op.getScore()));
  if (op.hasDomain())
    domainAnalysis.emplace(varying(op.getDomain()));
}

/// An operand as a matrix over two of the iteration dimensions, the others fixed.
MatrixView AttentionTile::operand(Value buffer, AffineMap map, unsigned rowDim, unsigned columnDim) {
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
  SmallVector<Value> fixed(batch);
  return MatrixView(buffer, contiguous, [=, dims = map.getNumDims()](Emit &emit, Value row, Value column) {
    SmallVector<Value> point(fixed);
    point.resize(dims, emit.index(0));
    point[rowDim] = row;
    point[columnDim] = column;
    return *affine::expandAffineMap(emit, emit.getLoc(), map, point);
  });
}

Value AttentionTile::vectorAt(Value buffer, ValueRange subscripts) {
  return vector::LoadOp::create(emit, emit.vectorOf(lanes), buffer, subscripts);
}

void AttentionTile::begin() {
  Value zeros = emit.splat(lanes, 0.0f), zero = emit.f32(0.0f);
  Value lowest = emit.f32(-std::numeric_limits<float>::infinity());
  emit.loop(emit.index(0), rows, 1, [&](Value row) {
    memref::StoreOp::create(emit, lowest, blocks.maximum, row);
    memref::StoreOp::create(emit, zero, blocks.total, row);
    emit.loop(emit.index(0), emit.index(blocks.features), lanes,
              [&](Value column) { vector::StoreOp::create(emit, zeros, blocks.sums, ValueRange{row, column}); });
  });
}

void AttentionTile::packQuery(Value innerBegin, Value innerCount) {
  MatrixView query = operand(op.getQuery(), op.getQueryMap(), op.getRowDim(), op.getInnerDim());
  emit.loop(emit.index(0), rows, 1, [&](Value row) {
    Value from = emit.add(rowBegin, row), whole = emit.index(0);
    if (query.isContiguous()) {
      whole = emit.mul(emit.div(innerCount, lanes), lanes);
      emit.loop(emit.index(0), whole, lanes, [&](Value column) {
        Value vector = query.loadVector(emit, lanes, from, emit.add(innerBegin, column));
        vector::StoreOp::create(emit, vector, blocks.query, ValueRange{row, column});
      });
    }
    emit.loop(whole, innerCount, 1, [&](Value column) {
      Value scalar = query.load(emit, from, emit.add(innerBegin, column));
      memref::StoreOp::create(emit, scalar, blocks.query, ValueRange{row, column});
    });
  });
}

void AttentionTile::packKeys(Value keyBegin, Value keyCount, Value innerBegin, Value innerCount) {
  MatrixView keys = operand(op.getKey(), op.getKeyMap(), op.getColumnDim(), op.getInnerDim());
  Value end = emit.add(keyBegin, keyCount), innerEnd = emit.add(innerBegin, innerCount);
  emit.loop(emit.index(0), emit.ceilDiv(keyCount, blocks.shape.width()), 1, [&](Value panel) {
    Value first = emit.add(keyBegin, emit.mul(panel, blocks.shape.width()));
    emitPanelCopy(emit, {keys,
                         /*transposed=*/true,
                         first,
                         end,
                         innerBegin,
                         innerEnd,
                         blocks.keyPanels,
                         {panel},
                         blocks.shape.width(),
                         lanes});
  });
}

void AttentionTile::packSource(Value keyBegin, Value keyCount) {
  MatrixView source = operand(op.getSource(), op.getSourceMap(), op.getColumnDim(), op.getFeatureDim());
  Value end = emit.add(featureBegin, featureCount), keyEnd = emit.add(keyBegin, keyCount);
  emit.loop(emit.index(0), emit.ceilDiv(featureCount, blocks.shape.width()), 1, [&](Value panel) {
    Value first = emit.add(featureBegin, emit.mul(panel, blocks.shape.width()));
    emitPanelCopy(emit, {source,
                         /*transposed=*/false,
                         first,
                         end,
                         keyBegin,
                         keyEnd,
                         blocks.sourcePanels,
                         {panel},
                         blocks.shape.width(),
                         lanes});
  });
}

/// result[rows, panels * width] (+)= left[rows, depth] * panels[.., depth, width], all of them buffers of the task.
static void multiply(Emit &emit, TileShape const &shape, Value left, Value panels, Value result, Value rows,
                     Value panelCount, Value depth, bool accumulate) {
  VectorType type = emit.vectorOf(shape.lanes);
  emit.loop(emit.index(0), panelCount, 1, [&](Value panel) {
    emitRowTiles(emit, emit.index(0), rows, shape.rows, [&](RowTile const &tile) {
      SmallVector<Value> rowIndices, columns, sums;
      for (int64_t row = 0; row < tile.height; ++row)
        rowIndices.push_back(tile.row(emit, row));
      for (int64_t vector = 0; vector < shape.vectors; ++vector)
        columns.push_back(emit.add(emit.mul(panel, shape.width()), vector * shape.lanes));
      for (Value row : rowIndices)
        for (Value column : columns)
          sums.push_back(accumulate ? Value(vector::LoadOp::create(emit, type, result, ValueRange{row, column}))
                                    : emit.splat(shape.lanes, 0.0f));
      sums = emitRegisterTile(emit, tile.height, shape.vectors, emit.index(0), depth, sums,
                              {[&](int64_t row, Value k) -> Value {
                                 return memref::LoadOp::create(emit, left, ValueRange{rowIndices[row], k});
                               },
                               [&](int64_t vector, Value k) -> Value {
                                 return vector::LoadOp::create(emit, type, panels,
                                                               ValueRange{panel, k, emit.index(vector * shape.lanes)});
                               }});
      for (auto [number, sum] : llvm::enumerate(sums))
        vector::StoreOp::create(emit, sum, result,
                                ValueRange{rowIndices[number / shape.vectors], columns[number % shape.vectors]});
    });
  });
}

void AttentionTile::products(Value keyCount, Value innerCount, bool accumulate) {
  multiply(emit, blocks.shape, blocks.query, blocks.keyPanels, blocks.scores, rows,
           emit.ceilDiv(keyCount, blocks.shape.width()), innerCount, accumulate);
}

void AttentionTile::accumulate(Value keyCount) {
  Value panels = emit.ceilDiv(featureCount, blocks.shape.width());
  auto fast = [&] {
    multiply(emit, blocks.shape, blocks.scores, blocks.sourcePanels, blocks.sums, rows, panels, keyCount,
             /*accumulate=*/true);
  };
  // A weight of 0 behind the mask must not turn an infinity or NaN of the source into a NaN of the sum.
  if (!op.hasDomain())
    return fast();
  emit.branch(sourceIsFinite(keyCount), fast, [&] { accumulateChecked(keyCount); });
}

Value AttentionTile::sourceIsFinite(Value keyCount) {
  Value zeros = emit.splat(lanes, 0.0f);
  Value panels = emit.ceilDiv(featureCount, blocks.shape.width());
  Value sum =
      emit.loop(emit.index(0), panels, 1, zeros,
                [&](Value panel, ValueRange outer) {
                  return emit.loop(emit.index(0), keyCount, 1, outer, [&](Value key, ValueRange sums) {
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
void AttentionTile::accumulateChecked(Value keyCount) {
  Value panels = emit.ceilDiv(featureCount, blocks.shape.width()), zero = emit.f32(0.0f);
  emit.loop(emit.index(0), rows, 1, [&](Value row) {
    emit.loop(emit.index(0), panels, 1, [&](Value panel) {
      for (int64_t offset = 0; offset < blocks.shape.width(); offset += lanes) {
        Value column = emit.add(emit.mul(panel, blocks.shape.width()), offset);
        Value init = vectorAt(blocks.sums, ValueRange{row, column});
        Value sum = emit.loop(emit.index(0), keyCount, 1, init,
                              [&](Value key, ValueRange sums) -> SmallVector<Value> {
                                Value weight = memref::LoadOp::create(emit, blocks.scores, ValueRange{row, key});
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

void AttentionTile::finish() {
  MatrixView init = operand(op.getInit(), op.getInitMap(), op.getRowDim(), op.getFeatureDim());
  emit.loop(emit.index(0), rows, 1, [&](Value row) {
    Value total = scalarAt(blocks.total, row), zero = emit.f32(0.0f), one = emit.f32(1.0f);
    Value empty = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, total, zero);
    // The sums of an empty row are 0 already.
    Value divisor = emit.broadcast(lanes, arith::SelectOp::create(emit, empty, one, total));
    Value to = emit.add(rowBegin, row), whole = emit.mul(emit.div(featureCount, lanes), lanes);
    auto write = [&](Value column, Value count) {
      Value result = arith::DivFOp::create(emit, vectorAt(blocks.sums, ValueRange{row, column}), divisor);
      init.storeVector(emit, result, to, emit.add(featureBegin, column), count);
    };
    emit.loop(emit.index(0), whole, lanes, [&](Value column) { write(column, Value()); });
    Value rest = emit.sub(featureCount, whole);
    emit.branch(emit.less(emit.index(0), rest), [&] { write(whole, rest); });
  });
}

} // namespace heed::kernels
