// RecogniseSoftmax.cpp - exponentials divided by their own sum are a softmax, and safe from overflow as one.
#include "compiler/derive/Exponentials.h"
#include "compiler/derive/LinalgOperands.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_RECOGNISESOFTMAX
#include "compiler/derive/Passes.h.inc"

namespace {

/// A quotient whose divisor is sum_j exp(score), over the same elements as what it divides, plus a rest that no j varies. What it
/// divides is exp(score), or sum_j exp(score) * value.
class Matcher {
public:
  explicit Matcher(DefineOp top) : top(top) {}

  bool run() {
    quotient = top.getYielded().getDefiningOp<arith::DivFOp>();
    if (!quotient || !findTotal())
      return false;
    if (isExponential(quotient.getLhs())) {
      power = quotient.getLhs();
      std::optional<unsigned> axis = missingAxis();
      if (!axis || !sameSize(top.getMixedSizes()[*axis]))
        return false;
      column = top.getValueBlock()->getArgument(*axis);
      return matches(top.hasDomain() ? &top.getDomain() : nullptr, column);
    }
    return findWeightedSum();
  }

  /// The softmax in place of what was matched; returns what it replaces.
  void rewrite() {
    OpBuilder builder(top);
    // The weights have the rows that the total is read by, and the column.
    SmallVector<Value> axes;
    SmallVector<OpFoldResult> sizes;
    unsigned axis = 0;
    for (BlockArgument index : top.getValueBlock()->getArguments()) {
      bool isColumn = index == column;
      if (!isColumn && !isRow(index))
        continue;
      if (isColumn)
        axis = axes.size();
      axes.push_back(index);
      sizes.push_back(top.getMixedSizes()[index.getArgNumber()]);
    }
    if (weighted) {
      axis = axes.size();
      axes.push_back(column);
      sizes.push_back(getAsOpFoldResult(weighted.getSizes().front()));
    }
    SoftmaxOp softmax = createSoftmax(builder, axes, sizes, axis);
    derive::cancelRowTerms(softmax);
    remark::passed(top.getLoc(), remark::RemarkOpts::name("RecogniseSoftmax").category("derive"))
        << (rest.empty() ? "exponentials over their own sum: a softmax, computed without overflow"
                         : "exponentials over their own sum and a rest: a softmax with a sink, computed without overflow");
    if (!weighted) {
      top.replaceAllUsesWith(softmax.getResult());
      top.erase();
      return;
    }
    OpBuilder inner(power.getDefiningOp());
    Value weight = tensor::ExtractOp::create(inner, power.getLoc(), softmax, axes);
    power.replaceAllUsesWith(weight);
    quotient.replaceAllUsesWith(weighted.getResult());
    quotient.erase();
  }

  /// Takes back what matching has added.
  void discard() {
    if (weighted)
      weighted.erase();
  }

private:
  static bool isExponential(Value value) { return derive::exponentOf(value).has_value(); }

  /// One term of the divisor is the sum of exponentials; the others are the rest.
  bool findTotal() {
    SmallVector<Value> terms;
    derive::collectTerms(quotient.getRhs(), terms);
    for (Value term : terms) {
      auto read = term.getDefiningOp<tensor::ExtractOp>();
      auto producer = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
      ReduceOp found = producer ? derive::rootReduce(producer) : ReduceOp();
      bool isTotal = found && found.getKind() == ReduceKind::Sum && found.getSizes().size() == 1 &&
                     isExponential(found.getYielded()) &&
                     llvm::all_of(read.getIndices(), [](Value index) { return isa<BlockArgument>(index); });
      if (isTotal && !sum)
        total = producer, sum = found, totalRead = read;
      else
        rest.push_back(term);
    }
    // The logarithm of the rest becomes a score.
    return sum && llvm::all_of(rest, derive::isNotNegative) && llvm::all_of(rest, [&](Value term) {
             return llvm::all_of(derive::indicesOf(term, top), [&](Value index) { return isRow(index); });
           });
  }

  bool isRow(Value index) { return llvm::is_contained(totalRead.getIndices(), index); }
  bool sameSize(OpFoldResult size) { return derive::sameSize(size, getAsOpFoldResult(sum.getSizes().front())); }

  /// The one axis of the weights that the total is not read by.
  std::optional<unsigned> missingAxis() {
    std::optional<unsigned> missing;
    for (BlockArgument index : top.getValueBlock()->getArguments()) {
      if (isRow(index))
        continue;
      if (missing)
        return std::nullopt;
      missing = index.getArgNumber();
    }
    return missing;
  }

