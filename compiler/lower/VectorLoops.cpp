// VectorLoops.cpp - emits the loops that a LoopPlan describes.
#include "compiler/lower/VectorLoops.h"

#include "compiler/lower/VectorBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heed {

VectorLoops::VectorLoops(OpBuilder &builder, linalg::GenericOp op, LoopPlan const &plan)
    : builder(builder), op(op), plan(plan), loc(op.getLoc()) {
  for (Range range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(builder, loc))
    extents.push_back(getValueOrCreateConstantIndexOp(builder, loc, range.size));
  position.resize(extents.size());
}

Value VectorLoops::constant(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }

/// Parallel loops, then the vector dimension, then whatever is reduced.
void VectorLoops::emitSome(unsigned level, std::optional<unsigned> ranged, Value begin, Value end) {
  if (level == plan.parallel.size()) {
    if (!plan.vectorDim)
      return emitPoint(1, {});
    if (plan.vectorIsReduction)
      return emitHorizontal();
    if (ranged == plan.vectorDim)
      return emitVectorDim(begin, end);
    return emitVectorDim(constant(0), extents[*plan.vectorDim]);
  }
  unsigned dim = plan.parallel[level];
  bool here = ranged == dim;
  auto loop = scf::ForOp::create(builder, loc, here ? begin : constant(0), here ? end : extents[dim], constant(1));
  position[dim] = loop.getInductionVar();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  emitSome(level + 1, ranged, begin, end);
}

/// Whole groups of vectors, whole vectors, then a masked one.
void VectorLoops::emitVectorDim(Value begin, Value end) {
  unsigned dim = *plan.vectorDim;
  Value from = begin;
  auto emitWhole = [&](int64_t copies) {
    Value step = constant(copies * plan.lanes);
    Value span = builder.createOrFold<arith::SubIOp>(loc, end, from);
    Value whole = builder.createOrFold<arith::SubIOp>(loc, span, builder.createOrFold<arith::RemUIOp>(loc, span, step));
    Value until = builder.createOrFold<arith::AddIOp>(loc, from, whole);
    if (getConstantIntValue(whole) != 0) {
      auto loop = scf::ForOp::create(builder, loc, from, until, step);
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(loop.getBody());
      position[dim] = loop.getInductionVar();
      emitPoint(copies, {});
    }
    from = until;
  };
  if (plan.interleave > 1)
    emitWhole(plan.interleave);
  emitWhole(1);
  Value left = builder.createOrFold<arith::SubIOp>(loc, end, from);
  if (getConstantIntValue(left) == 0)
    return;
  Value some = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sgt, left, constant(0));
  auto guarded = scf::IfOp::create(builder, loc, some, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(guarded.thenBlock());
  position[dim] = from;
  auto maskType = VectorType::get({plan.lanes}, builder.getI1Type());
  emitPoint(1, vector::CreateMaskOp::create(builder, loc, maskType, left));
}

SmallVector<LaneValue> VectorLoops::pointOf(Lanes &lanes, int64_t copy) {
  SmallVector<LaneValue> point;
  for (auto [dim, value] : llvm::enumerate(position)) {
    if (plan.vectorDim != dim) {
      point.push_back(LaneValue::uniform(value));
      continue;
    }
    Value first = builder.createOrFold<arith::AddIOp>(loc, value, constant(copy * plan.lanes));
    point.push_back({first, 1, {}});
  }
  return point;
}

SmallVector<LaneValue> VectorLoops::subscripts(Lanes &lanes, OpOperand &operand, ArrayRef<LaneValue> point) {
  return llvm::map_to_vector(op.getMatchingIndexingMap(&operand).getResults(),
                             [&](AffineExpr expression) { return lanes.apply(expression, point); });
}

SmallVector<LaneValue> VectorLoops::emitBody(Lanes &lanes, ArrayRef<LaneValue> point, ArrayRef<LaneValue> outputs) {
  VectorBody body(lanes, point);
  for (OpOperand *input : op.getDpsInputOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(input);
    if (argument.use_empty())
      continue;
    bool isBuffer = isa<MemRefType>(input->get().getType());
    body.map(argument,
             isBuffer ? lanes.load(input->get(), subscripts(lanes, *input, point)) : LaneValue::uniform(input->get()));
  }
  for (auto [argument, value] : llvm::zip_equal(op.getRegionOutputArgs(), outputs))
    body.map(argument, value);
  return body.emit(*op.getBody());
}

