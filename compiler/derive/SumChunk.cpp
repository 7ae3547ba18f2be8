// SumChunk.cpp - definitions of a causal sum for one chunk of rows.
#include "compiler/derive/SumChunk.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {
namespace {

/// What a state costs beside its multiplications, in multiply-adds per element and chunk: it is packed, added to and stored.
constexpr double stateOverhead = 16;

/// Chunks cost C / 2 * (d + e) multiply-adds per row for pairs, and d * e * overhead / C for the passes over the state.
int64_t chunkRows(int64_t width, int64_t features) {
  double best = std::sqrt(2 * stateOverhead * width * features / double(width + features));
  return std::clamp<int64_t>(llvm::PowerOf2Ceil(uint64_t(best * 0.75)), 16, 128);
}
/// Where every pair has a decay per element of its product, pairs cost exponentials.
constexpr int64_t chunkRowsWithInnerPairs = 16;

} // namespace

SumChunk::SumChunk(CausalSum &match, OpBuilder &builder, Chunk const &chunk, ArrayRef<LocalRead> locals)
    : match(match), builder(builder), location(match.out.getLoc()), f32(builder.getF32Type()), chunk(chunk),
      factors(match, builder, chunk, locals) {}

int64_t SumChunk::bestRows(CausalSum &match) {
  // Without features a state is one row of keys, and a step costs no more than a pair.
  if (!match.feature)
    return 1;
  return match.innerPairs.empty() ? chunkRows(*getConstantIntValue(match.width()), *getConstantIntValue(match.features()))
                                  : chunkRowsWithInnerPairs;
}

SmallVector<OpFoldResult> SumChunk::stateSizes() {
  SmallVector<OpFoldResult> sizes{match.width()};
  if (match.feature)
    sizes.push_back(match.features());
  return sizes;
}

Value SumChunk::firstState() {
  if (isConstantIntValue(chunk.before, 0)) {
    Value zero = arith::ConstantOp::create(builder, location, builder.getF32FloatAttr(0));
    Value empty = tensor::EmptyOp::create(builder, location, stateSizes(), f32);
    return linalg::FillOp::create(builder, location, zero, empty).getResult(0);
  }
  return written(chunk.before, [&](OpBuilder &, Value key) {
    return Point{value(chunk.first), key, {}, {}, {}, {}};
  });
}

/// state[a, e] = sum of the keys and values at `point` of `keys` steps.
Value SumChunk::written(OpFoldResult keys, llvm::function_ref<Point(OpBuilder &, Value)> at) {
  Value steps = value(keys);
  auto term = [&](OpBuilder &body, Value step, ValueRange indices) {
    Point point = at(body, step);
    point.inner = indices[0];
    point.feature = match.feature ? indices[1] : Value();
    return factors.product(body, point, {Range::Write, {}, step},
                           {{match.key, match.dots},
                            {match.innerPairs, match.dots},
                            {match.columnFactors, match.out},
                            {match.pairFactors, match.out}});
  };
  return makeDefine(
      builder, location, f32, stateSizes(), nullptr, [&](OpBuilder &outer, Location, ValueRange indices) -> Value {
        if (isConstantIntValue(keys, 1))
          return term(outer, arith::ConstantIndexOp::create(outer, location, 0), indices);
        return ReduceOp::create(
            outer, location, f32, ReduceKind::Sum, steps, nullptr,
            [&](OpBuilder &body, Location, ValueRange over) -> Value { return term(body, over[0], indices); });
      });
}

Value SumChunk::advance(Value state) {
  factors.prepare(Range::Write);
  factors.prepare(Range::Carry);
  // Only whole chunks have one behind them: their number of rows is known.
  Value last = indexSum(builder, location, {chunk.base, builder.getIndexAttr(*getConstantIntValue(chunk.length) - 1)});
  Value fresh = written(chunk.length, [&](OpBuilder &body, Value key) {
    return Point{last, factors.columnAt(body, key), {}, {}, {}, factors.stepAt(body, key)};
  });
  bool decays = !match.innerPairs.empty() || !match.pairFactors.empty();
  // An addition of its own: the product can then begin with what was kept.
  return added(stateSizes(), decays ? decayed(state, last) : state, fresh);
}

Value SumChunk::decayed(Value state, Value last) {
  return makeDefine(builder, location, f32, stateSizes(), nullptr, [&](OpBuilder &body, Location, ValueRange indices) -> Value {
    Value old = tensor::ExtractOp::create(body, location, state, indices);
    Point point{last, indexSum(body, location, {chunk.previous, chunk.origin}), indices[0], {}, {}, {}};
    Value decay = factors.product(body, point, {Range::Carry, {}, {}},
                                  {{match.innerPairs, match.dots}, {match.pairFactors, match.out}});
    return arith::MulFOp::create(body, location, decay, old);
  });
}

Value SumChunk::added(ArrayRef<OpFoldResult> sizes, Value left, Value right) {
  return makeDefine(builder, location, f32, sizes, nullptr, [&](OpBuilder &body, Location, ValueRange at) -> Value {
    Value a = tensor::ExtractOp::create(body, location, left, at), b = tensor::ExtractOp::create(body, location, right, at);
    return arith::AddFOp::create(body, location, a, b);
  });
}

