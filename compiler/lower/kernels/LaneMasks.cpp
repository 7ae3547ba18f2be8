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

bool LaneCode::emitComparison(Operation &op) {
  auto compare = dyn_cast<arith::CmpIOp>(op);
  if (!compare || !compare.getLhs().getType().isIndex())
    return false;
  Lanes a = lookup(compare.getLhs()), b = lookup(compare.getRhs());
  if (!a.scalar || !b.scalar)
    return false;
  using Predicate = arith::CmpIPredicate;
  Predicate predicate = compare.getPredicate();
  if (!llvm::is_contained(
          {Predicate::eq, Predicate::ne, Predicate::slt, Predicate::sle, Predicate::sgt, Predicate::sge}, predicate))
    return false;
  Lanes &result = values[compare.getResult()];
  int64_t stride = a.stride - b.stride;
  if (stride == 0) {
    result = {emit.compare(predicate, a.scalar, b.scalar), 0, {}};
    return true;
  }
  bool equality = predicate == Predicate::eq || predicate == Predicate::ne;
  if (std::abs(stride) != 1 && equality)
    return false;
  // |stride| * lane ? bound, where bound = +-(b - a).
  Value bound = stride > 0 ? emit.sub(b.scalar, a.scalar) : emit.sub(a.scalar, b.scalar);
  bool isUpper = predicate == Predicate::slt || predicate == Predicate::sle;
  bool isStrict = predicate == Predicate::slt || predicate == Predicate::sgt;
  if (stride < 0 && !equality)
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
    result = {{}, 0, predicate == Predicate::eq ? vector : arith::XOrIOp::create(emit, vector, ones)};
  } else if (isUpper) {
    result = {{}, 0, {}, emit.index(0), isStrict ? bound : next()};
  } else {
    result = {{}, 0, {}, isStrict ? next() : bound, emit.index(lanes)};
  }
  return true;
}

std::optional<LaneCode::Lanes> LaneCode::both(Lanes const &a, Lanes const &b) {
  if (a.begin && b.begin)
    return Lanes{{}, 0, {}, emit.max(a.begin, b.begin), emit.min(a.end, b.end)};
  if (a.begin && b.isUniform())
    return Lanes{{}, 0, {}, a.begin, emit.createOrFold<arith::SelectOp>(b.scalar, a.end, emit.index(0))};
  return std::nullopt;
}

std::optional<LaneCode::Lanes> LaneCode::either(Lanes const &a, Lanes const &b) {
  if (!a.begin || !b.isUniform())
    return std::nullopt;
  return Lanes{{}, 0, {}, emit.createOrFold<arith::SelectOp>(b.scalar, emit.index(0), a.begin),
               emit.createOrFold<arith::SelectOp>(b.scalar, emit.index(lanes), a.end)};
}

bool LaneCode::emitLogic(Operation &op) {
  if (!isa<arith::AndIOp, arith::OrIOp>(op) || !op.getResult(0).getType().isInteger(1))
    return false;
  Lanes a = lookup(op.getOperand(0)), b = lookup(op.getOperand(1));
  if (!a.begin)
    std::swap(a, b);
  std::optional<Lanes> result = isa<arith::AndIOp>(op) ? both(a, b) : either(a, b);
  if (result)
    values[op.getResult(0)] = *result;
  return result.has_value();
}

Value LaneCode::runCondition(Block &block, Value count) {
  emitBlock(block);
  Lanes condition = lookup(block.getTerminator()->getOperand(0));
  if (!count)
    return toVector(condition);
  Lanes exist = {{}, 0, {}, emit.index(0), count};
  if (std::optional<Lanes> result = both(exist, condition))
    return toVector(*result);
  return arith::AndIOp::create(emit, toVector(exist), toVector(condition));
}

} // namespace heed::kernels
