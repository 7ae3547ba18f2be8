// RaiseAttention.cpp - weighted sums to heed.attention.
#include "compiler/derive/AttentionMatch.h"
#include "compiler/derive/InlinePairs.h"
#include "compiler/derive/JoinProducts.h"
#include "compiler/derive/LinalgOperands.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_RAISEATTENTION
#include "compiler/derive/Passes.h.inc"

namespace {

/// Reductions of truth values over no more than this are written out where a domain reads them, which shows their conditions
/// to whoever analyses it.
constexpr int64_t MaximumAlternatives = 16;

/// The reduction behind `producer`, if it is a short "any" or "all".
ReduceOp shortChoice(DefineOp producer) {
  ReduceOp reduce = derive::rootReduce(producer);
  if (!reduce || reduce.hasDomain() || reduce.getSizes().size() != 1 ||
      !llvm::is_contained({ReduceKind::Any, ReduceKind::All}, reduce.getKind()))
    return {};
  std::optional<int64_t> size = getConstantIntValue(reduce.getSizes().front());
  return size && *size >= 1 && *size <= MaximumAlternatives ? reduce : ReduceOp();
}

/// Writes short choices out in every domain, so that a softmax and the sum over its weights keep the same conditions.
void inlineChoices(Operation *top) {
  SmallVector<tensor::ExtractOp> reads;
  top->walk([&](Operation *op) {
    if (isa<SoftmaxOp, ReduceOp, DefineOp>(op) && !op->getRegion(0).empty())
      op->getRegion(0).walk([&](tensor::ExtractOp read) { reads.push_back(read); });
  });
  for (tensor::ExtractOp read : reads) {
    auto producer = read.getTensor().getDefiningOp<DefineOp>();
    ReduceOp choice = producer ? shortChoice(producer) : ReduceOp();
    if (!choice)
      continue;
    OpBuilder builder(read);
    Value all;
    for (int64_t step = 0; step < *getConstantIntValue(choice.getSizes().front()); ++step) {
      IRMapping map;
      map.map(producer.getValueBlock()->getArguments(), read.getIndices());
      map.map(choice.getValueBlock()->getArgument(0), arith::ConstantIndexOp::create(builder, choice.getLoc(), step));
      Value one = derive::cloneSlice(builder, choice.getYielded(), producer, map);
      if (!all)
        all = one;
      else if (choice.getKind() == ReduceKind::Any)
        all = arith::OrIOp::create(builder, choice.getLoc(), all, one);
      else
        all = arith::AndIOp::create(builder, choice.getLoc(), all, one);
    }
    read.replaceAllUsesWith(all);
    read.erase();
    if (producer->use_empty())
      producer.erase();
  }
}

/// Rewrites one match.
class Raising {
public:
  explicit Raising(derive::AttentionMatch &match) : match(match), builder(match.out), location(match.out.getLoc()) {
    SmallVector<OpFoldResult> outSizes = match.out.getMixedSizes();
    auto sizeOf = [&](Value index) -> OpFoldResult {
      return index ? outSizes[cast<BlockArgument>(index).getArgNumber()] : OpFoldResult(builder.getIndexAttr(1));
    };
    for (Value index : match.batch)
      add(index, sizeOf(index));
    row = loops.size();
    add(match.row, sizeOf(match.row));
    column = loops.size();
    add(match.column, getAsOpFoldResult(match.sum.getSizes().front()));
    if (match.dots) {
      inner = loops.size();
      add(match.dotSum.getValueBlock()->getArgument(0), getAsOpFoldResult(match.dotSum.getSizes().front()));
    }
    add(match.feature, sizeOf(match.feature));
  }

