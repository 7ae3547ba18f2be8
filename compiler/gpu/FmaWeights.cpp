// FmaWeights.cpp - from products of queries and keys to weights in shared memory: scores and the online softmax.
#include "compiler/gpu/FmaTile.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {

static constexpr float infinity = std::numeric_limits<float>::infinity();
static constexpr float log2e = 1.44269504f;

/// Two forms of the same loop: a mask is needed only where a tile is cut by the domain or by the end of queries or keys.
void FmaTile::weights(KeyTile const &keys) {
  Value whole = arith::AndIOp::create(
      emit, emit.compare(arith::CmpIPredicate::eq, keys.count, emit.index(FmaShape::keys)),
      emit.compare(arith::CmpIPredicate::eq, rowCount, emit.index(shape.rows)));
  auto rows = [&](bool masked) {
    emit.loop(emit.index(0), emit.index(shape.threadRows()), 1, [&](Value row) { rowWeights(keys, row, masked); });
  };
  emit.branch(arith::AndIOp::create(emit, whole, keys.full), [&] { rows(false); }, [&] { rows(true); });
}

void FmaTile::rowWeights(KeyTile const &keys, Value threadRow, bool masked) {
  Value row = rowOf(threadRow), first = emit.index(0), end = emit.index(FmaShape::threadKeys);
  SmallVector<Value> largest =
      emit.loop(first, end, 1, emit.f32(-infinity), [&](Value threadKey, ValueRange so) -> SmallVector<Value> {
        Value key = keyOf(threadKey);
        SmallVector<Value> here = {row, key};
        Value dot = op.hasQuery() ? memref::LoadOp::create(emit, weightTile, here).getResult() : Value();
        Value score = scoreOf(keys, row, key, dot, masked);
        memref::StoreOp::create(emit, score, weightTile, here);
        return {arith::MaxNumFOp::create(emit, so[0], score)};
      });
  if (op.getPlain())
    return;
  auto larger = [&](Value a, Value b) -> Value { return arith::MaxNumFOp::create(emit, a, b); };
  auto plus = [&](Value a, Value b) -> Value { return arith::AddFOp::create(emit, a, b); };
  Value before = memref::LoadOp::create(emit, maximum, threadRow);
  Value now = larger(acrossGroup(largest[0], larger), before);
  // Nothing seen yet: -inf - -inf would be NaN.
  Value nothing = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, now, emit.f32(-infinity));
  Value reference = arith::SelectOp::create(emit, nothing, emit.f32(0), now);
  SmallVector<Value> sum =
      emit.loop(first, end, 1, emit.f32(0), [&](Value threadKey, ValueRange so) -> SmallVector<Value> {
        SmallVector<Value> here = {row, keyOf(threadKey)};
        Value score = memref::LoadOp::create(emit, weightTile, here);
        Value weight = exponential(arith::SubFOp::create(emit, score, reference));
        memref::StoreOp::create(emit, weight, weightTile, here);
        return {plus(so[0], weight)};
      });
  // What was summed relative to the old maximum.
  Value scale = exponential(arith::SubFOp::create(emit, before, reference));
  Value old = memref::LoadOp::create(emit, total, threadRow);
  memref::StoreOp::create(emit, plus(arith::MulFOp::create(emit, old, scale), acrossGroup(sum[0], plus)), total, threadRow);
  memref::StoreOp::create(emit, now, maximum, threadRow);
  memref::StoreOp::create(emit, scale, factor, threadRow);
}

/// The score of a pair: times log2(e), and -inf outside the domain, or for plain weights 0.
Value FmaTile::scoreOf(KeyTile const &keys, Value row, Value key, Value dot, bool masked) {
  SmallVector<Value> pair = query(row);
  pair.push_back(queries.steps.key(emit, emit.add(keys.first, key)));
  auto value = [&]() -> SmallVector<Value> {
    SmallVector<Value> arguments(pair);
    if (dot)
      arguments.push_back(dot);
    Region &region = op.getScore();
    Value score = kernels::evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), arguments);
    return {op.getPlain() ? score : Value(arith::MulFOp::create(emit, score, emit.f32(log2e)))};
  };
  if (!masked)
    return value()[0];
  auto none = [&]() -> SmallVector<Value> { return {emit.f32(op.getPlain() ? 0 : -infinity)}; };
  Value exists = arith::AndIOp::create(emit, emit.less(row, rowCount), emit.less(key, keys.count));
  // What the regions read may be out of bounds for other pairs.
  return emit.choose(
      exists, emit.getF32Type(),
      [&]() -> SmallVector<Value> {
        Value inside = kernels::isInSweep(emit, op, sweep, domainSymbols, pair);
        return emit.choose(inside, emit.getF32Type(), value, none);
      },
      none)[0];
}

Value FmaTile::exponential(Value x) { return math::Exp2Op::create(emit, x); }

/// The lanes of a group are neighbours, and all of them get the result.
Value FmaTile::acrossGroup(Value value, llvm::function_ref<Value(Value, Value)> combine) {
  for (int32_t distance = 1; distance < FmaShape::lanes; distance *= 2)
    value = combine(value, gpu::ShuffleOp::create(emit, value, distance, 32, gpu::ShuffleMode::XOR).getShuffleResult());
  return value;
}

} // namespace heed::device
