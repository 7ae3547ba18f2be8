// AttentionWeights.cpp - from scores to weights: the score and domain regions on lanes, and the running softmax.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/VectorExp.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {

static Value larger(Emit &emit, Value a, Value b) {
  // Ignores a NaN in `a`, which comes back through exp, in one instruction.
  Value greater = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(emit, greater, a, b);
}

/// Replaces the dot products of a row by scores and gives the largest, as the largest of each lane.
Value AttentionTile::scoreRow(Strip const &strip, Value row, bool masked) {
  Value lowest = emit.splat(lanes, -std::numeric_limits<float>::infinity());
  Value count = emit.sub(strip.to, strip.from), zero = emit.index(0), to = strip.scoreRow(emit, row);
  Value whole = emit.add(strip.from, emit.mul(emit.div(count, lanes), lanes)), rest = emit.sub(strip.to, whole);
  Value largest = emit.loop(strip.from, whole, lanes, lowest,
                            [&](Value offset, ValueRange maxima) -> SmallVector<Value> {
                              Value maximum = maxima[0];
                              scoreLanes(to, row, offset, Value(), masked, maximum);
                              return {maximum};
                            })
                      .front();
  if (constantOf(rest) == 0)
    return largest;
  return emit.choose(
      emit.less(zero, rest), lowest.getType(),
      [&]() -> SmallVector<Value> {
        Value maximum = largest;
        scoreLanes(to, row, whole, rest, masked, maximum);
        return {maximum};
      },
      [&]() -> SmallVector<Value> { return {largest}; })[0];
}

void AttentionTile::weights(Strip const &strip) {
  float infinity = std::numeric_limits<float>::infinity();
  Value zero = emit.index(0);
  emit.loop(strip.rowBegin, strip.rowEnd, 1, [&](Value row) {
    Value scoreRow = strip.scoreRow(emit, row);
    if (op.getPlain())
      return emit.branch(tile.full, [&] { this->scoreRow(strip, row, /*masked=*/false); },
                         [&] { this->scoreRow(strip, row, /*masked=*/true); });
    Value largest = emit.choose(
        tile.full, emit.vectorOf(lanes), [&]() -> SmallVector<Value> { return {this->scoreRow(strip, row, /*masked=*/false)}; },
        [&]() -> SmallVector<Value> { return {this->scoreRow(strip, row, /*masked=*/true)}; })[0];
    Value before = scalarAt(blocks.maximum, row);
    Value maximum = larger(emit, vector::ReductionOp::create(emit, vector::CombiningKind::MAXNUMF, largest), before);
    memref::StoreOp::create(emit, maximum, blocks.maximum, row);

    // Nothing seen yet: -inf - -inf would be NaN.
    Value nothing = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, maximum, emit.f32(-infinity));
    Value reference = arith::SelectOp::create(emit, nothing, emit.f32(0.0f), maximum);
    Value references = emit.broadcast(lanes, reference);
    Value end = emit.add(strip.from, emit.roundUp(emit.sub(strip.to, strip.from), lanes));
    Value sum = emit.loop(strip.from, end, lanes, emit.splat(lanes, 0.0f),
                          [&](Value offset, ValueRange sums) -> SmallVector<Value> {
                            Value score = vectorAt(blocks.scores, ValueRange{scoreRow, offset});
                            Value weight = emitExp2OfNonPositive(emit, arith::SubFOp::create(emit, score, references));
                            vector::StoreOp::create(emit, weight, blocks.scores, ValueRange{scoreRow, offset});
                            return {arith::AddFOp::create(emit, sums[0], weight)};
                          })
                    .front();
    Value added = vector::ReductionOp::create(emit, vector::CombiningKind::ADD, sum, arith::FastMathFlags::reassoc);

    // What was summed relative to the old maximum.
    Value difference = arith::SubFOp::create(emit, emit.broadcast(lanes, before), references);
    Value factors = emitExp2OfNonPositive(emit, difference);
    Value factor = vector::ExtractOp::create(emit, factors, 0);
    Value total = arith::MulFOp::create(emit, scalarAt(blocks.total, row), factor);
    memref::StoreOp::create(emit, arith::AddFOp::create(emit, total, added), blocks.total, row);
    Value changed = arith::CmpFOp::create(emit, arith::CmpFPredicate::UNE, factor, emit.f32(1.0f));
    emit.branch(changed, [&] {
      emit.loop(zero, emit.index(blocks.features), lanes, [&](Value column) {
        Value scaled = arith::MulFOp::create(emit, vectorAt(blocks.sums, ValueRange{row, column}), factors);
        vector::StoreOp::create(emit, scaled, blocks.sums, ValueRange{row, column});
      });
    });
  });
}

