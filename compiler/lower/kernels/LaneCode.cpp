// LaneCode.cpp - uniform values stay scalars, consecutive indices stay a base; masks are in LaneMasks.cpp.
#include "compiler/lower/kernels/LaneCode.h"
#include "compiler/lower/kernels/MatrixView.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed::kernels {

SmallVector<Value> LaneCode::run(Block &block) {
  emitBlock(block);
  return toVectors(block, block.getTerminator()->getOperands());
}

/// Sums and differences of consecutive and uniform indices stay consecutive.
bool LaneCode::emitConsecutive(Operation &op) {
  if (!isa<arith::AddIOp, arith::SubIOp>(op) || !op.getResult(0).getType().isIndex())
    return false;
  Lanes a = lookup(op.getOperand(0)), b = lookup(op.getOperand(1));
  if (!a.scalar || !b.scalar)
    return false;
  bool plus = isa<arith::AddIOp>(op);
  Value scalar = plus ? emit.add(a.scalar, b.scalar) : emit.sub(a.scalar, b.scalar);
  values[op.getResult(0)] = {scalar, plus ? a.stride + b.stride : a.stride - b.stride, {}};
  return true;
}

void LaneCode::emitBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    emitOp(op);
}

SmallVector<Value> LaneCode::toVectors(Block &, ValueRange results) {
  return llvm::map_to_vector(results, [&](Value result) { return toVector(result); });
}

LaneCode::Lanes LaneCode::lookup(Value value) {
  auto found = values.find(value);
  return found != values.end() ? found->second : Lanes{value, 0, {}}; // captured from outside
}

Value LaneCode::toVector(Lanes const &lane) {
  if (lane.vector)
    return lane.vector;
  if (lane.begin)
    return maskOf(lane.begin, lane.end);
  Value result = emit.broadcast(lanes, lane.scalar);
  if (lane.stride == 0)
    return result;
  VectorType type = emit.vectorOf(lanes, emit.getIndexType());
  Value steps = vector::StepOp::create(emit, type);
  Value stride = arith::ConstantOp::create(emit, DenseElementsAttr::get(type, emit.getIndexAttr(lane.stride)));
  return arith::AddIOp::create(emit, result, arith::MulIOp::create(emit, steps, stride));
}

void LaneCode::emitOp(Operation &op) {
  if (op.getNumResults() == 1 && bound.contains(op.getResult(0)))
    return;
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return emitFor(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return emitIf(branch);
  if (llvm::none_of(op.getResults(), [&](Value result) { return analysis.isVarying(result); }))
    return emitScalar(op);
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return emitLoad(load);
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    values[apply.getResult()] = affine(apply.getAffineMap(), llvm::to_vector(apply.getMapOperands()));
    return;
  }
  if (emitConsecutive(op) || emitComparison(op) || emitLogic(op))
    return;
  emitElementwise(op);
}

void LaneCode::emitScalar(Operation &op) {
  IRMapping mapping;
  for (Value operand : op.getOperands())
    mapping.map(operand, lookup(operand).scalar);
  Operation *copy = emit.clone(op, mapping);
  for (auto [from, to] : llvm::zip_equal(op.getResults(), copy->getResults()))
    values[from] = {to, 0, {}};
}

void LaneCode::emitElementwise(Operation &op) {
  SmallVector<Value> operands = llvm::map_to_vector(op.getOperands(), [&](Value v) { return toVector(v); });
  // A division in a lane that is off must not trap.
  if (mask && isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::FloorDivSIOp,
                  arith::CeilDivSIOp, arith::CeilDivUIOp>(op)) {
    auto type = cast<VectorType>(operands[1].getType());
    Value ones = arith::ConstantOp::create(
        emit, DenseElementsAttr::get(type, Attribute(emit.getIntegerAttr(type.getElementType(), 1))));
    operands[1] = arith::SelectOp::create(emit, mask, operands[1], ones);
  }
  SmallVector<Type> types =
      llvm::map_to_vector(op.getResultTypes(), [&](Type type) -> Type { return emit.vectorOf(lanes, type); });
  Operation *vector = emit.create(OperationState(op.getLoc(), op.getName(), operands, types, op.getAttrs()));
  for (auto [from, to] : llvm::zip_equal(op.getResults(), vector->getResults()))
    values[from] = {{}, 0, to};
}

