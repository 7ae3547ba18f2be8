// Separable.cpp - which factors of a pair split at a point between its indices.
#include "compiler/derive/Separable.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {

bool Separable::factor(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<math::ExpOp, math::Exp2Op>(op))
    return additive(op->getOperand(0));
  if (isa_and_nonnull<math::PowFOp, math::FPowIOp>(op))
    return isFree(op->getOperand(0)) && additive(op->getOperand(1));
  if (isa_and_nonnull<arith::MulFOp>(op))
    return factor(op->getOperand(0)) && factor(op->getOperand(1));
  if (isa_and_nonnull<arith::DivFOp>(op))
    return (matchPattern(op->getOperand(0), m_OneFloat()) || factor(op->getOperand(0))) && factor(op->getOperand(1));
  return false;
}

bool Separable::additive(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return isDistance(value);
  if (auto read = dyn_cast<tensor::ExtractOp>(op))
    return isRangeSum(read);
  if (isa<arith::AddFOp>(op))
    return additive(op->getOperand(0)) && additive(op->getOperand(1));
  if (isa<arith::SubFOp>(op))
    return isDifference(op->getOperand(0), op->getOperand(1)) ||
           (additive(op->getOperand(0)) && additive(op->getOperand(1)));
  if (isa<arith::NegFOp, arith::ExtFOp, arith::SIToFPOp, arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return additive(op->getOperand(0));
  if (isa<arith::MulFOp>(op))
    return (isFree(op->getOperand(0)) && additive(op->getOperand(1))) ||
           (isFree(op->getOperand(1)) && additive(op->getOperand(0)));
  if (isa<arith::DivFOp>(op))
    return isFree(op->getOperand(1)) && additive(op->getOperand(0));
  return isa<IndexType>(value.getType()) && isDistance(value);
}

/// a * (i - j) + b with b = a * origin.
bool Separable::isDistance(Value value) {
  if (!isa<IndexType>(value.getType()))
    return false;
  AffineExpr form = affineOf(value, {row, column}, &symbols);
  if (!form)
    return false;
  MLIRContext *context = value.getContext();
  AffineExpr i = getAffineDimExpr(0, context), j = getAffineDimExpr(1, context);
  auto simple = [&](AffineExpr expr) { return simplifyAffineExpr(expr, 2, symbols.size()); };
  AffineExpr slope = simple(form.replace(i, i + 1) - form);
  return isa<AffineConstantExpr>(slope) && simple(form - slope * (i - j + origin)) == getAffineConstantExpr(0, context);
}

bool Separable::hasOriginZero() const {
  auto constant = dyn_cast<AffineConstantExpr>(origin);
  return constant && constant.getValue() == 0;
}

bool Separable::isDifference(Value left, Value right) {
  if (!hasOriginZero() || dependsOn(left, column) || dependsOn(right, row) || !dependsOn(left, row))
    return false;
  IRMapping map;
  map.map(row, column);
  return sameComputation(left, right, map);
}

/// The other side of a comparison of t, if it is `predicate` with t on the left.
static Value boundOf(Value condition, Value t, arith::CmpIPredicate predicate) {
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  if (!compare)
    return {};
  using P = arith::CmpIPredicate;
  P mirrored = predicate == P::sle ? P::sge : predicate == P::sgt ? P::slt : P::sle;
  if (compare.getPredicate() == predicate && compare.getLhs() == t)
    return compare.getRhs();
  if (compare.getPredicate() == mirrored && compare.getRhs() == t)
    return compare.getLhs();
  return {};
}

bool Separable::isRangeSum(tensor::ExtractOp read) {
  if (!hasOriginZero())
    return false;
  auto sum = read.getTensor().getDefiningOp<DefineOp>();
  ReduceOp reduce = sum ? rootReduce(sum) : ReduceOp();
  if (!reduce || reduce.getKind() != ReduceKind::Sum || reduce.getSizes().size() != 1 || !reduce.hasDomain())
    return false;
  std::optional<unsigned> rowAxis, columnAxis;
  for (auto [axis, subscript] : llvm::enumerate(read.getIndices())) {
    if (subscript == row)
      rowAxis = axis;
    else if (subscript == column)
      columnAxis = axis;
    else if (!isFree(subscript))
      return false;
  }
  if (!rowAxis || !columnAxis)
    return false;
  SmallVector<Value> conjuncts;
  collectConjuncts(reduce.getCondition(), conjuncts);
  Value t = reduce.getDomainBlock()->getArgument(0);
  ValueRange arguments = sum.getValueBlock()->getArguments();
  bool lower = false, upper = false, withKey = true;
  using P = arith::CmpIPredicate;
  for (Value condition : conjuncts) {
    if (boundOf(condition, t, P::sgt) == arguments[*columnAxis]) {
      lower = true;
      withKey = false;
    } else if (boundOf(condition, t, P::sge) == arguments[*columnAxis]) {
      lower = true;
    } else if (boundOf(condition, t, P::sle) == arguments[*rowAxis]) {
      upper = true;
    } else {
      return false;
    }
  }
  IndexSet used = indicesOf(reduce.getYielded(), sum);
  if (!lower || !upper || used.contains(arguments[*rowAxis]) || used.contains(arguments[*columnAxis]))
    return false;
  if (llvm::none_of(found, [&](RangeSum const &range) { return range.read == read; }))
    found.push_back({read, sum, reduce, *rowAxis, *columnAxis, withKey});
  return true;
}

} // namespace heed::derive