/// Replaces the dot products at `offset` by scores, -inf outside the domain, if `masked`, and beyond `count`.
void AttentionTile::scoreLanes(Value scoreRow, Value row, Value offset, Value count, bool masked, Value &maximum) {
  Value lowest = emit.splat(lanes, noScore());
  SmallVector<Value> here = {scoreRow, offset};
  if (!scoreAnalysis->isSupported() || (masked && !domainAnalysis->isSupported())) {
    scoreScalars(scoreRow, row, offset, count, masked);
    maximum = larger(emit, vectorAt(blocks.scores, here), maximum);
    return;
  }
  auto score = [&](Value mask) {
    Value result = scoreOf(op.hasQuery() ? vectorAt(blocks.scores, here) : Value(), row, offset, mask);
    return mask ? Value(arith::SelectOp::create(emit, mask, result, lowest)) : result;
  };
  Value mask = count ? maskOfFirst(emit, lanes, count) : Value(), result;
  if (masked) {
    LaneCode code(emit, *domainAnalysis, lanes, mask);
    bindPair(code, op.getDomain(), row, offset);
    Value inside = code.run(op.getDomain().front()).front();
    for (domain::Lattice const &lattice : skipped) {
      Value base = distance(lattice, rowIndex(row), keyIndex(offset));
      inside = arith::AndIOp::create(emit, inside, code.isNoMultiple(base, queries.steps.stride, lattice.stride));
    }
    inside = mask ? Value(arith::AndIOp::create(emit, mask, inside)) : inside;
    // What the score reads may be out of bounds where no lane is inside.
    Value any = vector::ReductionOp::create(emit, vector::CombiningKind::OR, inside);
    result = emit.choose(
        any, lowest.getType(), [&]() -> SmallVector<Value> { return {score(inside)}; },
        [&]() -> SmallVector<Value> { return {lowest}; })[0];
  } else {
    result = score(mask);
  }
  if (mask || masked || !form || form->hasRest) // else it is there
    vector::StoreOp::create(emit, result, blocks.scores, here);
  maximum = larger(emit, result, maximum);
}

void AttentionTile::bindPair(LaneCode &code, Region &region, Value row, Value offset) {
  for (auto [argument, value] : llvm::zip(region.getArguments(), queries.batch))
    code.bindUniform(argument, value);
  code.bindUniform(region.getArgument(op.getRowDim()), rowIndex(row));
  code.bindStrided(region.getArgument(op.getColumnDim()), keyIndex(offset), queries.steps.stride);
}

/// The score / ln 2 of what `products` left: with a form, that is scaled already.
Value AttentionTile::scoreOf(Value dot, Value row, Value offset, Value mask) {
  if (form && !form->hasRest)
    return dot;
  LaneCode code(emit, *scoreAnalysis, lanes, mask);
  bindPair(code, op.getScore(), row, offset);
  if (form)
    code.bindVector(form->scaledDot, emit.splat(lanes, 0.0f));
  else if (op.hasQuery())
    code.bindVector(op.getScore().getArguments().back(), dot);
  Value result = code.run(op.getScore().front()).front(), factor = emit.splat(lanes, scoreScale());
  if (op.getPlain())
    return form ? Value(arith::AddFOp::create(emit, result, dot)) : result;
  return form ? emit.multiplyAdd(result, factor, dot) : Value(arith::MulFOp::create(emit, result, factor));
}

/// Zero modulo the stride of a lattice where a pair is on it.
Value AttentionTile::distance(domain::Lattice const &lattice, Value row, Value key) {
  AffineMap map = AffineMap::get(0, domainSymbols.size(), lattice.shift);
  Value shift = affine::expandAffineMap(emit, emit.getLoc(), map, domainSymbols)->front();
  return emit.sub(emit.sub(key, row), shift);
}

/// For regions that cannot run on lanes.
void AttentionTile::scoreScalars(Value scoreRow, Value row, Value offset, Value count, bool masked) {
  emit.loop(emit.index(0), emit.index(lanes), 1, [&](Value lane) {
    Value column = emit.add(offset, lane), key = keyIndex(column), query = rowIndex(row);
    auto store = [&](Value value) {
      memref::StoreOp::create(emit, value, blocks.scores, ValueRange{scoreRow, column});
    };
    auto outside = [&] { store(emit.f32(noScore())); };
    auto inside = [&] {
      Value dot = op.hasQuery() ? memref::LoadOp::create(emit, blocks.scores, ValueRange{scoreRow, column}) : Value();
      store(scalarScore(query, key, dot));
    };
    auto inRange = [&] {
      if (!masked)
        return inside();
      Value visible = evaluateScalar(op.getDomain(), query, key, Value());
      for (domain::Lattice const &lattice : skipped) {
        Value rest = arith::RemSIOp::create(emit, distance(lattice, query, key), emit.index(lattice.stride));
        Value off = emit.compare(arith::CmpIPredicate::ne, rest, emit.index(0));
        visible = arith::AndIOp::create(emit, visible, off);
      }
      emit.branch(visible, inside, outside);
    };
    if (!count)
      return inRange();
    emit.branch(emit.less(lane, count), inRange, outside);
  });
}

Value AttentionTile::scalarScore(Value query, Value key, Value dot) {
  Value scale = emit.f32(scoreScale());
  if (!form)
    return arith::MulFOp::create(emit, evaluateScalar(op.getScore(), query, key, dot), scale);
  if (!form->hasRest)
    return dot;
  // The score of 0 is the rest, as long as the factors are finite.
  Value rest = evaluateScalar(op.getScore(), query, key, emit.f32(0.0f));
  return arith::AddFOp::create(emit, dot, arith::MulFOp::create(emit, rest, scale));
}

Value AttentionTile::evaluateScalar(Region &region, Value row, Value key, Value dot) {
  SmallVector<Value> arguments(queries.batch);
  arguments.append({row, key});
  if (dot)
    arguments.push_back(dot);
  return evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), arguments);
}

} // namespace heed::kernels