  void run() {
    Operand query, key;
    SmallVector<AffineMap> maps;
    if (match.dots) {
      query = operand(match.query), key = operand(match.key);
      maps.append({query.map, key.map});
    }
    Operand value = operand(match.value);
    maps.push_back(value.map);
    SmallVector<AffineExpr> results;
    for (BlockArgument index : match.out.getValueBlock()->getArguments())
      results.push_back(builder.getAffineDimExpr(positionOf(index)));
    maps.push_back(AffineMap::get(loops.size(), 0, results, builder.getContext()));

    Value init = tensor::EmptyOp::create(builder, location, match.out.getMixedSizes(), builder.getF32Type());
    SmallVector<Value> sizeValues = derive::sizeValues(builder, location, sizes);
    auto attention =
        AttentionOp::create(builder, location, sizeValues, query.tensor, key.tensor, value.tensor, init, maps);
    attention.setPlain(match.weights.isPlain());
    fill(attention.getScore(), match.weights.getValue(), /*withDot=*/match.dots != nullptr);
    if (match.combines)
      fillCombine(attention.getCombine());
    if (SoftmaxOp softmax = match.weights.getSoftmax(); softmax && softmax.hasRest())
      fillRest(attention.getRest(), softmax);
    if (!match.weights.isPlain()) {
      if (match.weights.hasDomain())
        fill(attention.getDomain(), match.weights.getDomain(), /*withDot=*/false);
    } else if (match.sum.hasDomain()) {
      fillFromSum(attention.getDomain());
    }

    remark::passed(location, remark::RemarkOpts::name("RaiseAttention").category("derive"))
        << (match.combines ? "queries, keys and values in one attention; the score sums terms that are no products"
            : match.dots   ? "queries, keys and values in one attention"
                           : "values in one attention; the score has no product of queries and keys");
    match.out.replaceAllUsesWith(attention.getResult());
    match.out.erase();
    match.weights->erase();
    if (match.dots && match.dots->use_empty())
      match.dots.erase();
  }

private:
  struct Operand {
    Value tensor;
    AffineMap map;
  };

  void add(Value index, OpFoldResult size) {
    loops.push_back(index);
    sizes.push_back(size);
  }
  unsigned positionOf(Value index) { return llvm::find(loops, index) - loops.begin(); }

  /// The loops by the names they have where `factors` are computed; null for those that do not exist there.
  SmallVector<Value> loopsAt(derive::Factors const &factors) {
    if (factors.owner == match.out)
      return loops;
    SmallVector<Value> here(loops.size());
    for (auto [argument, axis] : llvm::zip_equal(match.dots.getValueBlock()->getArguments(), match.dotAxes))
      here[positionOf(axis)] = argument;
    here[inner] = loops[inner];
    return here;
  }

  Operand operand(derive::Factors const &factors) {
    SmallVector<Value> here = loopsAt(factors);
    auto read = factors.values.front().getDefiningOp<tensor::ExtractOp>();
    if (read && factors.values.size() == 1 && read.getType().isF32()) {
      if (AffineMap map = derive::affineSubscripts(read, here))
        return {read.getTensor(), map};
      if (auto view = derive::operandOf(builder, read, here, sizes))
        return {view->tensor, view->map};
    }
    derive::IndexSet indices;
    for (Value value : factors.values)
      derive::collectIndices(value, factors.owner, indices);
    SmallVector<Value> axes;
    SmallVector<OpFoldResult> shape;
    SmallVector<AffineExpr> results;
    for (auto [position, index] : llvm::enumerate(here)) {
      if (!index || !indices.contains(index))
        continue;
      axes.push_back(index);
      shape.push_back(sizes[position]);
      results.push_back(builder.getAffineDimExpr(position));
    }
    auto product = [&](OpBuilder &body, Location where, ValueRange arguments) {
      IRMapping map;
      map.map(axes, arguments);
      Value all;
      for (Value value : factors.values) {
        Value one = derive::cloneSlice(body, value, factors.owner, map);
        all = all ? arith::MulFOp::create(body, where, all, one).getResult() : one;
      }
      return all;
    };
    Value stored =
        derive::makeDefine(builder, factors.values.front().getLoc(), builder.getF32Type(), shape, nullptr, product);
    return {stored, AffineMap::get(loops.size(), 0, results, builder.getContext())};
  }

  /// Copies a region of the softmax to a region of the attention.
  void fill(Region &to, Region &from, bool withDot) {
    SmallVector<Type> types(column + 1, builder.getIndexType());
    if (match.dots && &from == &match.weights.getValue())
      types.push_back(builder.getF32Type());
    OpBuilder::InsertionGuard guard(builder);
    Block *block = builder.createBlock(&to, to.end(), types, SmallVector<Location>(types.size(), location));
    IRMapping map;
    for (auto [argument, axis] : llvm::zip_equal(from.getArguments(), match.axes))
      map.map(argument, block->getArgument(positionOf(axis)));
    if (withDot)
      from.walk([&](tensor::ExtractOp read) {
        if (read.getTensor() == match.dots.getResult())
          map.map(read.getResult(), block->getArguments().back());
      });
    Value yielded =
        derive::cloneSlice(builder, from.front().getTerminator()->getOperand(0), match.weights.getOperation(), map);
    YieldOp::create(builder, location, yielded);
  }

