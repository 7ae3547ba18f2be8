// VectorBody.cpp - the scalar body of a linalg operation, emitted for all lanes of a vector at once.
#include "compiler/lower/VectorBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace heed {

static bool isIntegerDivision(Operation &op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::FloorDivSIOp, arith::CeilDivSIOp,
             arith::CeilDivUIOp>(op);
}

Operation *findUnvectorisable(Block &body) {
  for (Operation &op : body) {
    if (op.hasTrait<OpTrait::IsTerminator>() || isa<linalg::IndexOp>(op))
      continue;
    for (Type type : op.getResultTypes())
      if (!type.isIntOrIndexOrFloat())
        return &op;
    if (auto branch = dyn_cast<scf::IfOp>(op)) {
      for (Region &region : branch->getRegions())
        if (!region.empty())
          if (Operation *found = findUnvectorisable(region.front()))
            return found;
      continue;
    }
    if (!op.hasTrait<OpTrait::ConstantLike>() && !isa<memref::LoadOp>(op) &&
        !OpTrait::hasElementwiseMappableTraits(&op))
      return &op;
  }
  return nullptr;
}

double costOf(Block &body) {
  double cost = 0;
  for (Operation &op : body) {
    for (Region &region : op.getRegions())
      for (Block &block : region)
        cost += costOf(block);
    if (isa<math::AbsFOp, math::FmaOp, math::FloorOp, math::CeilOp, math::RoundEvenOp>(op))
      cost += 1;
    else if (isa<math::MathDialect>(op.getDialect()))
      cost += 20;
    else if (isa<arith::DivFOp>(op) || isIntegerDivision(op))
      cost += 6;
    else if (isa<memref::LoadOp>(op))
      cost += 2;
    else if (!op.hasTrait<OpTrait::ConstantLike>())
      cost += 1;
  }
  return cost;
}

LaneValue VectorBody::lookup(Value value) {
  auto found = values.find(value);
  return found != values.end() ? found->second : LaneValue::uniform(value);
}

SmallVector<LaneValue> VectorBody::emit(Block &block) {
  for (Operation &op : block.without_terminator())
    emitOp(op);
  return llvm::map_to_vector(block.getTerminator()->getOperands(), [&](Value value) { return lookup(value); });
}

void VectorBody::emitOp(Operation &op) {
  if (auto index = dyn_cast<linalg::IndexOp>(op))
    return map(index.getResult(), indices[index.getDim()]);
  if (auto load = dyn_cast<memref::LoadOp>(op)) {
    SmallVector<LaneValue> subscripts =
        llvm::map_to_vector(load.getIndices(), [&](Value value) { return lookup(value); });
    return map(load.getResult(), lanes.load(lookup(load.getMemRef()).base, subscripts));
  }
  if (lanes.count > 0 && isa<scf::IfOp>(op))
    return emitIf(op);
  if (emitAddressArithmetic(op))
    return;
  bool uniform = llvm::all_of(op.getOperands(), [&](Value value) { return lookup(value).isUniform(); });
  // A division by zero traps, so it must not be executed for no lane.
  if (uniform && !(lanes.mayBeEmpty && isIntegerDivision(op)))
    return cloneUniform(op);
  emitElementwise(op);
}

/// Sums and constant multiples of subscripts keep their strides.
bool VectorBody::emitAddressArithmetic(Operation &op) {
  auto operand = [&](unsigned position) { return lookup(op.getOperand(position)); };
  if (isa<arith::AddIOp>(op))
    map(op.getResult(0), lanes.add(operand(0), operand(1)));
  else if (isa<arith::SubIOp>(op))
    map(op.getResult(0), lanes.subtract(operand(0), operand(1)));
  else if (isa<arith::MulIOp>(op))
    map(op.getResult(0), lanes.multiply(operand(0), operand(1)));
  else if (isa<arith::IndexCastOp>(op) && !operand(0).vector) {
    Value cast = arith::IndexCastOp::create(lanes.builder, lanes.loc, op.getResult(0).getType(), operand(0).base);
    map(op.getResult(0), {cast, operand(0).stride, {}});
  } else
    return false;
  return true;
}

