// AttentionRows.cpp - between the operands of an attention, row by row in memory, and the buffers of a task.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/Panels.h"
#include "compiler/lower/kernels/Transpose.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {

MatrixView AttentionTile::rowsOfQueries(Value buffer, AffineMap map, unsigned columnDim) {
  auto batch = [batch = queries.batch](Emit &, Value) { return batch; };
  return operandOf(buffer, map, op.getRowDim(), columnDim, batch, [this](Emit &, Value row) { return rowIndex(row); });
}

MatrixView AttentionTile::rowsOfKeys(Value buffer, AffineMap map, unsigned columnDim) {
  auto batch = [batch = queries.batch](Emit &, Value) { return batch; };
  return operandOf(buffer, map, op.getColumnDim(), columnDim, batch, [this](Emit &, Value key) { return keyIndex(key); });
}

MatrixView AttentionTile::result() { return rowsOfQueries(op.getInit(), op.getInitMap(), op.getFeatureDim()); }

void AttentionTile::begin() {
  Value zeros = emit.splat(lanes, 0.0f);
  Value lowest = emit.splat(lanes, -std::numeric_limits<float>::infinity());
  emit.loop(emit.index(0), queries.count, width, [&](Value row) {
    Value panel = emit.div(row, width);
    for (int64_t vector = 0; vector < blocks.shape.vectors; ++vector) {
      Value at = emit.add(row, vector * lanes);
      vector::StoreOp::create(emit, lowest, blocks.maximum, at);
      vector::StoreOp::create(emit, zeros, blocks.total, at);
    }
    emit.loop(emit.index(0), featureCount, 1, [&](Value feature) {
      for (int64_t vector = 0; vector < blocks.shape.vectors; ++vector)
        vector::StoreOp::create(emit, zeros, blocks.sums, ValueRange{panel, feature, lane(vector)});
    });
  });
  if (!op.hasRest())
    return;
  emit.loop(emit.index(0), queries.count, 1, [&](Value row) {
    memref::StoreOp::create(emit, pairs.rest(queries.batch, rowIndex(row)), blocks.maximum, row);
    memref::StoreOp::create(emit, emit.f32(1.0f), blocks.total, row);
  });
}

void AttentionTile::resume(SweepState const &state) {
  begin();
  state.load(emit, queries, blocks.maximum, blocks.total);
  loadSums();
}

void AttentionTile::suspend(SweepState const &state) {
  state.store(emit, queries, blocks.maximum, blocks.total);
  storeSums(/*divided=*/false);
}

void AttentionTile::finish() { storeSums(/*divided=*/!op.getPlain()); }

/// `body` for every square of `lanes` queries and `lanes` features; with a count, only so many features exist.
static void eachSquare(Emit &emit, Value queries, Value features, int64_t lanes,
                       llvm::function_ref<void(Value row, Value feature, Value count)> body) {
  Value whole = emit.mul(emit.div(features, lanes), lanes), rest = emit.sub(features, whole);
  emit.loop(emit.index(0), queries, lanes, [&](Value row) {
    emit.loop(emit.index(0), whole, lanes, [&](Value feature) { body(row, feature, Value()); });
    emit.branch(emit.less(emit.index(0), rest), [&] { body(row, whole, rest); });
  });
}

/// `body` for each of `lanes` rows from `first` on that exists.
static void eachRow(Emit &emit, Value first, Value end, int64_t lanes,
                    llvm::function_ref<void(int64_t lane, Value row)> body) {
  auto rows = [&](bool whole) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      Value row = emit.add(first, lane);
      if (whole)
        body(lane, row);
      else
        emit.branch(emit.less(row, end), [&] { body(lane, row); });
    }
  };
  Value whole = emit.compare(arith::CmpIPredicate::sle, emit.add(first, lanes), end);
  emit.branch(whole, [&] { rows(true); }, [&] { rows(false); });
}

void AttentionTile::storeSums(bool divided) {
  MatrixView to = result();
  eachSquare(emit, queries.count, featureCount, lanes, [&](Value row, Value feature, Value count) {
    Value panel = emit.div(row, width), column = emit.createOrFold<arith::RemUIOp>(row, emit.index(width));
    Value divisor;
    if (divided) {
      // The sums of a row that saw nothing are 0 already.
      Value total = vectorAt(blocks.total, row), zeros = emit.splat(lanes, 0.0f);
      Value empty = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, total, zeros);
      divisor = arith::SelectOp::create(emit, empty, emit.splat(lanes, 1.0f), total);
    }
    SmallVector<Value> columns;
    for (int64_t offset = 0; offset < lanes; ++offset) {
      Value sums = vectorAt(blocks.sums, ValueRange{panel, emit.add(feature, offset), column});
      columns.push_back(divided ? Value(arith::DivFOp::create(emit, sums, divisor)) : sums);
    }
    SmallVector<Value> rows = emitTranspose(emit, columns);
    eachRow(emit, row, queries.count, lanes, [&](int64_t lane, Value row) {
      to.storeVector(emit, rows[lane], row, emit.add(featureBegin, feature), count);
    });
  });
}

