// FewQueriesRows.cpp - between the rows of a block of few queries and the operands: both lie row by row.
#include "compiler/lower/kernels/FewQueries.h"

using namespace mlir;

namespace heed::kernels {

MatrixView FewQueriesTile::rowsOfQueries(Value buffer, AffineMap map, unsigned columnDim) {
  auto batch = [this](Emit &emit, Value row) { return queries.batchOf(emit, row); };
  return operandOf(buffer, map, op.getRowDim(), columnDim, batch, [this](Emit &, Value row) { return rowIndex(row); });
}

MatrixView FewQueriesTile::rowsOfKeys(Value buffer, AffineMap map, unsigned columnDim) {
  auto batch = [batch = queries.batch](Emit &, Value) { return batch; };
  return operandOf(buffer, map, op.getColumnDim(), columnDim, batch, [](Emit &, Value index) { return index; });
}

void FewQueriesTile::begin() {
  Value zeros = emit.splat(lanes, 0.0f), zero = emit.f32(0.0f);
  Value lowest = emit.f32(-std::numeric_limits<float>::infinity()), one = emit.f32(1.0f);
  emit.loop(emit.index(0), queries.rows(emit), 1, [&](Value row) {
    Value maximum = op.hasRest() ? pairs.rest(queries.batchOf(emit, row), rowIndex(row)) : lowest;
    memref::StoreOp::create(emit, maximum, blocks.maximum, row);
    memref::StoreOp::create(emit, op.hasRest() ? one : zero, blocks.total, row);
    emit.loop(emit.index(0), emit.index(blocks.features), lanes,
              [&](Value column) { vector::StoreOp::create(emit, zeros, blocks.sums, ValueRange{row, column}); });
  });
  clearQuery();
}

/// Elements beyond the last, which meet zeros of the keys: they must be numbers.
void FewQueriesTile::clearQuery() {
  if (inner % lanes == 0)
    return;
  Value zeros = emit.splat(lanes, 0.0f), last = emit.index(inner / lanes * lanes);
  emit.loop(emit.index(0), queries.rows(emit), 1,
            [&](Value row) { vector::StoreOp::create(emit, zeros, blocks.query, ValueRange{row, last}); });
}

/// `body` for every vector of features; with a count, only so many lanes exist.
void FewQueriesTile::eachFeatureVector(llvm::function_ref<void(Value, Value, Value)> body) {
  Value whole = emit.mul(emit.div(featureCount, lanes), lanes), rest = emit.sub(featureCount, whole);
  emit.loop(emit.index(0), queries.rows(emit), 1, [&](Value row) {
    emit.loop(emit.index(0), whole, lanes, [&](Value column) { body(row, column, Value()); });
    emit.branch(emit.less(emit.index(0), rest), [&] { body(row, whole, rest); });
  });
}

void FewQueriesTile::resume(SweepState const &state) {
  begin();
  state.load(emit, queries, blocks.maximum, blocks.total);
  MatrixView from = rowsOfQueries(op.getInit(), op.getInitMap(), op.getFeatureDim());
  eachFeatureVector([&](Value row, Value column, Value count) {
    Value sums = from.loadVector(emit, lanes, row, emit.add(featureBegin, column), count);
    vector::StoreOp::create(emit, sums, blocks.sums, ValueRange{row, column});
  });
}

void FewQueriesTile::suspend(SweepState const &state) {
  state.store(emit, queries, blocks.maximum, blocks.total);
  MatrixView to = rowsOfQueries(op.getInit(), op.getInitMap(), op.getFeatureDim());
  eachFeatureVector([&](Value row, Value column, Value count) {
    to.storeVector(emit, vectorAt(blocks.sums, ValueRange{row, column}), row, emit.add(featureBegin, column), count);
  });
}

void FewQueriesTile::finish() {
  MatrixView to = rowsOfQueries(op.getInit(), op.getInitMap(), op.getFeatureDim());
  eachFeatureVector([&](Value row, Value column, Value count) {
    Value sums = vectorAt(blocks.sums, ValueRange{row, column});
    if (!op.getPlain()) {
      // The sums of a row that saw nothing are 0 already.
      Value total = memref::LoadOp::create(emit, blocks.total, row);
      Value empty = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, total, emit.f32(0.0f));
      Value divisor = arith::SelectOp::create(emit, empty, emit.f32(1.0f), total);
      sums = arith::DivFOp::create(emit, sums, emit.broadcast(lanes, divisor));
    }
    to.storeVector(emit, sums, row, emit.add(featureBegin, column), count);
  });
}

void FewQueriesTile::packQuery(Value innerBegin, Value innerCount) {
  MatrixView query = rowsOfQueries(op.getQuery(), op.getQueryMap(), op.getInnerDim());
  emit.loop(emit.index(0), queries.rows(emit), 1, [&](Value row) {
    Value factor = pairs.factor(queries.batchOf(emit, row)), whole = emit.index(0);
    auto scaled = [&](Value value) -> Value {
      if (!factor)
        return value;
      bool isVector = isa<VectorType>(value.getType());
      return arith::MulFOp::create(emit, value, isVector ? emit.broadcast(lanes, factor) : factor);
    };
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

} // namespace heed::kernels
