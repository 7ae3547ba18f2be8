// RecogniseSoftmax.cpp - exponentials divided by their own sum are a softmax, and safe from overflow as one.
#include "compiler/derive/LinalgOperands.h"
#include "compiler/derive/Regions.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_RECOGNISESOFTMAX
#include "compiler/derive/Passes.h.inc"

namespace {

/// weights[.., j] = exp(score) / total[..] with total[..] = sum_j exp(score), over the same elements.
class Matcher {
public:
  explicit Matcher(DefineOp weights) : weights(weights) {}

  /// The axis of j; nullopt: no match.
  std::optional<unsigned> run() {
    auto quotient = weights.getYielded().getDefiningOp<arith::DivFOp>();
    auto power = quotient ? quotient.getLhs().getDefiningOp<math::ExpOp>() : math::ExpOp();
    auto read = quotient ? quotient.getRhs().getDefiningOp<tensor::ExtractOp>() : tensor::ExtractOp();
    total = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
    sum = total ? derive::rootReduce(total) : ReduceOp();
    if (!power || !sum || sum.getKind() != ReduceKind::Sum || sum.getSizes().size() != 1)
      return std::nullopt;
    auto summed = sum.getYielded().getDefiningOp<math::ExpOp>();
    std::optional<unsigned> axis = missingAxis(read);
    if (!summed || !axis ||
        !derive::sameSize(weights.getMixedSizes()[*axis], getAsOpFoldResult(sum.getSizes().front())))
      return std::nullopt;
    IRMapping map;
    map.map(total.getValueBlock()->getArguments(), read.getIndices());
    map.map(sum.getValueBlock()->getArgument(0), weights.getValueBlock()->getArgument(*axis));
    if (!derive::sameComputation(summed.getOperand(), power.getOperand(), map) || !sameDomain(read, *axis))
      return std::nullopt;
    score = power.getOperand();
    return axis;
  }

  Value score; ///< inside the weights

private:
  /// The one axis of the weights that the total is not read by.
  std::optional<unsigned> missingAxis(tensor::ExtractOp read) {
    std::optional<unsigned> missing;
    for (BlockArgument index : weights.getValueBlock()->getArguments()) {
      if (llvm::is_contained(read.getIndices(), Value(index)))
        continue;
      if (missing)
        return std::nullopt;
      missing = index.getArgNumber();
    }
    return missing;
  }

  bool sameDomain(tensor::ExtractOp read, unsigned axis) {
    SmallVector<Value> ofSum, ofWeights;
    if (sum.hasDomain())
      derive::collectConjuncts(sum.getCondition(), ofSum);
    if (weights.hasDomain())
      derive::collectConjuncts(weights.getCondition(), ofWeights);
    if (ofSum.size() != ofWeights.size())
      return false;
    if (ofSum.empty())
      return true;
    // The subscripts of the total, by the names that the domain's region has for the indices.
    IRMapping map;
    for (auto [argument, index] : llvm::zip_equal(total.getValueBlock()->getArguments(), read.getIndices())) {
      auto outer = dyn_cast<BlockArgument>(index);
      if (!outer || outer.getOwner() != weights.getValueBlock())
        return false;
      map.map(argument, weights.getDomainBlock()->getArgument(outer.getArgNumber()));
    }
    map.map(sum.getDomainBlock()->getArgument(0), weights.getDomainBlock()->getArgument(axis));
    return llvm::all_of(ofSum, [&](Value condition) {
      return llvm::any_of(ofWeights, [&](Value other) { return derive::sameComputation(condition, other, map); });
    });
  }

  DefineOp weights, total;
  ReduceOp sum;
};

struct RecogniseSoftmax : impl::RecogniseSoftmaxBase<RecogniseSoftmax> {
  void runOnOperation() override {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    for (DefineOp define : defines) {
      Matcher matcher(define);
      std::optional<unsigned> axis = matcher.run();
      if (!axis)
        continue;
      OpBuilder builder(define);
      auto copied = [&](Block &from, Value what) {
        return [&define, &from, what](OpBuilder &body, Location, ValueRange indices) {
          IRMapping map;
          map.map(from.getArguments(), indices);
          return derive::cloneSlice(body, what, define, map);
        };
      };
      auto value = copied(*define.getValueBlock(), matcher.score);
      SoftmaxOp softmax;
      if (define.hasDomain()) {
        auto domain = copied(*define.getDomainBlock(), define.getCondition());
        softmax = SoftmaxOp::create(builder, define.getLoc(), define.getType(), *axis, define.getSizes(), domain, value);
      } else {
        softmax = SoftmaxOp::create(builder, define.getLoc(), define.getType(), *axis, define.getSizes(), nullptr, value);
      }
      remark::passed(define.getLoc(), remark::RemarkOpts::name("RecogniseSoftmax").category("derive"))
          << "exponentials over their own sum: a softmax, computed without overflow";
      define.replaceAllUsesWith(softmax.getResult());
      define.erase();
    }
    derive::eraseUnused(getOperation());
  }
};

} // namespace
} // namespace heed
