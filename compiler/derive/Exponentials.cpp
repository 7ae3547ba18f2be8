// Exponentials.cpp - looks through definitions of exponentials, and takes row maxima out of scores.
#include "compiler/derive/Exponentials.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {

std::optional<Exponent> exponentOf(Value value) {
  if (auto power = value.getDefiningOp<math::ExpOp>())
    return Exponent{power, {}};
  auto read = value.getDefiningOp<tensor::ExtractOp>();
  auto producer = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
  if (!producer || containsReduce(producer))
    return std::nullopt;
  if (auto power = producer.getYielded().getDefiningOp<math::ExpOp>())
    return Exponent{power, read};
  return std::nullopt;
}

Value cloneExponent(OpBuilder &builder, Value value, Operation *top, IRMapping &map) {
  Exponent exponent = *exponentOf(value);
  if (!exponent.read)
    return cloneSlice(builder, exponent.power.getOperand(), top, map);
  auto producer = exponent.read.getTensor().getDefiningOp<DefineOp>();
  IRMapping inner;
  for (auto [argument, subscript] : llvm::zip_equal(producer.getValueBlock()->getArguments(), exponent.read.getIndices()))
    inner.map(argument, cloneSlice(builder, subscript, top, map));
  return cloneSlice(builder, exponent.power.getOperand(), producer, inner);
}

void collectTerms(Value sum, SmallVectorImpl<Value> &terms) {
  auto add = sum.getDefiningOp<arith::AddFOp>();
  if (!add) {
    terms.push_back(sum);
    return;
  }
  collectTerms(add.getLhs(), terms);
  collectTerms(add.getRhs(), terms);
}

bool isNotNegative(Value value) {
  FloatAttr constant;
  if (matchPattern(value, m_Constant(&constant)))
    return !constant.getValue().isNegative();
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (auto read = dyn_cast<tensor::ExtractOp>(op)) {
    auto producer = read.getTensor().getDefiningOp<DefineOp>();
    return producer && !containsReduce(producer) && isNotNegative(producer.getYielded());
  }
  if (isa<math::ExpOp, math::AbsFOp, math::SqrtOp>(op))
    return true;
  if (isa<arith::MulFOp>(op) && op->getOperand(0) == op->getOperand(1))
    return true;
  if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op))
    return llvm::any_of(op->getOperands(), isNotNegative);
  return isa<arith::AddFOp, arith::MulFOp, arith::DivFOp>(op) && llvm::all_of(op->getOperands(), isNotNegative);
}

Value cloneLogarithm(OpBuilder &builder, Location location, ArrayRef<Value> terms, Operation *top, IRMapping &map) {
  if (terms.size() == 1 && exponentOf(terms.front()))
    return cloneExponent(builder, terms.front(), top, map);
  Value sum;
  for (Value term : terms) {
    Value one = cloneSlice(builder, term, top, map);
    sum = sum ? arith::AddFOp::create(builder, location, sum, one).getResult() : one;
  }
  return math::LogOp::create(builder, location, sum);
}

void inlineSums(DefineOp define) {
  auto quotient = define.getYielded().getDefiningOp<arith::DivFOp>();
  auto read = quotient ? quotient.getRhs().getDefiningOp<tensor::ExtractOp>() : tensor::ExtractOp();
  auto producer = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
  if (!producer || containsReduce(producer))
    return;
  SmallVector<Value> terms;
  collectTerms(producer.getYielded(), terms);
  bool hasTotal = llvm::any_of(terms, [](Value term) {
    auto inner = term.getDefiningOp<tensor::ExtractOp>();
    auto total = inner ? inner.getTensor().getDefiningOp<DefineOp>() : DefineOp();
    ReduceOp sum = total ? rootReduce(total) : ReduceOp();
    return sum && sum.getKind() == ReduceKind::Sum && exponentOf(sum.getYielded());
  });
  if (terms.size() < 2 || !hasTotal)
    return;
  OpBuilder builder(quotient);
  IRMapping map;
  map.map(producer.getValueBlock()->getArguments(), read.getIndices());
  quotient.getRhsMutable().assign(cloneSlice(builder, producer.getYielded(), producer, map));
}

namespace {

/// A term of a score: an operand of an addition, subtraction or negation, which stands in the score with a sign.
struct Term {
  OpOperand *operand;
  bool negative;
};

void collect(OpOperand &operand, bool negative, SmallVectorImpl<Term> &terms) {
  Operation *op = operand.get().getDefiningOp();
  if (op && isa<arith::AddFOp, arith::SubFOp, arith::NegFOp>(op) && op->hasOneUse()) {
    for (OpOperand &inner : op->getOpOperands())
      collect(inner, negative != (isa<arith::NegFOp>(op) || (isa<arith::SubFOp>(op) && inner.getOperandNumber() == 1)), terms);
    return;
  }
  terms.push_back({&operand, negative});
}

SmallVector<Term> termsOf(Region &region) {
  SmallVector<Term> terms;
  collect(region.front().getTerminator()->getOpOperand(0), false, terms);
  return terms;
}

/// The largest of a row, or of a row and something else.
bool isMaximum(Value value) {
  if (auto read = value.getDefiningOp<tensor::ExtractOp>()) {
    auto producer = read.getTensor().getDefiningOp<DefineOp>();
    if (!producer)
      return false;
    ReduceOp reduce = rootReduce(producer);
    return reduce ? reduce.getKind() == ReduceKind::Max : !containsReduce(producer) && isMaximum(producer.getYielded());
  }
  Operation *op = value.getDefiningOp();
  return op && isa<arith::MaximumFOp, arith::MaxNumFOp>(op) && llvm::any_of(op->getOperands(), isMaximum);
}

/// Puts in a number that changes nothing, which folds away.
void drop(Term const &term) {
  OpOperand &operand = *term.operand;
  OpBuilder builder(operand.getOwner());
  bool subtracted = isa<arith::SubFOp>(operand.getOwner()) && operand.getOperandNumber() == 1;
  auto type = cast<FloatType>(operand.get().getType());
  APFloat zero = APFloat::getZero(type.getFloatSemantics(), /*Negative=*/!subtracted);
  operand.set(arith::ConstantOp::create(builder, operand.getOwner()->getLoc(), builder.getFloatAttr(type, zero)));
}

} // namespace

void cancelRowTerms(SoftmaxOp softmax) {
  Value column = softmax.getValue().getArgument(softmax.getAxis());
  IRMapping rows; // from the score's indices to those of the rest
  if (softmax.hasRest())
    for (auto [position, argument] : llvm::enumerate(softmax.getRest().getArguments()))
      rows.map(softmax.getValue().getArgument(position < softmax.getAxis() ? position : position + 1), argument);
  for (Term const &term : termsOf(softmax.getValue())) {
    Value value = term.operand->get();
    if (isa<YieldOp>(term.operand->getOwner()) || !isMaximum(value) || indicesOf(value, softmax).contains(column))
      continue;
    if (!softmax.hasRest()) {
      drop(term);
      continue;
    }
    // Only what the rest loses at the same time.
    for (Term const &other : termsOf(softmax.getRest()))
      if (other.negative == term.negative && sameComputation(value, other.operand->get(), rows)) {
        drop(term);
        drop(other);
        break;
      }
  }
  eraseUnused(softmax);
}

} // namespace heed::derive