VectorLoops::Carried VectorLoops::emitReductions(unsigned level, Carried carried, function_ref<Carried(Carried)> body) {
  if (level == plan.reductions.size())
    return body(carried);
  unsigned dim = plan.reductions[level];
  auto loop = scf::ForOp::create(builder, loc, constant(0), extents[dim], constant(1), carried,
                                 [](OpBuilder &, Location, Value, ValueRange) {});
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  position[dim] = loop.getInductionVar();
  Carried next = emitReductions(level + 1, Carried(loop.getRegionIterArgs()), body);
  builder.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(builder, loc, next);
  return Carried(loop.getResults());
}

/// Output elements of one position, or of `copies` vectors: their reductions stay in registers.
void VectorLoops::emitPoint(int64_t copies, Value mask) {
  Lanes lanes(builder, loc, plan.lanes);
  lanes.mask = mask;
  MutableArrayRef<OpOperand> inits = op.getDpsInitsMutable();
  // An output's map uses no reduced dimension, so any position of those will do.
  for (unsigned dim : plan.reductions)
    position[dim] = constant(0);
  SmallVector<SmallVector<LaneValue>> places;
  Carried accumulators;
  for (int64_t copy = 0; copy < copies; ++copy) {
    SmallVector<LaneValue> point = pointOf(lanes, copy);
    for (OpOperand &init : inits) {
      places.push_back(subscripts(lanes, init, point));
      if (!plan.reductions.empty())
        accumulators.push_back(lanes.carried(lanes.load(init.get(), places.back())));
    }
  }
  Carried results = emitReductions(0, accumulators, [&](Carried current) {
    Carried next;
    for (int64_t copy = 0; copy < copies; ++copy) {
      SmallVector<LaneValue> point = pointOf(lanes, copy), outputs;
      for (auto [number, init] : llvm::enumerate(inits)) {
        if (!plan.reductions.empty())
          outputs.push_back(lanes.fromCarried(current[copy * inits.size() + number]));
        else if (op.payloadUsesValueFromOperand(&init))
          outputs.push_back(lanes.load(init.get(), places[copy * inits.size() + number]));
        else
          outputs.push_back({});
      }
      for (LaneValue value : emitBody(lanes, point, outputs))
        next.push_back(lanes.carried(value));
    }
    return next;
  });
  for (auto [number, value] : llvm::enumerate(results))
    lanes.store(lanes.fromCarried(value), inits[number % inits.size()].get(), places[number]);
}

Value VectorLoops::combine(Combiner const &combiner, Value left, Value right) {
  OperationState state(loc, combiner.op->getName().getStringRef(), {left, right}, {left.getType()},
                       combiner.op->getAttrs());
  state.propertiesAttr = combiner.op->getPropertiesAsAttribute();
  return builder.create(state)->getResult(0);
}

/// Halves are combined until one element is left: an order that no later pass may change.
Value VectorLoops::emitVectorReduction(Lanes &lanes, Combiner const &combiner, Value value) {
  for (int64_t width = lanes.count / 2; width > 0; width /= 2) {
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, width)),
                         high = llvm::to_vector(llvm::seq<int64_t>(width, 2 * width));
    Value first = vector::ShuffleOp::create(builder, loc, value, value, low);
    Value second = vector::ShuffleOp::create(builder, loc, value, value, high);
    value = combine(combiner, first, second);
  }
  return vector::ExtractOp::create(builder, loc, value, ArrayRef<int64_t>{0});
}

