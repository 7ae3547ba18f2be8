// LaneMasks.cpp - conditions on consecutive indices are ranges of lanes, and become a mask once, at the end.
#include "compiler/lower/kernels/LaneCode.h"

using namespace mlir;

namespace heed::kernels {

/// One comparison for both ends: logic of masks is slow where these are vectors like others (AVX2).
Value LaneCode::maskOf(Value begin, Value end) {
  Value none = emit.index(0), all = emit.index(lanes);
  bool fromFirst = constantOf(begin) == 0, toLast = constantOf(end) == lanes;
  begin = emit.min(emit.max(begin, none), all);
  end = emit.min(end, all);
  SmallVector<int32_t> numbers = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
  Value lane = arith::ConstantOp::create(
      emit, DenseElementsAttr::get(emit.vectorOf(lanes, emit.getI32Type()), ArrayRef<int32_t>(numbers)));
  auto broadcast = [&](Value number) {
    return emit.broadcast(lanes, emit.createOrFold<arith::IndexCastOp>(emit.getI32Type(), number));
  };
  using Predicate = arith::CmpIPredicate;
  if (toLast)
    return arith::CmpIOp::create(emit, Predicate::sge, lane, broadcast(begin));
  if (fromFirst)
    return arith::CmpIOp::create(emit, Predicate::slt, lane, broadcast(emit.max(end, none)));
  // lane - begin < count as numbers without sign; lanes before the first are then far above it.
  Value count = emit.max(emit.sub(end, begin), none);
  return arith::CmpIOp::create(emit, Predicate::ult, arith::SubIOp::create(emit, lane, broadcast(begin)), broadcast(count));
}

/// Of numbers with a common distance from lane to lane; nullopt: these are none.
std::optional<LaneCode::Lanes> LaneCode::compare(arith::CmpIPredicate predicate, Lanes const &a, Lanes const &b) {
  using Predicate = arith::CmpIPredicate;
  if (!a.scalar || !b.scalar ||
      !llvm::is_contained(
          {Predicate::eq, Predicate::ne, Predicate::slt, Predicate::sle, Predicate::sgt, Predicate::sge}, predicate))
    return std::nullopt;
  int64_t stride = a.stride - b.stride;
  if (stride == 0)
    return Lanes{emit.compare(predicate, a.scalar, b.scalar), 0, {}};
  bool equality = predicate == Predicate::eq || predicate == Predicate::ne;
  if (std::abs(stride) != 1 && equality)
    return std::nullopt;
  // |stride| * lane ? bound, where bound = +-(b - a).
  Value bound = stride > 0 ? emit.sub(b.scalar, a.scalar) : emit.sub(a.scalar, b.scalar);
  bool isUpper = predicate == Predicate::slt || predicate == Predicate::sle;
  bool isStrict = predicate == Predicate::slt || predicate == Predicate::sgt;
  if (stride < 0)
    isUpper = !isUpper;
  if (std::abs(stride) != 1) {
    Value step = emit.index(std::abs(stride));
    bool up = isUpper == isStrict;
    bound = up ? emit.createOrFold<arith::CeilDivSIOp>(bound, step) : emit.createOrFold<arith::FloorDivSIOp>(bound, step);
  }
  // Beyond the lanes on either side its exact value does not matter, and the next one must exist.
  auto next = [&] { return emit.add(emit.min(emit.max(bound, emit.index(-1)), emit.index(lanes - 1)), 1); };
  if (equality) {
    Value vector = maskOf(bound, next());
    Value ones = arith::ConstantOp::create(emit, DenseElementsAttr::get(cast<VectorType>(vector.getType()), true));
    return Lanes{{}, 0, predicate == Predicate::eq ? vector : arith::XOrIOp::create(emit, vector, ones)};
  }
  if (isUpper)
    return Lanes{{}, 0, {}, emit.index(0), isStrict ? bound : next()};
  return Lanes{{}, 0, {}, isStrict ? next() : bound, emit.index(lanes)};
}

bool LaneCode::emitComparison(Operation &op) {
  auto comparison = dyn_cast<arith::CmpIOp>(op);
  if (!comparison || !comparison.getLhs().getType().isIndex())
    return false;
  auto result = compare(comparison.getPredicate(), lookup(comparison.getLhs()), lookup(comparison.getRhs()));
  if (result)
    values[comparison.getResult()] = *result;
  return result.has_value();
}

LaneCode::Lanes LaneCode::both(Lanes const &a, Lanes const &b) {
  if (b.begin && !a.begin)
    return both(b, a);
  if (a.begin && b.begin)
    return {{}, 0, {}, emit.max(a.begin, b.begin), emit.min(a.end, b.end)};
  if (a.begin && b.isUniform())
    return {{}, 0, {}, a.begin, emit.createOrFold<arith::SelectOp>(b.scalar, a.end, emit.index(0))};
  if (a.isUniform() && b.isUniform())
    return {emit.createOrFold<arith::AndIOp>(a.scalar, b.scalar), 0, {}};
  return {{}, 0, emit.createOrFold<arith::AndIOp>(toVector(a), toVector(b))};
}

LaneCode::Lanes LaneCode::either(Lanes const &a, Lanes const &b) {
  if (b.begin && !a.begin)
    return either(b, a);
  if (a.isUniform() && b.isUniform())
    return {emit.createOrFold<arith::OrIOp>(a.scalar, b.scalar), 0, {}};
  if (!a.begin || !b.isUniform())
    return {{}, 0, emit.createOrFold<arith::OrIOp>(toVector(a), toVector(b))};
  return {{}, 0, {}, emit.createOrFold<arith::SelectOp>(b.scalar, emit.index(0), a.begin),
          emit.createOrFold<arith::SelectOp>(b.scalar, emit.index(lanes), a.end)};
}

bool LaneCode::emitLogic(Operation &op) {
  if (!isa<arith::AndIOp, arith::OrIOp>(op) || !op.getResult(0).getType().isInteger(1))
    return false;
  Lanes a = lookup(op.getOperand(0)), b = lookup(op.getOperand(1));
  values[op.getResult(0)] = isa<arith::AndIOp>(op) ? both(a, b) : either(a, b);
  return true;
}

LaneCode::Lanes LaneCode::compareWithZero(arith::CmpIPredicate predicate, AffineMap map, ArrayRef<Value> operands) {
  Lanes number = affine(map, operands), zero = {emit.index(0), 0, {}};
  if (std::optional<Lanes> condition = compare(predicate, number, zero))
    return *condition;
  return {{}, 0, arith::CmpIOp::create(emit, predicate, toVector(number), toVector(zero))};
}

LaneCode::Lanes LaneCode::runCondition(Block &block) {
  emitBlock(block);
  return lookup(block.getTerminator()->getOperand(0));
}

} // namespace heed::kernels