void VectorBody::cloneUniform(Operation &op) {
  IRMapping mapping;
  auto mapOperand = [&](Value value) {
    if (auto found = values.find(value); found != values.end())
      mapping.map(value, found->second.base);
  };
  // Scalar code: regions come along whole, with what they use and the values of the dimensions.
  op.walk([&](Operation *nested) { llvm::for_each(nested->getOperands(), mapOperand); });
  Operation *clone = lanes.builder.clone(op, mapping);
  SmallVector<linalg::IndexOp> nestedIndices;
  clone->walk([&](linalg::IndexOp index) { nestedIndices.push_back(index); });
  for (linalg::IndexOp index : nestedIndices) {
    index.replaceAllUsesWith(indices[index.getDim()].base);
    index.erase();
  }
  for (auto [from, to] : llvm::zip_equal(op.getResults(), clone->getResults()))
    map(from, LaneValue::uniform(to));
}

void VectorBody::emitElementwise(Operation &op) {
  SmallVector<Value> operands =
      llvm::map_to_vector(op.getOperands(), [&](Value value) { return lanes.vector(lookup(value)); });
  if (lanes.mask && isIntegerDivision(op)) {
    auto type = cast<VectorType>(operands[1].getType());
    Value one = arith::ConstantOp::create(
        lanes.builder, lanes.loc,
        DenseElementsAttr::get(type, Attribute(lanes.builder.getIntegerAttr(type.getElementType(), 1))));
    operands[1] = arith::SelectOp::create(lanes.builder, lanes.loc, lanes.mask, operands[1], one);
  }
  SmallVector<Type> types =
      llvm::map_to_vector(op.getResultTypes(), [&](Type type) -> Type { return lanes.vectorOf(type); });
  OperationState state(op.getLoc(), op.getName().getStringRef(), operands, types, op.getAttrs());
  state.propertiesAttr = op.getPropertiesAsAttribute();
  Operation *emitted = lanes.builder.create(state);
  for (auto [from, to] : llvm::zip_equal(op.getResults(), emitted->getResults()))
    map(from, LaneValue::varying(to));
}

void VectorBody::emitIf(Operation &op) {
  auto branch = cast<scf::IfOp>(op);
  LaneValue condition = lookup(branch.getCondition());
  OpBuilder &builder = lanes.builder;
  Location loc = op.getLoc();
  if (condition.isUniform()) {
    SmallVector<Type> types =
        llvm::map_to_vector(op.getResultTypes(), [&](Type type) -> Type { return lanes.vectorOf(type); });
    auto emitted = scf::IfOp::create(builder, loc, types, condition.base, !branch.getElseRegion().empty());
    for (auto [from, to] : llvm::zip_equal(op.getRegions(), emitted->getRegions())) {
      if (from.empty())
        continue;
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(&to.front());
      SmallVector<LaneValue> results = emit(from.front());
      SmallVector<Value> yielded = llvm::map_to_vector(results, [&](LaneValue value) { return lanes.vector(value); });
      if (!yielded.empty())
        scf::YieldOp::create(builder, loc, yielded);
    }
    for (auto [from, to] : llvm::zip_equal(op.getResults(), emitted->getResults()))
      map(from, LaneValue::varying(to));
    return;
  }
  Value outerMask = lanes.mask;
  bool outerEmpty = lanes.mayBeEmpty;
  lanes.mayBeEmpty = true;
  auto emitSide = [&](Region &region, Value side) {
    lanes.mask = outerMask ? arith::AndIOp::create(builder, loc, outerMask, side).getResult() : side;
    return emit(region.front());
  };
  Value taken = lanes.vector(condition);
  SmallVector<LaneValue> thenResults = emitSide(branch.getThenRegion(), taken), elseResults;
  if (!branch.getElseRegion().empty()) {
    Value all =
        arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(cast<VectorType>(taken.getType()), true));
    elseResults = emitSide(branch.getElseRegion(), arith::XOrIOp::create(builder, loc, taken, all));
  }
  lanes.mask = outerMask;
  lanes.mayBeEmpty = outerEmpty;
  for (auto [result, first, second] : llvm::zip(op.getResults(), thenResults, elseResults)) {
    Value chosen = arith::SelectOp::create(builder, loc, taken, lanes.vector(first), lanes.vector(second));
    map(result, LaneValue::varying(chosen));
  }
}

} // namespace heed