/// The vector dimension is reduced: several accumulators per output, combined at the end.
void VectorLoops::emitHorizontal() {
  unsigned dim = *plan.vectorDim;
  Lanes lanes(builder, loc, plan.lanes);
  MutableArrayRef<OpOperand> inits = op.getDpsInitsMutable();
  Carried accumulators;
  for (int64_t copy = 0; copy < plan.interleave; ++copy)
    for (Combiner const &combiner : plan.combiners)
      accumulators.push_back(
          lanes.vector(LaneValue::uniform(arith::ConstantOp::create(builder, loc, combiner.neutral))));

  auto step = [&](Carried current, int64_t copies) {
    for (int64_t copy = 0; copy < copies; ++copy) {
      SmallVector<LaneValue> outputs;
      for (unsigned number = 0; number < inits.size(); ++number)
        outputs.push_back(LaneValue::varying(current[copy * inits.size() + number]));
      for (auto [number, value] : llvm::enumerate(emitBody(lanes, pointOf(lanes, copy), outputs)))
        current[copy * inits.size() + number] = lanes.vector(value);
    }
    return current;
  };
  Carried results = emitReductions(0, accumulators, [&](Carried current) {
    Value from = constant(0), end = extents[dim];
    auto emitWhole = [&](int64_t copies) {
      Value stride = constant(copies * plan.lanes);
      Value span = builder.createOrFold<arith::SubIOp>(loc, end, from);
      Value whole =
          builder.createOrFold<arith::SubIOp>(loc, span, builder.createOrFold<arith::RemUIOp>(loc, span, stride));
      Value until = builder.createOrFold<arith::AddIOp>(loc, from, whole);
      if (getConstantIntValue(whole) != 0) {
        auto loop = scf::ForOp::create(builder, loc, from, until, stride, current,
                                       [](OpBuilder &, Location, Value, ValueRange) {});
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToStart(loop.getBody());
        position[dim] = loop.getInductionVar();
        Carried next = step(Carried(loop.getRegionIterArgs()), copies);
        builder.setInsertionPointToEnd(loop.getBody());
        scf::YieldOp::create(builder, loc, next);
        current = Carried(loop.getResults());
      }
      from = until;
    };
    if (plan.interleave > 1)
      emitWhole(plan.interleave);
    emitWhole(1);
    Value left = builder.createOrFold<arith::SubIOp>(loc, end, from);
    if (getConstantIntValue(left) == 0)
      return current;
    Value some = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sgt, left, constant(0));
    Carried first(ArrayRef<Value>(current).take_front(inits.size()));
    auto guarded = scf::IfOp::create(builder, loc, ValueRange(first).getTypes(), some, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(guarded.elseBlock());
    scf::YieldOp::create(builder, loc, first);
    builder.setInsertionPointToStart(guarded.thenBlock());
    position[dim] = from;
    lanes.mask = vector::CreateMaskOp::create(builder, loc, VectorType::get({plan.lanes}, builder.getI1Type()), left);
    Carried next = step(first, 1);
    for (auto [value, before] : llvm::zip_equal(next, first))
      value = arith::SelectOp::create(builder, loc, lanes.mask, value, before);
    scf::YieldOp::create(builder, loc, next);
    lanes.mask = {};
    llvm::copy(guarded.getResults(), current.begin());
    return current;
  });

  position[dim] = constant(0);
  for (unsigned reduced : plan.reductions)
    position[reduced] = constant(0);
  Lanes scalar(builder, loc, 0);
  for (auto [number, init] : llvm::enumerate(inits)) {
    Combiner const &combiner = plan.combiners[number];
    SmallVector<Value> parts;
    for (int64_t copy = 0; copy < plan.interleave; ++copy)
      parts.push_back(results[copy * inits.size() + number]);
    for (size_t width = parts.size() / 2; width > 0; width /= 2)
      for (size_t part = 0; part < width; ++part)
        parts[part] = combine(combiner, parts[part], parts[part + width]);
    Value total = emitVectorReduction(lanes, combiner, parts.front());
    SmallVector<LaneValue> point = llvm::map_to_vector(position, [](Value value) { return LaneValue::uniform(value); });
    SmallVector<LaneValue> place = subscripts(scalar, init, point);
    LaneValue before = scalar.load(init.get(), place);
    scalar.store(LaneValue::uniform(combine(combiner, before.base, total)), init.get(), place);
  }
}

} // namespace heed
