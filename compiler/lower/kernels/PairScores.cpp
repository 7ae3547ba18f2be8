// PairScores.cpp - regions with one index along the lanes; element by element where they cannot run so.
#include "compiler/lower/kernels/PairScores.h"
#include "compiler/lower/kernels/Operand.h"
#include "compiler/lower/kernels/PairTerm.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {

PairScores::PairScores(Emit &emit, ir::AttentionOp op, Axis axis, int64_t stride, domain::Sweep const &sweep,
                       ArrayRef<Value> domainSymbols)
    : emit(emit), op(op), axis(axis), stride(stride), sweep(sweep), domainSymbols(domainSymbols) {
  auto varying = [&](Region &region) {
    SmallVector<Value> arguments = {region.getArgument(axis == Axis::Queries ? op.getRowDim() : op.getColumnDim())};
    llvm::append_range(arguments, region.getArguments().drop_front(op.getColumnDim() + 1)); // the dot product
    return LaneAnalysis(region, arguments);
  };
  scoreAnalysis.emplace(varying(op.getScore()));
  if (op.hasDomain())
    domainAnalysis.emplace(varying(op.getDomain()));
  allowTermAccuracy(op.getScore());
  if (scoreAnalysis->isSupported())
    form = ScoreForm::of(op);
}

bool PairScores::dependOnDotOnly() {
  Region &score = op.getScore();
  return scoreAnalysis->isSupported() && score.getArgument(op.getRowDim()).use_empty() &&
         score.getArgument(op.getColumnDim()).use_empty();
}

Value PairScores::factor(ArrayRef<Value> batch) {
  if (!form)
    return {};
  Value result = emit.f32(scale());
  for (ScoreForm::Factor factor : form->factors) {
    Value by = evaluateUniform(emit, op.getScore(), factor.by, batch);
    result = factor.divides ? emit.createOrFold<arith::DivFOp>(result, by)
                            : emit.createOrFold<arith::MulFOp>(result, by);
  }
  return result;
}

Value PairScores::rest(ArrayRef<Value> batch, Value row) {
  SmallVector<Value> arguments(batch);
  arguments.push_back(row);
  Value rest = evaluateUniform(emit, op.getRest(), op.getRest().front().getTerminator()->getOperand(0), arguments);
  Value score = arith::MulFOp::create(emit, rest, emit.f32(Log2E)), largest = emit.f32(std::numeric_limits<float>::max());
  // inf - inf would be NaN.
  Value tooLarge = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, score, largest);
  return arith::SelectOp::create(emit, tooLarge, largest, score);
}

bool PairScores::onLanes(bool masked) {
  return scoreAnalysis->isSupported() && (!masked || !op.hasDomain() || domainAnalysis->isSupported());
}

Value PairScores::score(int64_t lanes, Pair const &first, Value dot, Value count, bool masked) {
  Value mask, nowhere = emit.splat(lanes, none());
  if (masked && op.hasDomain())
    mask = inside(lanes, first, count);
  else if (count)
    mask = maskOfFirst(emit, lanes, count);
  if (!mask)
    return unmasked(lanes, first, dot, mask);
  auto score = [&]() -> SmallVector<Value> {
    return {arith::SelectOp::create(emit, mask, unmasked(lanes, first, dot, mask), nowhere)};
  };
  if (areProducts())
    return score().front();
  // What a score reads that is the same on all lanes may be out of bounds where no lane is inside.
  Value any = vector::ReductionOp::create(emit, vector::CombiningKind::OR, mask);
  return emit.choose(any, nowhere.getType(), score, [&]() -> SmallVector<Value> { return {nowhere}; })[0];
}

