// FewQueriesWeights.cpp - from scores to weights with the keys across the lanes, and the running softmax of a row.
#include "compiler/lower/kernels/FewQueries.h"
#include "compiler/lower/kernels/VectorExp.h"

using namespace mlir;

namespace heed::kernels {

/// Replaces the dot products of a row by scores and gives the largest, as the largest of each lane.
Value FewQueriesTile::scoreRow(Strip const &strip, Value row, bool masked) {
  Value lowest = emit.splat(lanes, -std::numeric_limits<float>::infinity());
  Value count = emit.sub(strip.to, strip.from), zero = emit.index(0);
  Value whole = emit.add(strip.from, emit.mul(emit.div(count, lanes), lanes)), rest = emit.sub(strip.to, whole);
  Value largest = emit.loop(strip.from, whole, lanes, lowest,
                            [&](Value key, ValueRange maxima) -> SmallVector<Value> {
                              return {emitLarger(emit, scoreLanes(strip, row, key, Value(), masked), maxima[0])};
                            })
                      .front();
  if (constantOf(rest) == 0)
    return largest;
  return emit.choose(
      emit.less(zero, rest), lowest.getType(),
      [&]() -> SmallVector<Value> {
        return {emitLarger(emit, scoreLanes(strip, row, whole, rest, masked), largest)};
      },
      [&]() -> SmallVector<Value> { return {largest}; })[0];
}

void FewQueriesTile::weights(Strip const &strip) {
  float infinity = std::numeric_limits<float>::infinity();
  emit.loop(strip.rowBegin, strip.rowEnd, 1, [&](Value row) {
    Value scoreRow = strip.scoreRow(emit, row);
    if (op.getPlain())
      return emit.branch(tile.full, [&] { this->scoreRow(strip, row, /*masked=*/false); },
                         [&] { this->scoreRow(strip, row, /*masked=*/true); });
    Value largest = emit.choose(
        tile.full, emit.vectorOf(lanes),
        [&]() -> SmallVector<Value> { return {this->scoreRow(strip, row, /*masked=*/false)}; },
        [&]() -> SmallVector<Value> { return {this->scoreRow(strip, row, /*masked=*/true)}; })[0];
    Value before = memref::LoadOp::create(emit, blocks.maximum, row);
    Value maximum =
        emitLarger(emit, vector::ReductionOp::create(emit, vector::CombiningKind::MAXNUMF, largest), before);
    memref::StoreOp::create(emit, maximum, blocks.maximum, row);

    // Nothing seen yet: -inf - -inf would be NaN.
    Value nothing = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, maximum, emit.f32(-infinity));
    Value reference = arith::SelectOp::create(emit, nothing, emit.f32(0.0f), maximum);
    Value references = emit.broadcast(lanes, reference);
    Value end = emit.add(strip.from, emit.roundUp(emit.sub(strip.to, strip.from), lanes));
    Value sum = emit.loop(strip.from, end, lanes, emit.splat(lanes, 0.0f),
                          [&](Value key, ValueRange sums) -> SmallVector<Value> {
                            Value score = vectorAt(blocks.scores, ValueRange{scoreRow, key});
                            Value difference = arith::SubFOp::create(emit, score, references);
                            Value weight = emitExp2OfNonPositive(emit, difference).front();
                            vector::StoreOp::create(emit, weight, blocks.scores, ValueRange{scoreRow, key});
                            return {arith::AddFOp::create(emit, sums[0], weight)};
                          })
                    .front();
    Value added = vector::ReductionOp::create(emit, vector::CombiningKind::ADD, sum, arith::FastMathFlags::reassoc);

    // What was summed relative to the old maximum.
    Value sinceBefore = arith::SubFOp::create(emit, emit.broadcast(lanes, before), references);
    Value factors = emitExp2OfNonPositive(emit, sinceBefore).front();
    Value factor = vector::ExtractOp::create(emit, factors, 0);
    Value total = arith::MulFOp::create(emit, memref::LoadOp::create(emit, blocks.total, row), factor);
    memref::StoreOp::create(emit, arith::AddFOp::create(emit, total, added), blocks.total, row);
    Value changed = arith::CmpFOp::create(emit, arith::CmpFPredicate::UNE, factor, emit.f32(1.0f));
    emit.branch(changed, [&] {
      emit.loop(emit.index(0), emit.index(blocks.features), lanes, [&](Value column) {
        Value scaled = arith::MulFOp::create(emit, vectorAt(blocks.sums, ValueRange{row, column}), factors);
        vector::StoreOp::create(emit, scaled, blocks.sums, ValueRange{row, column});
      });
    });
  });
}

/// Replaces the dot products of neighbouring keys by scores; beyond `count`, and outside the domain if `masked`, by what gives no
/// weight.
Value FewQueriesTile::scoreLanes(Strip const &strip, Value row, Value key, Value count, bool masked) {
  Value scoreRow = strip.scoreRow(emit, row);
  SmallVector<Value> here = {scoreRow, key};
  if (!pairs.onLanes(masked)) {
    emit.loop(emit.index(0), emit.index(lanes), 1, [&](Value lane) {
      SmallVector<Value> place = {scoreRow, emit.add(key, lane)};
      auto score = [&]() -> SmallVector<Value> {
        Value dot = op.hasQuery() ? memref::LoadOp::create(emit, blocks.scores, place) : Value();
        Pair pair = {queries.batchOf(emit, row), rowIndex(row), keyIndex(place[1])};
        return {pairs.scoreOne(pair, dot, masked)};
      };
      Value one = count ? emit.choose(emit.less(lane, count), emit.getF32Type(), score,
                                      [&]() -> SmallVector<Value> { return {emit.f32(pairs.none())}; })[0]
                        : score().front();
      memref::StoreOp::create(emit, one, blocks.scores, place);
    });
    return vectorAt(blocks.scores, here);
  }
  Pair first = {queries.batchOf(emit, row), rowIndex(row), keyIndex(key)};
  Value score = pairs.score(lanes, first, op.hasQuery() ? vectorAt(blocks.scores, here) : Value(), count, masked);
  if (count || masked || !pairs.areProducts()) // else it is there
    vector::StoreOp::create(emit, score, blocks.scores, here);
  return score;
}

} // namespace heed::kernels