LaneCode::Lanes LaneCode::affine(AffineMap map, ArrayRef<Value> operands) {
  SmallVector<Lanes> lanes = llvm::map_to_vector(operands, [&](Value value) { return lookup(value); });
  return affine(map.getResult(0), ArrayRef(lanes).take_front(map.getNumDims()), ArrayRef(lanes).drop_front(map.getNumDims()));
}

LaneCode::Lanes LaneCode::affine(AffineExpr expr, ArrayRef<Lanes> dims, ArrayRef<Lanes> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return {emit.index(constant.getValue()), 0, {}};
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Lanes a = affine(binary.getLHS(), dims, symbols), b = affine(binary.getRHS(), dims, symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    if (a.scalar && b.scalar)
      return {emit.add(a.scalar, b.scalar), a.stride + b.stride, {}};
    return {{}, 0, arith::AddIOp::create(emit, toVector(a), toVector(b))};
  case AffineExprKind::Mul: {
    std::optional<int64_t> factor = b.isUniform() ? constantOf(b.scalar) : std::nullopt;
    if (a.scalar && factor)
      return {emit.mul(a.scalar, b.scalar), a.stride * *factor, {}};
    return {{}, 0, arith::MulIOp::create(emit, toVector(a), toVector(b))};
  }
  default:
    // Pure affine: the divisor is a constant.
    return affineDivision(expr.getKind(), a, cast<AffineConstantExpr>(binary.getRHS()).getValue());
  }
}

/// floordiv, ceildiv and mod of neighbouring numbers need one division, of the first of them.
LaneCode::Lanes LaneCode::affineDivision(AffineExprKind kind, Lanes a, int64_t divisor) {
  Value by = emit.index(divisor);
  if (kind == AffineExprKind::CeilDiv) {
    Lanes shifted = a.scalar ? Lanes{emit.add(a.scalar, divisor - 1), a.stride, {}}
                             : Lanes{{}, 0, arith::AddIOp::create(emit, a.vector, toVector(Lanes{emit.index(divisor - 1), 0, {}}))};
    return affineDivision(AffineExprKind::FloorDiv, shifted, divisor);
  }
  bool mod = kind == AffineExprKind::Mod;
  auto remainderOf = [&](Value dividend, Value quotient, Value divisors) -> Value {
    return emit.createOrFold<arith::SubIOp>(dividend, emit.createOrFold<arith::MulIOp>(quotient, divisors));
  };
  if (!a.scalar || (a.stride % divisor != 0 && std::abs(a.stride) * (lanes - 1) > divisor)) {
    Value dividend = toVector(a), divisors = toVector(Lanes{by, 0, {}});
    Value quotient = arith::FloorDivSIOp::create(emit, dividend, divisors);
    return {{}, 0, mod ? remainderOf(dividend, quotient, divisors) : quotient};
  }
  Value quotient = emit.createOrFold<arith::FloorDivSIOp>(a.scalar, by);
  Value remainder = remainderOf(a.scalar, quotient, by);
  if (a.stride % divisor == 0)
    return mod ? Lanes{remainder, 0, {}} : Lanes{quotient, a.stride / divisor, {}};
  // remainder + stride * lane leaves [0, divisor) at most once, on one side.
  Value near = toVector(Lanes{remainder, a.stride, {}}), edge = toVector(Lanes{by, 0, {}});
  VectorType type = cast<VectorType>(near.getType());
  Value zeros = arith::ConstantOp::create(emit, emit.getZeroAttr(type));
  bool up = a.stride > 0;
  Value left = up ? arith::CmpIOp::create(emit, arith::CmpIPredicate::sge, near, edge)
                  : arith::CmpIOp::create(emit, arith::CmpIPredicate::slt, near, zeros);
  if (mod) {
    Value wrapped = up ? Value(arith::SubIOp::create(emit, near, edge)) : Value(arith::AddIOp::create(emit, near, edge));
    return {{}, 0, arith::SelectOp::create(emit, left, wrapped, near)};
  }
  Value here = toVector(Lanes{quotient, 0, {}}), there = toVector(Lanes{emit.add(quotient, up ? 1 : -1), 0, {}});
  return {{}, 0, arith::SelectOp::create(emit, left, there, here)};
}