Value SumChunk::onlyRow(Value state) {
  Value row = value(chunk.base);
  SmallVector<OpFoldResult> sizes{builder.getIndexAttr(1)};
  if (match.feature)
    sizes.push_back(match.features());
  return makeDefine(
      builder, location, f32, sizes, nullptr, [&](OpBuilder &outer, Location, ValueRange at) -> Value {
        return ReduceOp::create(
            outer, location, f32, ReduceKind::Sum, value(match.width()), nullptr,
            [&](OpBuilder &body, Location, ValueRange over) -> Value {
              Value query = factors.product(body, {row, {}, over[0], {}, indexSum(body, location, {chunk.offset}), {}}, {},
                                            {{match.query, match.dots}, {match.rowFactors, match.out}});
              SmallVector<Value> element{over[0]};
              llvm::append_range(element, at.drop_front());
              Value read = tensor::ExtractOp::create(body, location, state, element);
              return arith::MulFOp::create(body, location, query, read);
            });
      });
}

std::pair<Value, Value> SumChunk::rowByRow(Value state) {
  Value init = tensor::EmptyOp::create(builder, location, ArrayRef<OpFoldResult>{chunk.length}, f32);
  auto scan = ScanOp::create(builder, location, value(chunk.length), ValueRange{init, state}, false, false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&scan.getBody().front());
  Chunk row = chunk;
  row.offset = scan.getStep();
  row.begin(builder, location, indexSum(builder, location, {chunk.base, row.offset}), builder.getIndexAttr(1));
  // Rows read what is computed for all of the chunk.
  SumChunk one(match, builder, row, {});
  one.factors.shareLocals(factors);
  Value next = one.advance(scan.getStateArguments()[1]), part = one.onlyRow(next);
  OpFoldResult unit = builder.getIndexAttr(1);
  Value all = tensor::InsertSliceOp::create(builder, location, part, scan.getStateArguments()[0],
                                            ArrayRef<OpFoldResult>{row.offset}, ArrayRef<OpFoldResult>{unit},
                                            ArrayRef<OpFoldResult>{unit});
  YieldOp::create(builder, location, ValueRange{all, next});
  return {scan.getResult(0), scan.getResult(1)};
}

Value SumChunk::rows(Value state) {
  Value own = pairs(), before = earlier(state);
  return added({chunk.length, match.features()}, own, before);
}

/// Pairs of the chunk's rows and keys.
Value SumChunk::pairs() {
  factors.prepare(Range::Pair);
  Value inner = value(match.width()), steps = value(chunk.length);
  auto pointAt = [&](OpBuilder &body, Value row, Value key) {
    return Point{factors.rowAt(body, row), factors.columnAt(body, key), {}, {}, factors.stepAt(body, row), factors.stepAt(body, key)};
  };
  Value dots = makeDefine(
      builder, location, f32, {chunk.length, chunk.length}, nullptr, [&](OpBuilder &outer, Location, ValueRange at) -> Value {
        return ReduceOp::create(outer, location, f32, ReduceKind::Sum, inner, nullptr,
                                [&](OpBuilder &body, Location, ValueRange over) -> Value {
                                  Point point = pointAt(body, at[0], at[1]);
                                  point.inner = over[0];
                                  return factors.product(
                                      body, point, {Range::Pair, at[0], at[1]},
                                      {{match.query, match.dots}, {match.key, match.dots}, {match.innerPairs, match.dots}});
                                });
      });
  Value weights =
      makeDefine(builder, location, f32, {chunk.length, chunk.length}, nullptr, [&](OpBuilder &body, Location, ValueRange at) {
        Value dot = tensor::ExtractOp::create(body, location, dots, at);
        Value others = factors.product(body, pointAt(body, at[0], at[1]), {Range::Pair, at[0], at[1]},
                                       {{match.rowFactors, match.out}, {match.pairFactors, match.out}});
        return others ? arith::MulFOp::create(body, location, dot, others).getResult() : dot;
      });
  return makeDefine(
      builder, location, f32, {chunk.length, match.features()}, nullptr,
      [&](OpBuilder &outer, Location, ValueRange at) -> Value {
        auto inside = [&](OpBuilder &body, Location, ValueRange over) -> Value {
          return arith::CmpIOp::create(body, location, arith::CmpIPredicate::sle, over[0], at[0]);
        };
        return ReduceOp::create(
            outer, location, f32, ReduceKind::Sum, steps, inside, [&](OpBuilder &body, Location, ValueRange over) -> Value {
              Value weight = tensor::ExtractOp::create(body, location, weights, ValueRange{at[0], over[0]});
              Point point{{}, factors.columnAt(body, over[0]), {}, at[1], {}, factors.stepAt(body, over[0])};
              Value rest = factors.product(body, point, {}, {{match.columnFactors, match.out}});
              return rest ? arith::MulFOp::create(body, location, weight, rest).getResult() : weight;
            });
      });
}

/// What the keys before the chunk give to its rows.
Value SumChunk::earlier(Value state) {
  factors.prepare(Range::Read);
  return makeDefine(
      builder, location, f32, {chunk.length, match.features()}, nullptr,
      [&](OpBuilder &outer, Location, ValueRange at) -> Value {
        return ReduceOp::create(
            outer, location, f32, ReduceKind::Sum, value(match.width()), nullptr,
            [&](OpBuilder &body, Location, ValueRange over) -> Value {
              Point point{factors.rowAt(body, at[0]), indexSum(body, location, {chunk.previous, chunk.origin}), over[0], {},
                          factors.stepAt(body, at[0]), {}};
              Value query = factors.product(body, point, {Range::Read, at[0], {}},
                                            {{match.query, match.dots}, {match.innerPairs, match.dots},
                                             {match.rowFactors, match.out}, {match.pairFactors, match.out}});
              Value read = tensor::ExtractOp::create(body, location, state, ValueRange{over[0], at[1]});
              return arith::MulFOp::create(body, location, query, read);
            });
      });
}

} // namespace heed::derive
