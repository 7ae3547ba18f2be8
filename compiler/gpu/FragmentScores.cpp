// FragmentScores.cpp - scores and the online softmax on elements in registers.
#include "compiler/gpu/FragmentScores.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace heed::device {

static constexpr float infinity = std::numeric_limits<float>::infinity();
static constexpr float log2e = 1.44269504f;

/// Whether the region can be computed for any indices: it reads nothing and cannot fail.
static bool canBeComputedAnywhere(Region &region) {
  return !region.walk([](Operation *op) {
                 bool fine = op->hasTrait<OpTrait::IsTerminator>() || isPure(op);
                 return fine ? WalkResult::advance() : WalkResult::interrupt();
               }).wasInterrupted();
}

FragmentScores::FragmentScores(Emit &emit, ir::AttentionOp op, kernels::QueryBlock const &queries,
                               domain::Sweep const &sweep, ArrayRef<Value> domainSymbols, FragmentMap const &map)
    : emit(emit), core(emit), op(op), queries(queries), sweep(sweep), domainSymbols(domainSymbols), map(map),
      form(kernels::ScoreForm::of(op)), scalesLate(false),
      isPure(canBeComputedAnywhere(op.getScore()) && canBeComputedAnywhere(op.getDomain())) {
  rowCount = queries.rows(emit);
  Value last = emit.sub(rowCount, emit.index(1));
  for (unsigned half = 0; half < 2; ++half) {
    Value at = emit.min(row(half), last);
    rowQueries.push_back(queries.batchOf(emit, at));
    rowQueries.back().push_back(queries.rowIndex(emit, at));
  }
  if (!form)
    return;
  for (unsigned half = 0; half < 2; ++half) {
    Value scale = emit.f32(op.getPlain() ? 1 : log2e);
    for (kernels::ScoreForm::Factor const &factor : form->factors) {
      Value by = kernels::evaluateUniform(emit, op.getScore(), factor.by, query(half).drop_back());
      scale = factor.divides ? emit.createOrFold<arith::DivFOp>(scale, by) : emit.createOrFold<arith::MulFOp>(scale, by);
    }
    scales.push_back(scale);
  }
  APFloat known(0.0f);
  scalesLate = !form->hasRest && !op.getPlain() && matchPattern(scales[0], m_ConstantFloat(&known)) &&
               known.isFiniteNonZero() && !known.isNegative();
}

FragmentScores::State FragmentScores::begin(kernels::SweepState const &before, bool isPart) {
  if (op.getPlain())
    return {};
  State state;
  SmallVector<Value, 2> totals;
  // One lane of a row starts with the whole total.
  Value first = emit.compare(arith::CmpIPredicate::eq, map.firstKey, emit.index(0)), zero = emit.f32(0);
  for (unsigned half = 0; half < 2; ++half) {
    Value maximum = emit.f32(-infinity), total = zero;
    if (before.maximum) {
      maximum = memref::LoadOp::create(emit, before.maximum, query(half));
      total = memref::LoadOp::create(emit, before.total, query(half));
    } else if (op.hasRest() && !isPart) {
      // As a key that was seen before all others and whose value is 0.
      maximum = scoreOfRest(emit, op, query(half)), total = emit.f32(1);
    }
    state.push_back(maximum);
    totals.push_back(arith::SelectOp::create(emit, first, total, zero));
  }
  state.append(totals);
  return state;
}

/// The score of a pair, times log2(e).
Value FragmentScores::score(ArrayRef<Value> pair, Value dot, unsigned half) {
  if (scalesLate)
    return dot;
  if (form && !form->hasRest)
    return arith::MulFOp::create(emit, dot, scales[half]);
  Region &region = op.getScore();
  SmallVector<Value> arguments(pair);
  if (dot)
    arguments.push_back(form ? emit.f32(0) : dot);
  Value score = kernels::evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), arguments);
  if (!op.getPlain())
    score = arith::MulFOp::create(emit, score, emit.f32(log2e));
  return form ? math::FmaOp::create(emit, dot, scales[half], score).getResult() : score;
}

SmallVector<Value> FragmentScores::scores(kernels::KeyTile const &keys, ArrayRef<Value> dots, bool masked) {
  SmallVector<Value> result;
  Value none = emit.f32(op.getPlain() ? 0 : -infinity);
  for (int64_t element = 0; element < map.elements(); ++element) {
    Value key = emit.add(map.firstKey, element / 4 * 8 + element % 2), dot = dots.empty() ? Value() : dots[element];
    unsigned half = element % 4 / 2;
    SmallVector<Value> pair(query(half));
    pair.push_back(queries.steps.key(emit, emit.add(keys.first, key)));
    if (!masked) {
      result.push_back(score(pair, dot, half));
    } else if (isPure) {
      Value visible = arith::AndIOp::create(emit, emit.less(key, keys.count), kernels::isInSweep(emit, op, sweep, domainSymbols, pair));
      result.push_back(arith::SelectOp::create(emit, visible, score(pair, dot, half), none));
    } else {
      // What the regions read may be out of bounds for other pairs.
      auto nothing = [&]() -> SmallVector<Value> { return {none}; };
      result.push_back(emit.choose(
          emit.less(key, keys.count), emit.getF32Type(),
          [&]() -> SmallVector<Value> {
            return emit.choose(
                kernels::isInSweep(emit, op, sweep, domainSymbols, pair), emit.getF32Type(), [&]() -> SmallVector<Value> { return {score(pair, dot, half)}; }, nothing);
          },
          nothing)[0]);
    }
  }
  return result;
}

