// RowSum.cpp - what combines its elements in a way that allows any order.
#include "compiler/lower/RowSum.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace heed {

bool RowSum::isIdempotent() const { return !isa<arith::AddFOp>(combiner); }

std::optional<RowSum> RowSum::match(linalg::LinalgOp op, unsigned dim) {
  if (op->getNumResults() != 1 || op.getNumDpsInits() != 1 ||
      op.getIteratorTypesArray()[dim] != utils::IteratorType::reduction)
    return std::nullopt;
  Block *body = op.getBlock();
  Value accumulator = body->getArguments().back();
  Operation *combiner = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!combiner || combiner->getNumOperands() != 2 || !accumulator.hasOneUse() || *accumulator.user_begin() != combiner)
    return std::nullopt;
  auto type = dyn_cast<FloatType>(accumulator.getType());
  // A part that begins anew must not count the initial value a second time: it is neutral, or may be counted often.
  auto fill = op.getDpsInits().front().getDefiningOp<linalg::FillOp>();
  if (!type || !fill)
    return std::nullopt;
  bool negative = isa<arith::MaximumFOp, arith::MaxNumFOp>(combiner);
  APFloat neutral = APFloat::getInf(type.getFloatSemantics(), negative);
  if (isa<arith::AddFOp>(combiner)) {
    if (!matchPattern(fill.getInputs().front(), m_AnyZeroFloat()))
      return std::nullopt;
    neutral = APFloat::getZero(type.getFloatSemantics());
  } else if (!negative && !isa<arith::MinimumFOp, arith::MinNumFOp>(combiner)) {
    return std::nullopt;
  }
  Value term = combiner->getOperand(combiner->getOperand(0) == accumulator ? 1 : 0);
  return RowSum{combiner, term, FloatAttr::get(type, neutral), linalg::isaContractionOpInterface(op)};
}

} // namespace heed