void LaneCode::emitLoad(memref::LoadOp op) {
  MemRefType memory = op.getMemRefType();
  VectorType type = emit.vectorOf(lanes, memory.getElementType());
  SmallVector<Lanes> subscripts = llvm::map_to_vector(op.getIndices(), [&](Value index) { return lookup(index); });
  bool consecutive = hasUnitStride(memory) && subscripts.back().scalar && subscripts.back().stride == 1 &&
                     llvm::all_of(ArrayRef(subscripts).drop_back(), [](Lanes const &l) { return l.isUniform(); });
  // A vector of i1 is packed in memory, a buffer of i1 is not.
  if (!consecutive || memory.getElementType().isInteger(1)) {
    values[op.getResult()] = {{}, 0, gather(op, type)};
    return;
  }
  SmallVector<Value> first = llvm::map_to_vector(subscripts, [](Lanes const &l) { return l.scalar; });
  Value buffer = lookup(op.getMemRef()).scalar;
  Value result;
  if (mask)
    result = vector::MaskedLoadOp::create(emit, type, buffer, first, mask,
                                          arith::ConstantOp::create(emit, emit.getZeroAttr(type)));
  else
    result = vector::LoadOp::create(emit, type, buffer, first);
  values[op.getResult()] = {{}, 0, result};
}

/// Lane by lane, each only if it is on.
Value LaneCode::gather(memref::LoadOp op, VectorType type) {
  Value result = arith::ConstantOp::create(emit, emit.getZeroAttr(type));
  Value buffer = lookup(op.getMemRef()).scalar;
  SmallVector<Value> vectors(op.getIndices().size());
  for (auto [vector, index] : llvm::zip_equal(vectors, op.getIndices()))
    if (!lookup(index).scalar)
      vector = toVector(index);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> subscripts;
    for (auto [vector, index] : llvm::zip_equal(vectors, op.getIndices())) {
      Lanes value = lookup(index);
      subscripts.push_back(vector ? Value(vector::ExtractOp::create(emit, vector, lane))
                                  : emit.add(value.scalar, value.stride * lane));
    }
    auto load = [&]() -> Value {
      Value element = memref::LoadOp::create(emit, buffer, subscripts);
      return vector::InsertOp::create(emit, element, result, lane);
    };
    if (!mask) {
      result = load();
      continue;
    }
    Value on = vector::ExtractOp::create(emit, mask, lane);
    auto branch = scf::IfOp::create(emit, TypeRange(type), on, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(emit, load());
    emit.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(emit, result);
    result = branch.getResult(0);
  }
  return result;
}

