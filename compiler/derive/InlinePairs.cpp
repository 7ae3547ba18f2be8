// InlinePairs.cpp - what is as large as the weights, or larger, is computed where it is read.
#include "compiler/derive/InlinePairs.h"

#include "compiler/derive/InlineReads.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {

/// Computes definitions where `region` reads them, if they are read by several indices and by `column` (null: any).
static void inlinePairs(Region &region, Operation *top, Value column) {
  inlineReads(region, top,
              [&](DefineOp, IndexSet const &indices) { return indices.size() > 1 && (!column || indices.contains(column)); });
}

/// What is as large as the weights needs no storage as a part of the score, or of the domain that the sum over the weights has, too.
void inlineIntoScore(Weights weights) {
  SoftmaxOp softmax = weights.getSoftmax();
  for (Region *region : {&weights.getDomain(), &weights.getValue()})
    if (!region->empty())
      inlinePairs(*region, weights.getOperation(), softmax ? region->getArgument(softmax.getAxis()) : Value());
  if (!softmax)
    return;
  for (Operation *user : weights->getUsers()) {
    auto sum = user->getParentOfType<ReduceOp>();
    auto define = sum ? sum->getParentOfType<DefineOp>() : DefineOp();
    if (define && sum.hasDomain() && sum.getSizes().size() == 1)
      inlinePairs(sum.getDomain(), define, sum.getDomainBlock()->getArgument(0));
  }
}

/// Computes definitions where the sum of `dots` reads them, if every term needs its own element of them: they are larger than the
/// scores.
void inlineIntoTerms(DefineOp dots) {
  if (ReduceOp sum = rootReduce(dots)) {
    size_t all = dots.getType().getRank() + sum.getSizes().size();
    inlineReads(sum.getValue(), dots, [&](DefineOp, IndexSet const &indices) { return indices.size() >= all; });
  }
}

} // namespace heed::derive
