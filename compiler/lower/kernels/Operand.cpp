// Operand.cpp - subscripts of operands through their indexing maps.
#include "compiler/lower/kernels/Operand.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {

MatrixView operandOf(Value buffer, AffineMap map, unsigned rowDim, unsigned columnDim,
                     std::function<SmallVector<Value>(Emit &, Value)> batch,
                     std::function<Value(Emit &, Value)> index) {
  auto subscripts = [=, dims = map.getNumDims()](Emit &emit, Value row, Value column) {
    SmallVector<Value> point = batch(emit, row);
    point.resize(dims, emit.index(0));
    point[rowDim] = index(emit, row);
    point[columnDim] = column;
    return *affine::expandAffineMap(emit, emit.getLoc(), map, point);
  };
  return MatrixView(buffer, isContiguousAlong(buffer, map, columnDim), subscripts);
}

Steps stepsOf(Emit &emit, domain::Lattice const &lattice, Value residue, ArrayRef<Value> symbols, Value rows, Value keys) {
  Value zero = emit.index(0);
  if (lattice.stride == 1)
    return {1, zero, zero, rows, keys};
  AffineExpr own = getAffineSymbolExpr(symbols.size(), emit.getContext());
  SmallVector<Value> operands(symbols);
  operands.push_back(residue);
  AffineMap map = AffineMap::get(0, operands.size(), (own + lattice.shift) % lattice.stride);
  Value keyOffset = affine::expandAffineMap(emit, emit.getLoc(), map, operands)->front();
  auto members = [&](Value all, Value offset) {
    return emit.ceilDiv(emit.max(emit.sub(all, offset), zero), lattice.stride);
  };
  return {lattice.stride, residue, keyOffset, members(rows, residue), members(keys, keyOffset)};
}

SweepState SweepState::allocate(Emit &emit, ir::AttentionOp op) {
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  for (unsigned axis = 0; axis <= op.getRowDim(); ++axis) {
    Value size = op.getSizes()[axis];
    std::optional<int64_t> known = constantOf(size);
    shape.push_back(known.value_or(ShapedType::kDynamic));
    if (!known)
      dynamic.push_back(size);
  }
  auto buffer = [&]() -> Value {
    return memref::AllocOp::create(emit, MemRefType::get(shape, emit.getF32Type()), dynamic, emit.getI64IntegerAttr(64));
  };
  return {buffer(), buffer()};
}

static void eachRow(Emit &emit, QueryBlock const &queries, llvm::function_ref<void(Value row, ValueRange at)> body) {
  emit.loop(emit.index(0), queries.rows(emit), 1, [&](Value row) {
    SmallVector<Value> at = queries.batchOf(emit, row);
    at.push_back(queries.rowIndex(emit, row));
    body(row, at);
  });
}

void SweepState::load(Emit &emit, QueryBlock const &queries, Value maximumOfRow, Value totalOfRow) const {
  eachRow(emit, queries, [&](Value row, ValueRange at) {
    memref::StoreOp::create(emit, memref::LoadOp::create(emit, maximum, at), maximumOfRow, row);
    memref::StoreOp::create(emit, memref::LoadOp::create(emit, total, at), totalOfRow, row);
  });
}

void SweepState::store(Emit &emit, QueryBlock const &queries, Value maximumOfRow, Value totalOfRow) const {
  eachRow(emit, queries, [&](Value row, ValueRange at) {
    memref::StoreOp::create(emit, memref::LoadOp::create(emit, maximumOfRow, row), maximum, at);
    memref::StoreOp::create(emit, memref::LoadOp::create(emit, totalOfRow, row), total, at);
  });
}

} // namespace heed::kernels