  /// Copies the terms of the sum, with arguments in place of the values of query and key.
  void fillCombine(Region &to) {
    SmallVector<Type> types(row + 1, builder.getIndexType());
    types.append(2, builder.getF32Type());
    OpBuilder::InsertionGuard guard(builder);
    Block *block = builder.createBlock(&to, to.end(), types, SmallVector<Location>(types.size(), location));
    IRMapping map;
    for (auto [argument, axis] : llvm::zip_equal(match.dots.getValueBlock()->getArguments(), match.dotAxes))
      if (positionOf(axis) < row)
        map.map(argument, block->getArgument(positionOf(axis)));
    map.map(match.dotSum.getValueBlock()->getArgument(0), block->getArgument(row));
    for (Value same : match.term.query)
      map.map(same, block->getArgument(row + 1));
    for (Value same : match.term.key)
      map.map(same, block->getArgument(row + 2));
    Value term = derive::cloneSlice(builder, match.dotSum.getYielded(), match.dots, map);
    YieldOp::create(builder, location, term);
  }

  /// Copies the further term of the divisor.
  void fillRest(Region &to, SoftmaxOp softmax) {
    SmallVector<Type> types(row + 1, builder.getIndexType());
    OpBuilder::InsertionGuard guard(builder);
    Block *block = builder.createBlock(&to, to.end(), types, SmallVector<Location>(types.size(), location));
    SmallVector<Value> rows(match.axes);
    rows.erase(rows.begin() + softmax.getAxis());
    IRMapping map;
    for (auto [argument, axis] : llvm::zip_equal(softmax.getRest().getArguments(), rows))
      map.map(argument, block->getArgument(positionOf(axis)));
    Value rest = softmax.getRest().front().getTerminator()->getOperand(0);
    YieldOp::create(builder, location, derive::cloneSlice(builder, rest, softmax, map));
  }

  /// Copies the domain of the sum.
  void fillFromSum(Region &to) {
    SmallVector<Type> types(column + 1, builder.getIndexType());
    OpBuilder::InsertionGuard guard(builder);
    Block *block = builder.createBlock(&to, to.end(), types, SmallVector<Location>(types.size(), location));
    IRMapping map;
    for (auto [position, loop] : llvm::enumerate(ArrayRef(loops).take_front(column)))
      if (loop)
        map.map(loop, block->getArgument(position));
    map.map(match.sum.getDomainBlock()->getArgument(0), block->getArgument(column));
    YieldOp::create(builder, location, derive::cloneSlice(builder, match.sum.getCondition(), match.out, map));
  }

  derive::AttentionMatch &match;
  OpBuilder builder;
  Location location;
  SmallVector<Value> loops; // batch.., row, column, inner, feature; null for a loop of one step
  SmallVector<OpFoldResult> sizes;
  unsigned row = 0, column = 0, inner = 0;
};

struct RaiseAttention : impl::RaiseAttentionBase<RaiseAttention> {
  void runOnOperation() override {
    inlineChoices(getOperation());
    // Softmaxes first: what looks like plain weights may be one side of their products.
    raise(/*plain=*/false);
    raise(/*plain=*/true);
  }

  void raise(bool plain) {
    SmallVector<derive::Weights> all;
    getOperation().walk([&](Operation *op) {
      if (auto softmax = dyn_cast<SoftmaxOp>(op); softmax && !plain)
        all.push_back(derive::Weights(op));
      if (auto define = dyn_cast<DefineOp>(op); define && plain)
        if (DefineOp weights = derive::plainWeights(define))
          all.push_back(derive::Weights(weights));
    });
    llvm::SmallSetVector<DefineOp, 8> sums;
    for (derive::Weights weights : all) {
      derive::inlineIntoScore(weights);
      derive::joinProducts(weights);
      weights.getValue().walk([&](tensor::ExtractOp read) {
        if (auto producer = read.getTensor().getDefiningOp<DefineOp>())
          sums.insert(producer);
      });
    }
    for (DefineOp sum : sums)
      derive::inlineIntoTerms(sum);

    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    for (DefineOp define : defines) {
      std::string reason;
      if (std::optional<derive::AttentionMatch> match = derive::matchAttention(define, plain, reason))
        Raising(*match).run();
      else if (!reason.empty())
        remark::missed(define.getLoc(), remark::RemarkOpts::name("RaiseAttention").category("derive")) << reason;
    }
  }
};

} // namespace
} // namespace heed
