// InlinePairs.cpp - what is as large as the weights, or larger, is computed where it is read.
#include "compiler/derive/InlinePairs.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {

/// Computes an element of `producer` where `read` reads it; adds the reads of the copy to the worklist.
static void inlineRead(tensor::ExtractOp read, DefineOp producer, SmallVectorImpl<tensor::ExtractOp> &worklist) {
  OpBuilder builder(read);
  IRMapping map;
  map.map(producer.getValueBlock()->getArguments(), read.getIndices());
  Value value = cloneSlice(builder, producer.getYielded(), producer, map);
  producer.getValue().walk([&](tensor::ExtractOp original) {
    if (Value copy = map.lookupOrNull(original.getResult()))
      worklist.push_back(copy.getDefiningOp<tensor::ExtractOp>());
  });
  read.replaceAllUsesWith(value);
  read.erase();
  if (producer->use_empty())
    producer.erase();
}

/// Computes definitions without reductions where `region` reads them, if they are read by several indices and by `column` (null: any).
static void inlinePairs(Region &region, Operation *top, Value column) {
  SmallVector<tensor::ExtractOp> worklist;
  region.walk([&](tensor::ExtractOp read) { worklist.push_back(read); });
  while (!worklist.empty()) {
    tensor::ExtractOp read = worklist.pop_back_val();
    auto producer = read.getTensor().getDefiningOp<DefineOp>();
    IndexSet indices;
    for (Value subscript : read.getIndices())
      collectIndices(subscript, top, indices);
    if (producer && !containsReduce(producer) && indices.size() > 1 && (!column || indices.contains(column)))
      inlineRead(read, producer, worklist);
  }
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

/// Computes definitions without reductions where the sum of `dots` reads them, if every term needs its own element of them: they
/// are larger than the scores.
void inlineIntoTerms(DefineOp dots) {
  ReduceOp sum = rootReduce(dots);
  if (!sum)
    return;
  size_t all = dots.getType().getRank() + sum.getSizes().size();
  SmallVector<tensor::ExtractOp> worklist;
  sum.getValue().walk([&](tensor::ExtractOp read) { worklist.push_back(read); });
  while (!worklist.empty()) {
    tensor::ExtractOp read = worklist.pop_back_val();
    auto producer = read.getTensor().getDefiningOp<DefineOp>();
    IndexSet indices;
    for (Value subscript : read.getIndices())
      collectIndices(subscript, dots, indices);
    if (!producer || containsReduce(producer) || indices.size() < all)
      continue;
    inlineRead(read, producer, worklist);
  }
}

} // namespace heed::derive
