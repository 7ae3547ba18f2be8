// KeyWalk.cpp - the formulas of domain::KeyBounds as index arithmetic.
#include "compiler/lower/kernels/KeyWalk.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {

KeyWalk::KeyWalk(Emit &emit, domain::Sweep const &sweep, Steps const &steps, ArrayRef<Value> symbols, Value rowBegin,
                 Value rowEnd)
    : emit(emit), sweep(sweep), steps(steps), domainSymbols(symbols) {
  SmallVector<Value> all = withRows(rowBegin, rowEnd);
  for (domain::Part const &part : sweep.parts) {
    visible.push_back(interval(part.visible, all));
    if (!part.violations) {
      violations.emplace_back();
      continue;
    }
    auto &own = violations.emplace_back(std::in_place);
    for (domain::KeyBounds const &violation : *part.violations)
      own->push_back(interval(violation, all));
  }
}

SmallVector<Value> KeyWalk::withRows(Value rowBegin, Value rowEnd) {
  SmallVector<Value> symbols = {rowBegin, rowEnd, steps.rowOffset, steps.keyOffset, steps.keys}; // as in SweepSymbol
  symbols.append(domainSymbols);
  return symbols;
}

static Value extreme(Emit &emit, AffineMap map, ValueRange symbols, bool largest) {
  SmallVector<Value> values = *affine::expandAffineMap(emit, emit.getLoc(), map, symbols);
  Value result = values.front();
  for (Value value : ArrayRef(values).drop_front())
    result = largest ? emit.max(result, value) : emit.min(result, value);
  return result;
}

Interval KeyWalk::interval(domain::KeyBounds const &bounds, SmallVector<Value> symbols) {
  for (domain::Range const &local : bounds.locals) {
    Value low = extreme(emit, local.lower, symbols, true), high = extreme(emit, local.upper, symbols, false);
    symbols.append({low, high});
  }
  Value begin = extreme(emit, bounds.keys.lower, symbols, true);
  Value end = emit.add(extreme(emit, bounds.keys.upper, symbols, false), 1);
  for (AffineExpr guard : bounds.guards) {
    AffineMap map = AffineMap::get(0, symbols.size(), guard);
    Value value = affine::expandAffineMap(emit, emit.getLoc(), map, symbols)->front();
    Value holds = emit.compare(arith::CmpIPredicate::sge, value, emit.index(0));
    end = emit.createOrFold<arith::SelectOp>(holds, end, emit.index(0));
  }
  return {begin, end};
}

void KeyWalk::tiles(int64_t step, llvm::function_ref<void(Value begin, Value end)> body) {
  auto clipped = [&](Value begin, Value end) { return emit.min(emit.add(begin, step), end); };
  if (visible.size() == 1) {
    Interval keys = visible.front();
    return emit.loop(keys.begin, keys.end, step, [&](Value begin) { body(begin, clipped(begin, keys.end)); });
  }
  // The next key that some interval holds, up to the end of the intervals that hold it: no key comes twice, whatever the
  // intervals share.
  Value none = steps.keys, zero = emit.index(0);
  SmallVector<Interval> ordered;
  for (Interval keys : visible) // an empty interval must not look as if it held what lies in front of its end
    ordered.push_back(
        {keys.begin, arith::SelectOp::create(emit, emit.less(keys.begin, keys.end), keys.end, zero).getResult()});
  auto next = [&](Value position) {
    Value begin = none;
    for (Interval keys : ordered) {
      Value candidate = emit.max(position, keys.begin);
      candidate = arith::SelectOp::create(emit, emit.less(position, keys.end), candidate, none);
      begin = emit.min(begin, candidate);
    }
    return begin;
  };
  auto loop = scf::WhileOp::create(
      emit, TypeRange(emit.getIndexType()), ValueRange(zero),
      [&](OpBuilder &, Location, ValueRange arguments) {
        Value begin = next(arguments[0]);
        scf::ConditionOp::create(emit, emit.less(begin, none), begin);
      },
      [&](OpBuilder &, Location, ValueRange arguments) {
        Value begin = arguments[0], end = zero;
        for (Interval keys : ordered) {
          Value holds = emit.compare(arith::CmpIPredicate::sle, keys.begin, begin);
          end = emit.max(end, arith::SelectOp::create(emit, holds, keys.end, zero).getResult());
        }
        end = clipped(begin, end);
        body(begin, end);
        scf::YieldOp::create(emit, end);
      });
  (void)loop;
}

Value KeyWalk::isFull(Value begin, Value end) {
  Value full = arith::ConstantOp::create(emit, emit.getBoolAttr(false));
  if (!sweep.skipped.empty())
    return full;
  for (std::optional<SmallVector<Interval>> const &part : violations) {
    if (!part)
      continue;
    Value all = arith::ConstantOp::create(emit, emit.getBoolAttr(true));
    for (Interval keys : *part) {
      // Disjoint: the common part of both is empty.
      Value common = emit.compare(arith::CmpIPredicate::sle, emit.min(keys.end, end), emit.max(keys.begin, begin));
      all = emit.createOrFold<arith::AndIOp>(all, common);
    }
    full = emit.createOrFold<arith::OrIOp>(full, all);
  }
  return full;
}

Interval KeyWalk::hull(Value rowBegin, Value rowEnd, Value begin, Value end) {
  SmallVector<Value> symbols = withRows(rowBegin, rowEnd);
  Interval hull{end, begin};
  for (domain::Part const &part : sweep.parts) {
    Interval keys = interval(part.visible, symbols);
    Value from = emit.max(keys.begin, begin), to = emit.min(keys.end, end);
    if (sweep.parts.size() == 1)
      return {from, to};
    Value some = emit.less(from, to);
    hull.begin = emit.min(hull.begin, arith::SelectOp::create(emit, some, from, end));
    hull.end = emit.max(hull.end, arith::SelectOp::create(emit, some, to, begin));
  }
  return hull;
}

} // namespace heed::kernels