  /// sum_j exp(score) * value, read from a definition of its own, which nobody else needs: it is computed in `top` from here on.
  bool findWeightedSum() {
    auto read = quotient.getLhs().getDefiningOp<tensor::ExtractOp>();
    auto producer = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
    ReduceOp numerator = producer ? derive::rootReduce(producer) : ReduceOp();
    if (!numerator || !llvm::hasSingleElement(producer->getUsers()) || numerator.getKind() != ReduceKind::Sum ||
        numerator.getSizes().size() != 1 || !sameSize(getAsOpFoldResult(numerator.getSizes().front())))
      return false;
    OpBuilder builder(quotient);
    IRMapping map;
    map.map(producer.getValueBlock()->getArguments(), read.getIndices());
    weighted = derive::cloneSlice(builder, numerator.getResult(), producer, map).getDefiningOp<ReduceOp>();
    column = weighted.getValueBlock()->getArgument(0);
    SmallVector<Value> factors;
    derive::collectFactors(weighted.getYielded(), factors);
    for (Value factor : factors) {
      bool onRows = llvm::all_of(derive::indicesOf(factor, top), [&](Value index) { return index == column || isRow(index); });
      if (!isExponential(factor) || !onRows || !factor.hasOneUse())
        continue;
      power = factor;
      if (factors.size() > 1 && matches(weighted.hasDomain() ? &weighted.getDomain() : nullptr, column))
        return true;
    }
    return false;
  }

  /// Whether the total sums the same exponentials over the same elements.
  bool matches(Region *domain, Value column) {
    IRMapping map;
    map.map(total.getValueBlock()->getArguments(), totalRead.getIndices());
    map.map(sum.getValueBlock()->getArgument(0), column);
    if (!derive::sameComputation(sum.getYielded(), power, map))
      return false;
    SmallVector<Value> ofSum, ofWeights;
    if (sum.hasDomain())
      derive::collectConjuncts(sum.getCondition(), ofSum);
    if (domain)
      derive::collectConjuncts(domain->front().getTerminator()->getOperand(0), ofWeights);
    if (ofSum.size() != ofWeights.size())
      return false;
    if (ofSum.empty())
      return true;
    // The subscripts of the total by the names that the domain's region has for the indices.
    IRMapping names;
    for (auto [argument, index] : llvm::zip_equal(total.getValueBlock()->getArguments(), totalRead.getIndices())) {
      auto outer = cast<BlockArgument>(index);
      if (weighted)
        names.map(argument, index);
      else if (outer.getOwner() == top.getValueBlock())
        names.map(argument, domain->getArgument(outer.getArgNumber()));
      else
        return false;
    }
    names.map(sum.getDomainBlock()->getArgument(0),
              domain->getArgument(weighted ? 0 : cast<BlockArgument>(column).getArgNumber()));
    return llvm::all_of(ofSum, [&](Value condition) {
      return llvm::any_of(ofWeights, [&](Value other) { return derive::sameComputation(condition, other, names); });
    });
  }

  SoftmaxOp createSoftmax(OpBuilder &builder, ArrayRef<Value> axes, ArrayRef<OpFoldResult> sizes, unsigned axis) {
    auto score = [&](OpBuilder &body, Location, ValueRange indices) {
      IRMapping map;
      map.map(axes, indices);
      return derive::cloneExponent(body, power, top, map);
    };
    auto domain = [&](OpBuilder &body, Location, ValueRange indices) {
      IRMapping map;
      if (weighted) {
        map.map(axes, indices);
        map.map(weighted.getDomainBlock()->getArgument(0), indices[axis]);
        return derive::cloneSlice(body, weighted.getCondition(), top, map);
      }
      map.map(top.getDomainBlock()->getArguments(), indices);
      return derive::cloneSlice(body, top.getCondition(), top, map);
    };
    auto further = [&](OpBuilder &body, Location location, ValueRange indices) {
      IRMapping map;
      SmallVector<Value> rows(axes);
      rows.erase(rows.begin() + axis);
      map.map(rows, indices);
      return derive::cloneLogarithm(body, location, rest, top, map);
    };
    SmallVector<int64_t> shape;
    SmallVector<Value> dynamic;
    for (OpFoldResult size : sizes) {
      std::optional<int64_t> constant = getConstantIntValue(size);
      shape.push_back(constant.value_or(ShapedType::kDynamic));
      if (!constant)
        dynamic.push_back(cast<Value>(size));
    }
    BodyBuilder where = nullptr, restBuilder = nullptr;
    if (weighted ? weighted.hasDomain() : top.hasDomain())
      where = domain;
    if (!rest.empty())
      restBuilder = further;
    auto type = RankedTensorType::get(shape, quotient.getType());
    return SoftmaxOp::create(builder, top.getLoc(), type, axis, dynamic, where, score, restBuilder);
  }

  DefineOp top, total;
  arith::DivFOp quotient;
  ReduceOp sum;      ///< of `total`
  ReduceOp weighted; ///< inside `top`, where there is one
  tensor::ExtractOp totalRead;
  Value power, column;
  SmallVector<Value> rest;
};

struct RecogniseSoftmax : impl::RecogniseSoftmaxBase<RecogniseSoftmax> {
  void runOnOperation() override {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    for (DefineOp define : defines) {
      derive::inlineSums(define);
      Matcher matcher(define);
      if (matcher.run())
        matcher.rewrite();
      else
        matcher.discard();
    }
    derive::eraseUnused(getOperation());
  }
};

} // namespace
} // namespace heed
