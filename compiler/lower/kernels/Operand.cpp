// Operand.cpp - subscripts of operands through their indexing maps.
#include "compiler/lower/kernels/Operand.h"
#include "compiler/lower/kernels/LaneCode.h"

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

Value isInSweep(Emit &emit, ir::AttentionOp op, domain::Sweep const &sweep, ArrayRef<Value> symbols, ArrayRef<Value> pair) {
  auto boolean = [&](bool value) -> Value { return arith::ConstantOp::create(emit, emit.getBoolAttr(value)); };
  SmallVector<Value> operands(pair.take_back(2));
  operands.append(symbols.begin(), symbols.end());
  auto holds = [&](AffineExpr expr, arith::CmpIPredicate predicate) {
    AffineMap map = AffineMap::get(2, symbols.size(), expr);
    Value value = affine::expandAffineMap(emit, emit.getLoc(), map, operands)->front();
    return emit.compare(predicate, value, emit.index(0));
  };
  using Predicate = arith::CmpIPredicate;
  Value inside = boolean(!sweep.isApart);
  if (sweep.isApart)
    for (domain::Part const &part : sweep.parts) {
      Value all = boolean(true);
      for (domain::Condition const &condition : part.conditions)
        all = emit.createOrFold<arith::AndIOp>(all, holds(condition.expr, condition.equality ? Predicate::eq : Predicate::sge));
      inside = emit.createOrFold<arith::OrIOp>(inside, all);
    }
  else if (op.hasDomain())
    inside = evaluateUniform(emit, op.getDomain(), op.getDomain().front().getTerminator()->getOperand(0), pair);
  for (domain::Lattice const &lattice : sweep.skipped)
    inside = emit.createOrFold<arith::AndIOp>(inside, holds(residueOf(lattice), Predicate::ne));
  return inside;
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