void LaneCode::emitFor(scf::ForOp op) {
  auto bring = [&](Value value, Value like) {
    return analysis.isVarying(like) ? toVector(value) : lookup(value).scalar;
  };
  SmallVector<Value> inits;
  for (auto [init, argument] : llvm::zip_equal(op.getInitArgs(), op.getRegionIterArgs()))
    inits.push_back(bring(init, argument));
  auto loop = scf::ForOp::create(emit, lookup(op.getLowerBound()).scalar, lookup(op.getUpperBound()).scalar,
                                 lookup(op.getStep()).scalar, inits);
  bindUniform(op.getInductionVar(), loop.getInductionVar());
  auto bind = [&](Value from, Value to) {
    if (analysis.isVarying(from))
      bindVector(from, to);
    else
      bindUniform(from, to);
  };
  {
    OpBuilder::InsertionGuard guard(emit);
    for (auto [from, to] : llvm::zip_equal(op.getRegionIterArgs(), loop.getRegionIterArgs()))
      bind(from, to);
    if (inits.empty())
      emit.setInsertionPoint(loop.getBody()->getTerminator());
    else
      emit.setInsertionPointToStart(loop.getBody());
    emitBlock(*op.getBody());
    SmallVector<Value> results;
    for (auto [value, argument] : llvm::zip_equal(op.getBody()->getTerminator()->getOperands(), op.getRegionIterArgs()))
      results.push_back(bring(value, argument));
    if (!inits.empty())
      scf::YieldOp::create(emit, results);
  }
  for (auto [from, to] : llvm::zip_equal(op.getResults(), loop.getResults()))
    bind(from, to);
}

void LaneCode::emitIf(scf::IfOp op) {
  if (op.getNumResults() == 0)
    return; // nothing in it can have an effect
  bool varying = analysis.isVarying(op.getCondition());
  Value condition = varying ? toVector(op.getCondition()) : lookup(op.getCondition()).scalar;
  SmallVector<Type> types;
  for (Value result : op.getResults())
    types.push_back(analysis.isVarying(result) ? Type(emit.vectorOf(lanes, result.getType())) : result.getType());
  auto yieldBlock = [&](Block &block) {
    emitBlock(block);
    SmallVector<Value> results;
    for (auto [value, result] : llvm::zip_equal(block.getTerminator()->getOperands(), op.getResults()))
      results.push_back(analysis.isVarying(result) ? toVector(value) : lookup(value).scalar);
    scf::YieldOp::create(emit, results);
  };
  auto record = [&](ValueRange results) {
    for (auto [from, to] : llvm::zip_equal(op.getResults(), results))
      values[from] = analysis.isVarying(from) ? Lanes{{}, 0, to} : Lanes{to, 0, {}};
  };
  if (!varying) {
    auto branch = scf::IfOp::create(emit, types, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPointToStart(branch.thenBlock());
    yieldBlock(*op.thenBlock());
    emit.setInsertionPointToStart(branch.elseBlock());
    yieldBlock(*op.elseBlock());
    return record(branch.getResults());
  }
  // Each side runs if any lane wants it, with the other lanes off.
  Value outer = mask;
  auto side = [&](Block &block, Value wanted) {
    mask = outer ? Value(arith::AndIOp::create(emit, outer, wanted)) : wanted;
    Value any = vector::ReductionOp::create(emit, vector::CombiningKind::OR, mask);
    auto branch = scf::IfOp::create(emit, types, any, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPointToStart(branch.thenBlock());
    yieldBlock(block);
    emit.setInsertionPointToStart(branch.elseBlock());
    SmallVector<Value> zeros = llvm::map_to_vector(
        types, [&](Type type) -> Value { return arith::ConstantOp::create(emit, emit.getZeroAttr(type)); });
    scf::YieldOp::create(emit, zeros);
    return SmallVector<Value>(branch.getResults());
  };
  SmallVector<Value> taken = side(*op.thenBlock(), condition);
  Value ones = arith::ConstantOp::create(emit, DenseElementsAttr::get(cast<VectorType>(condition.getType()), true));
  SmallVector<Value> other = side(*op.elseBlock(), arith::XOrIOp::create(emit, condition, ones));
  mask = outer;
  SmallVector<Value> results;
  for (auto [a, b] : llvm::zip_equal(taken, other))
    results.push_back(arith::SelectOp::create(emit, condition, a, b));
  record(results);
}

} // namespace heed::kernels