/// Each of four chains has another one's time to wait for its result.
static Value inChains(ArrayRef<Value> values, llvm::function_ref<Value(Value, Value)> combine) {
  constexpr size_t chains = 4;
  SmallVector<Value> results(values.take_front(chains));
  for (size_t i = results.size(); i < values.size(); ++i)
    results[i % chains] = combine(results[i % chains], values[i]);
  Value result = results.front();
  for (Value next : ArrayRef(results).drop_front())
    result = combine(result, next);
  return result;
}

/// The four lanes of a row are neighbours, and all of them get the result.
Value FragmentScores::acrossRow(Value value, llvm::function_ref<Value(Value, Value)> combine) {
  for (int32_t distance : {1, 2})
    value = combine(value, core.exchange(value, distance));
  return value;
}

FragmentScores::Weights FragmentScores::weigh(kernels::KeyTile const &keys, ArrayRef<Value> dots, State const &before) {
  // A mask is needed only where a tile is cut by the domain or by the end of the keys; of rows that do not exist nothing is kept.
  Value whole = emit.compare(arith::CmpIPredicate::eq, keys.count, emit.index(map.keys));
  Weights weights;
  weights.values = emit.choose(
      arith::AndIOp::create(emit, whole, keys.full), SmallVector<Type>(map.elements(), emit.getF32Type()),
      [&] { return scores(keys, dots, /*masked=*/false); }, [&] { return scores(keys, dots, /*masked=*/true); });
  if (op.getPlain())
    return weights;
  auto larger = [&](Value a, Value b) { return core.larger(a, b); };
  auto plus = [&](Value a, Value b) -> Value { return arith::AddFOp::create(emit, a, b); };
  SmallVector<Value, 2> totals;
  for (unsigned half = 0; half < 2; ++half) {
    SmallVector<Value *> own;
    for (int64_t element = 0; element < map.elements(); ++element)
      if (element % 4 / 2 == half)
        own.push_back(&weights.values[element]);
    auto values = [&] { return llvm::map_to_vector(own, [](Value *value) { return *value; }); };
    Value largest = acrossRow(inChains(values(), larger), larger);
    if (scalesLate)
      largest = arith::MulFOp::create(emit, largest, scales[half]);
    Value now = larger(largest, before[half]);
    // Nothing seen yet: -inf - -inf would be NaN.
    Value nothing = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, now, emit.f32(-infinity));
    Value reference = arith::SelectOp::create(emit, nothing, emit.f32(0), now);
    Value minus = arith::NegFOp::create(emit, reference);
    for (Value *value : own) {
      Value power = scalesLate ? math::FmaOp::create(emit, *value, scales[half], minus).getResult()
                               : arith::AddFOp::create(emit, *value, minus).getResult();
      *value = core.exp2(power);
    }
    Value sum = inChains(values(), plus);
    Value factor = core.exp2(arith::SubFOp::create(emit, before[half], reference));
    weights.factors.push_back(factor);
    weights.state.push_back(now);
    totals.push_back(math::FmaOp::create(emit, before[2 + half], factor, sum));
  }
  weights.state.append(totals);
  return weights;
}

SmallVector<SmallVector<SmallVector<Value>>> FragmentScores::operands(ArrayRef<Value> weights, Type element, int parts) {
  SmallVector<SmallVector<SmallVector<Value>>> result(parts);
  SmallVector<Value> rest(weights);
  for (int part = 0; part < parts; ++part)
    for (int64_t group = 0; group < map.keys / 16; ++group) {
      SmallVector<Value> &operand = result[part].emplace_back();
      for (int64_t pair = 0; pair < 4; ++pair) {
        // Registers of the operand: rows g and g + 8 at keys 2 t, then at keys 8 + 2 t.
        Value *of = &rest[8 * group + 2 * pair];
        operand.push_back(core.pack(element, of[0], of[1]));
        if (part + 1 < parts)
          for (unsigned which = 0; which < 2; ++which)
            of[which] = arith::SubFOp::create(emit, of[which], core.unpack(element, operand.back(), which));
      }
    }
  return result;
}

SmallVector<Value> FragmentScores::end(State const &state, kernels::SweepState const &after) {
  if (op.getPlain())
    return {};
  auto plus = [&](Value a, Value b) -> Value { return arith::AddFOp::create(emit, a, b); };
  SmallVector<Value> result;
  for (unsigned half = 0; half < 2; ++half) {
    Value total = acrossRow(state[2 + half], plus);
    if (!after.maximum) {
      // A row without any key gives 0.
      Value empty = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, total, emit.f32(0)), one = emit.f32(1);
      result.push_back(arith::DivFOp::create(emit, one, arith::SelectOp::create(emit, empty, one, total)));
      continue;
    }
    Value first = emit.compare(arith::CmpIPredicate::eq, map.firstKey, emit.index(0));
    emit.branch(arith::AndIOp::create(emit, first, exists(half)), [&] {
      memref::StoreOp::create(emit, state[half], after.maximum, query(half));
      memref::StoreOp::create(emit, total, after.total, query(half));
    });
  }
  return result;
}

} // namespace heed::device
