// AttentionWeights.cpp - from scores to weights: the score and domain regions on lanes, and the running softmax.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/VectorExp.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed::kernels {

static Value larger(Emit &emit, Value a, Value b) {
  // Ignores a NaN in `a`, which comes back through exp, in one instruction.
  Value greater = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(emit, greater, a, b);
}

void AttentionTile::weights(Value keyBegin, Value keyCount) {
  float infinity = std::numeric_limits<float>::infinity();
  Value lowest = emit.splat(lanes, -infinity), zero = emit.index(0);
  Value whole = emit.mul(emit.div(keyCount, lanes), lanes), rest = emit.sub(keyCount, whole);
  emit.loop(zero, rows, 1, [&](Value row) {
    // Scores, their largest.
    Value largest = emit.loop(zero, whole, lanes, lowest,
                              [&](Value offset, ValueRange maxima) -> SmallVector<Value> {
                                Value maximum = maxima[0];
                                scoreLanes(row, offset, keyBegin, Value(), maximum);
                                return {maximum};
                              })
                        .front();
    if (constantOf(rest) != 0) {
      auto tail = scf::IfOp::create(emit, TypeRange(lowest.getType()), emit.less(zero, rest), /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(emit);
      emit.setInsertionPointToStart(tail.thenBlock());
      Value maximum = largest;
      scoreLanes(row, whole, keyBegin, rest, maximum);
      scf::YieldOp::create(emit, maximum);
      emit.setInsertionPointToStart(tail.elseBlock());
      scf::YieldOp::create(emit, largest);
      largest = tail.getResult(0);
    }
    Value before = scalarAt(blocks.maximum, row);
    Value maximum = larger(emit, vector::ReductionOp::create(emit, vector::CombiningKind::MAXNUMF, largest), before);
    memref::StoreOp::create(emit, maximum, blocks.maximum, row);

    // Nothing seen yet: -inf - -inf would be NaN.
    Value nothing = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, maximum, emit.f32(-infinity));
    Value reference = arith::SelectOp::create(emit, nothing, emit.f32(0.0f), maximum);
    Value references = emit.broadcast(lanes, reference);
    Value sum = emit.loop(zero, emit.roundUp(keyCount, lanes), lanes, emit.splat(lanes, 0.0f),
                          [&](Value offset, ValueRange sums) -> SmallVector<Value> {
                            Value score = vectorAt(blocks.scores, ValueRange{row, offset});
                            Value weight = emitExpOfNonPositive(emit, arith::SubFOp::create(emit, score, references));
                            vector::StoreOp::create(emit, weight, blocks.scores, ValueRange{row, offset});
                            return {arith::AddFOp::create(emit, sums[0], weight)};
                          })
                    .front();
    Value added = vector::ReductionOp::create(emit, vector::CombiningKind::ADD, sum, arith::FastMathFlags::reassoc);

    // What was summed relative to the old maximum.
    Value difference = arith::SubFOp::create(emit, emit.broadcast(lanes, before), references);
    Value factors = emitExpOfNonPositive(emit, difference);
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

/// Replaces the dot products at `offset` by scores, -inf outside the domain and beyond `count`.
void AttentionTile::scoreLanes(Value row, Value offset, Value keyBegin, Value count, Value &maximum) {
  Value lowest = emit.splat(lanes, -std::numeric_limits<float>::infinity());
  SmallVector<Value> here = {row, offset};
  if (!scoreAnalysis->isSupported() || (domainAnalysis && !domainAnalysis->isSupported())) {
    scoreScalars(row, offset, keyBegin, count);
    maximum = larger(emit, vectorAt(blocks.scores, here), maximum);
    return;
  }
  auto bind = [&](LaneCode &code, Region &region) {
    for (auto [argument, value] : llvm::zip(region.getArguments(), batch))
      code.bindUniform(argument, value);
    code.bindUniform(region.getArgument(op.getRowDim()), emit.add(rowBegin, row));
    code.bindConsecutive(region.getArgument(op.getColumnDim()), emit.add(keyBegin, offset));
  };
  auto score = [&](Value mask) {
    LaneCode code(emit, *scoreAnalysis, lanes, mask);
    bind(code, op.getScore());
    if (op.hasQuery())
      code.bindVector(op.getScore().getArguments().back(), vectorAt(blocks.scores, here));
    Value result = code.run(op.getScore().front()).front();
    return mask ? Value(arith::SelectOp::create(emit, mask, result, lowest)) : result;
  };
  Value mask = count ? maskOfFirst(emit, lanes, count) : Value(), result;
  if (op.hasDomain()) {
    LaneCode code(emit, *domainAnalysis, lanes, mask);
    bind(code, op.getDomain());
    Value inside = code.run(op.getDomain().front()).front();
    inside = mask ? Value(arith::AndIOp::create(emit, mask, inside)) : inside;
    // What the score reads may be out of bounds where no lane is inside.
    Value any = vector::ReductionOp::create(emit, vector::CombiningKind::OR, inside);
    auto guarded = scf::IfOp::create(emit, TypeRange(lowest.getType()), any, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPointToStart(guarded.thenBlock());
    scf::YieldOp::create(emit, score(inside));
    emit.setInsertionPointToStart(guarded.elseBlock());
    scf::YieldOp::create(emit, lowest);
    result = guarded.getResult(0);
  } else {
    result = score(mask);
  }
  vector::StoreOp::create(emit, result, blocks.scores, here);
  maximum = larger(emit, result, maximum);
}

/// For regions that cannot run on lanes.
void AttentionTile::scoreScalars(Value row, Value offset, Value keyBegin, Value count) {
  float infinity = std::numeric_limits<float>::infinity();
  emit.loop(emit.index(0), emit.index(lanes), 1, [&](Value lane) {
    Value column = emit.add(offset, lane), key = emit.add(keyBegin, column), row0 = emit.add(rowBegin, row);
    auto store = [&](Value value) { memref::StoreOp::create(emit, value, blocks.scores, ValueRange{row, column}); };
    auto outside = [&] { store(emit.f32(-infinity)); };
    auto inside = [&] {
      Value dot = op.hasQuery() ? memref::LoadOp::create(emit, blocks.scores, ValueRange{row, column}) : Value();
      store(evaluateScalar(op.getScore(), row0, key, dot));
    };
    auto inRange = [&] {
      if (!op.hasDomain())
        return inside();
      emit.branch(evaluateScalar(op.getDomain(), row0, key, Value()), inside, outside);
    };
    if (!count)
      return inRange();
    emit.branch(emit.less(lane, count), inRange, outside);
  });
}

Value AttentionTile::evaluateScalar(Region &region, Value row, Value key, Value dot) {
  IRMapping mapping;
  SmallVector<Value> arguments(batch);
  arguments.append({row, key});
  if (dot)
    arguments.push_back(dot);
  for (auto [from, to] : llvm::zip(region.getArguments(), arguments))
    mapping.map(from, to);
  for (Operation &nested : region.front().without_terminator())
    emit.clone(nested, mapping);
  return mapping.lookupOrDefault(region.front().getTerminator()->getOperand(0));
}

} // namespace heed::kernels