Value PairScores::inside(int64_t lanes, Pair const &first, Value count) {
  LaneCode code(emit, *domainAnalysis, lanes, count ? maskOfFirst(emit, lanes, count) : Value());
  Region &domain = op.getDomain();
  bind(code, domain, first);
  SmallVector<Value> operands = {domain.getArgument(op.getRowDim()), domain.getArgument(op.getColumnDim())};
  operands.append(domainSymbols.begin(), domainSymbols.end());
  auto holds = [&](AffineExpr expr, arith::CmpIPredicate predicate) {
    return code.compareWithZero(predicate, AffineMap::get(2, domainSymbols.size(), expr), operands);
  };
  using Predicate = arith::CmpIPredicate;
  LaneCode::Lanes inside;
  if (!sweep.isApart)
    inside = code.runCondition(domain.front());
  for (domain::Part const &part : sweep.parts) {
    if (!sweep.isApart)
      break;
    LaneCode::Lanes all = code.everywhere();
    for (domain::Condition const &condition : part.conditions)
      all = code.both(all, holds(condition.expr, condition.equality ? Predicate::eq : Predicate::sge));
    inside = &part == &sweep.parts.front() ? all : code.either(inside, all);
  }
  for (domain::Lattice const &lattice : sweep.skipped)
    inside = code.both(inside, holds(residueOf(lattice), Predicate::ne));
  if (count)
    inside = code.both(inside, code.first(count));
  return code.toVector(inside);
}

void PairScores::bind(LaneCode &code, Region &region, Pair const &first) {
  for (auto [argument, value] : llvm::zip(region.getArguments(), first.batch))
    code.bindUniform(argument, value);
  Value row = region.getArgument(op.getRowDim()), key = region.getArgument(op.getColumnDim());
  if (axis == Axis::Queries) {
    code.bindStrided(row, first.row, stride);
    code.bindUniform(key, first.key);
  } else {
    code.bindUniform(row, first.row);
    code.bindStrided(key, first.key, stride);
  }
}

Value PairScores::unmasked(int64_t lanes, Pair const &first, Value dot, Value mask) {
  if (areProducts())
    return dot;
  LaneCode code(emit, *scoreAnalysis, lanes, mask);
  bind(code, op.getScore(), first);
  if (form)
    code.bindVector(form->scaledDot, emit.splat(lanes, 0.0f));
  else if (op.hasQuery())
    code.bindVector(op.getScore().getArguments().back(), dot);
  Value result = code.run(op.getScore().front()).front(), factor = emit.splat(lanes, scale());
  if (op.getPlain())
    return form ? Value(arith::AddFOp::create(emit, result, dot)) : result;
  return form ? emit.multiplyAdd(result, factor, dot) : Value(arith::MulFOp::create(emit, result, factor));
}

Value PairScores::isInside(Pair const &pair) {
  SmallVector<Value> indices(pair.batch);
  indices.append({pair.row, pair.key});
  return isInSweep(emit, op, sweep, domainSymbols, indices);
}

Value PairScores::scoreOne(Pair const &pair, Value dot, bool masked) {
  auto score = [&]() -> SmallVector<Value> {
    if (areProducts())
      return {dot};
    Value factor = emit.f32(scale());
    if (!form)
      return {arith::MulFOp::create(emit, evaluate(op.getScore(), pair, dot), factor)};
    // The score of 0 is the rest, as long as the factors are finite.
    Value rest = evaluate(op.getScore(), pair, emit.f32(0.0f));
    return {arith::AddFOp::create(emit, dot, arith::MulFOp::create(emit, rest, factor))};
  };
  if (!masked || !op.hasDomain())
    return score().front();
  return emit
      .choose(isInside(pair), emit.getF32Type(), score, [&]() -> SmallVector<Value> { return {emit.f32(none())}; })
      .front();
}

Value PairScores::evaluate(Region &region, Pair const &pair, Value dot) {
  SmallVector<Value> arguments(pair.batch);
  arguments.append({pair.row, pair.key});
  if (dot)
    arguments.push_back(dot);
  return evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), arguments);
}

} // namespace heed::kernels
