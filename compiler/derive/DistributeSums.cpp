// DistributeSums.cpp - a sum over a difference of softmax weights as a difference of sums.
#include "compiler/derive/Regions.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_DISTRIBUTESUMS
#include "compiler/derive/Passes.h.inc"

namespace {

/// A factor that is a sum of terms, each with its sign.
struct Term {
  Value value;
  bool negative;
};

void collectTerms(Value value, bool negative, SmallVectorImpl<Term> &terms) {
  Operation *op = value.getDefiningOp();
  if (op && isa<arith::AddFOp, arith::SubFOp, arith::NegFOp>(op)) {
    for (auto [position, operand] : llvm::enumerate(op->getOperands()))
      collectTerms(operand, negative != (isa<arith::NegFOp>(op) || (isa<arith::SubFOp>(op) && position == 1)), terms);
    return;
  }
  terms.push_back({value, negative});
}

bool readsWeights(Value term) {
  SmallVector<Value> factors;
  derive::collectFactors(term, factors);
  return llvm::any_of(factors, [](Value factor) {
    auto read = factor.getDefiningOp<tensor::ExtractOp>();
    return read && read.getTensor().getDefiningOp<SoftmaxOp>();
  });
}

struct DistributeSums : impl::DistributeSumsBase<DistributeSums> {
  void runOnOperation() override {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    for (DefineOp define : defines)
      if (ReduceOp sum = derive::rootReduce(define))
        if (sum.getKind() == ReduceKind::Sum && isa<FloatType>(sum.getType()))
          distribute(define, sum);
    derive::eraseUnused(getOperation());
  }

  /// The terms of a factor, which may be read from a definition of nothing else.
  static SmallVector<Term> termsOf(Value factor) {
    SmallVector<Term> terms;
    auto read = factor.getDefiningOp<tensor::ExtractOp>();
    auto producer = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
    bool through = producer && !derive::containsReduce(producer) && llvm::hasSingleElement(producer->getUsers());
    collectTerms(through ? producer.getYielded() : factor, false, terms);
    return terms;
  }

  void distribute(DefineOp define, ReduceOp sum) {
    SmallVector<Value> factors;
    derive::collectFactors(sum.getYielded(), factors);
    for (Value factor : factors) {
      SmallVector<Term> terms = termsOf(factor);
      if (terms.size() < 2 || llvm::none_of(terms, [](Term const &term) { return readsWeights(term.value); }))
        continue;
      if (auto read = factor.getDefiningOp<tensor::ExtractOp>()) {
        auto producer = read.getTensor().getDefiningOp<DefineOp>();
        OpBuilder builder(read);
        IRMapping map;
        map.map(producer.getValueBlock()->getArguments(), read.getIndices());
        Value inlined = derive::cloneSlice(builder, producer.getYielded(), producer, map);
        read.replaceAllUsesWith(inlined);
        read.erase();
        producer.erase();
        factor = inlined;
        terms.clear();
        collectTerms(factor, false, terms);
      }
      auto isInSum = [&](Value value) {
        Operation *op = value.getDefiningOp();
        return op && op->getBlock() == sum.getValueBlock();
      };
      if (isInSum(factor) && llvm::all_of(terms, [&](Term const &term) { return isInSum(term.value); }))
        split(define, sum, factor, terms);
      return;
    }
  }

  static void split(DefineOp define, ReduceOp sum, Value factor, ArrayRef<Term> terms) {
    OpBuilder builder(define);
    Location location = define.getLoc();
    SmallVector<Value> sums;
    for (Term const &term : terms) {
      auto body = [&](OpBuilder &inner, Location, ValueRange indices) {
        IRMapping map;
        map.map(define.getValueBlock()->getArguments(), indices);
        return derive::cloneSlice(inner, sum, define, map);
      };
      DefineOp own =
          derive::makeDefine(builder, location, define.getType().getElementType(), define.getMixedSizes(), nullptr, body);
      // In the copy, the factor is replaced by its term: where the factor stands among the operations of the body, the copy's does.
      replaceFactor(derive::rootReduce(own), sum, factor, term.value);
      sums.push_back(own);
    }
    auto whole = [&](OpBuilder &inner, Location where, ValueRange indices) {
      Value all;
      for (auto [own, term] : llvm::zip_equal(sums, terms)) {
        Value one = tensor::ExtractOp::create(inner, where, own, indices);
        if (!all)
          all = term.negative ? arith::NegFOp::create(inner, where, one).getResult() : one;
        else if (term.negative)
          all = arith::SubFOp::create(inner, where, all, one);
        else
          all = arith::AddFOp::create(inner, where, all, one);
      }
      return all;
    };
    DefineOp combined = derive::makeDefine(builder, location, define.getType().getElementType(), define.getMixedSizes(),
                                           nullptr, whole);
    remark::passed(location, remark::RemarkOpts::name("DistributeSum").category("derive"))
        << "summed in " << std::to_string(terms.size()) << " parts, one for each term of the weights";
    define.replaceAllUsesWith(combined.getResult());
    define.erase();
  }

  /// `copy` is a clone of `sum`, with its operations in the same order.
  static void replaceFactor(ReduceOp copy, ReduceOp sum, Value factor, Value term) {
    auto counterpart = [&](Value value) -> Value {
      Operation *op = value.getDefiningOp();
      auto position = std::distance(sum.getValueBlock()->begin(), op->getIterator());
      return std::next(copy.getValueBlock()->begin(), position)->getResult(0);
    };
    counterpart(factor).replaceAllUsesWith(counterpart(term));
  }
};

} // namespace
} // namespace heed