/// What `storeSums` stored.
void AttentionTile::loadSums() {
  MatrixView from = result();
  Value last = emit.sub(queries.count, emit.index(1));
  eachSquare(emit, queries.count, featureCount, lanes, [&](Value row, Value feature, Value count) {
    Value panel = emit.div(row, width), column = emit.createOrFold<arith::RemUIOp>(row, emit.index(width));
    SmallVector<Value> rows;
    for (int64_t lane = 0; lane < lanes; ++lane) // a row beyond the last is nobody's
      rows.push_back(from.loadVector(emit, lanes, emit.min(emit.add(row, lane), last), emit.add(featureBegin, feature), count));
    for (auto [offset, sums] : llvm::enumerate(emitTranspose(emit, rows)))
      vector::StoreOp::create(emit, sums, blocks.sums, ValueRange{panel, emit.add(feature, offset), column});
  });
}

void AttentionTile::packQuery(Value innerBegin, Value innerCount) {
  MatrixView query = rowsOfQueries(op.getQuery(), op.getQueryMap(), op.getInnerDim());
  Value scale = pairs.factor(queries.batch);
  emit.loop(emit.index(0), emit.ceilDiv(queries.count, width), 1, [&](Value panel) {
    emitPanelCopy(emit, {query,
                         /*transposed=*/true,
                         emit.mul(panel, width),
                         queries.count,
                         innerBegin,
                         emit.add(innerBegin, innerCount),
                         blocks.query,
                         {panel},
                         width,
                         lanes});
    if (!scale)
      return;
    Value factor = emit.broadcast(lanes, scale);
    emit.loop(emit.index(0), innerCount, 1, [&](Value row) {
      for (int64_t vector = 0; vector < blocks.shape.vectors; ++vector) {
        SmallVector<Value> at = {panel, row, lane(vector)};
        Value scaled = arith::MulFOp::create(emit, vectorAt(blocks.query, at), factor);
        vector::StoreOp::create(emit, scaled, blocks.query, at);
      }
    });
  });
}

/// Rows of the tile's keys, columns [columnBegin, columnBegin + columnCount), vector by vector with zeros at the end. In the
/// model they may be far apart, or narrow.
void AttentionTile::copyRows(MatrixView const &from, Value columnBegin, Value columnCount,
                             llvm::function_ref<void(Value key, Value column, Value vector)> store) {
  emit.loop(emit.index(0), tile.count, 1, [&](Value key) {
    auto move = [&](Value column, Value count) {
      store(key, column, from.loadVector(emit, lanes, key, emit.add(columnBegin, column), count));
    };
    Value whole = emit.mul(emit.div(columnCount, lanes), lanes), rest = emit.sub(columnCount, whole);
    emit.loop(emit.index(0), whole, lanes, [&](Value column) { move(column, Value()); });
    emit.branch(emit.less(emit.index(0), rest), [&] { move(whole, rest); });
  });
}

/// The keys from the first of the tile on, in the model.
Value AttentionTile::viewOfKeys() {
  SmallVector<Value> point(queries.batch);
  point.resize(op.getKeyMap().getNumDims(), emit.index(0));
  point[op.getColumnDim()] = keyIndex(emit.index(0));
  SmallVector<OpFoldResult> offsets = llvm::to_vector_of<OpFoldResult>(
      *affine::expandAffineMap(emit, emit.getLoc(), op.getKeyMap(), point));
  auto type = cast<MemRefType>(op.getKey().getType());
  SmallVector<OpFoldResult> sizes(type.getRank(), emit.getIndexAttr(1)), steps = sizes;
  sizes[type.getRank() - 2] = tile.count;
  sizes[type.getRank() - 1] = emit.getIndexAttr(blocks.inner);
  auto rows = MemRefType::get({ShapedType::kDynamic, blocks.inner}, emit.getF32Type(),
                              StridedLayoutAttr::get(emit.getContext(), ShapedType::kDynamic, {blocks.inner, 1}));
  return memref::SubViewOp::create(emit, rows, op.getKey(), offsets, sizes, steps);
}

/// Keys that lie one behind the other are as good as a copy of them.
void AttentionTile::bringKeys() {
  Value zero = emit.index(0), inner = op.getSizes()[op.getInnerDim()];
  if (keysInPlace && constantOf(tile.consecutive) == 1) {
    keyRows = viewOfKeys();
    return;
  }
  keyRows = blocks.keyRows;
  if (!keysInPlace)
    return copyKeys(zero, inner);
  emit.branch(tile.consecutive, [] {}, [&] { copyKeys(zero, inner); });
  Value view = viewOfKeys();
  keyRows = arith::SelectOp::create(emit, tile.consecutive, view, memref::CastOp::create(emit, view.getType(), keyRows));
}

void AttentionTile::copyKeys(Value innerBegin, Value innerCount) {
  MatrixView keys = rowsOfKeys(op.getKey(), op.getKeyMap(), op.getInnerDim());
  copyRows(keys, innerBegin, innerCount, [&](Value key, Value column, Value vector) {
    vector::StoreOp::create(emit, vector, blocks.keyRows, ValueRange{key, column});
  });
}

void AttentionTile::copySource() {
  MatrixView source = rowsOfKeys(op.getSource(), op.getSourceMap(), op.getFeatureDim());
  copyRows(source, featureBegin, featureCount, [&](Value key, Value column, Value vector) {
    vector::StoreOp::create(emit, vector, blocks.sourceGroups, ValueRange{emit.div(column, lanes), key, emit.index(0)});
  });
}

} // namespace heed::kernels
