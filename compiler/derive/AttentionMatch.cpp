// AttentionMatch.cpp - the structure of a weighted sum: which index is row, column, batch and feature.
#include "compiler/derive/AttentionMatch.h"

#include "compiler/derive/LinalgOperands.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {
namespace {

/// The subscripts of `read` if they are distinct block arguments.
std::optional<SmallVector<Value>> plainSubscripts(tensor::ExtractOp read) {
  SmallVector<Value> result;
  for (Value subscript : read.getIndices()) {
    if (!isa<BlockArgument>(subscript) || llvm::is_contained(result, subscript))
      return std::nullopt;
    result.push_back(subscript);
  }
  return result;
}

class Matcher {
public:
  Matcher(DefineOp out, bool plain, std::string &reason) : plain(plain), reason(reason) { match.out = out; }

  std::optional<AttentionMatch> run() {
    match.sum = rootReduce(match.out);
    if (!match.sum || match.sum.getKind() != ReduceKind::Sum || match.sum.getSizes().size() != 1 ||
        !match.out.getType().getElementType().isF32())
      return std::nullopt;
    if (!findWeights() || !checkWeights() || !checkDomain() || !findFeature())
      return std::nullopt;
    IndexSet fixed = indicesOf(match.value);
    bool stored = match.value.values.size() > 1 || !match.value.values.front().getDefiningOp<tensor::ExtractOp>();
    if (stored && match.axes.size() > 1 && !leavesRow(fixed)) {
      reason = "the value depends on the row";
      return std::nullopt;
    }
    findDots(fixed);
    for (Value index : match.dots ? indicesOf(match.key) : IndexSet())
      fixed.insert(index);
    assignRows(fixed);
    return match;
  }

private:
  bool refuse(char const *why) {
    reason = why;
    return false;
  }

  /// The factors of the sum: one read of the weights, and the value.
  bool findWeights() {
    SmallVector<Value> factors;
    collectFactors(match.sum.getYielded(), factors);
    DefineOp plainOnes = plain ? plainWeights(match.out) : DefineOp();
    auto isWeights = [&](Operation *producer) {
      return producer && (plain ? producer == plainOnes.getOperation() : isa<SoftmaxOp>(producer));
    };
    for (Value factor : factors)
      if (auto read = factor.getDefiningOp<tensor::ExtractOp>())
        if (!match.weights && isWeights(read.getTensor().getDefiningOp())) {
          match.weights = Weights(read.getTensor().getDefiningOp());
          weightsRead = read;
        }
    for (Value factor : factors)
      if (!weightsRead || factor != weightsRead.getResult())
        match.value.values.push_back(factor);
    match.value.owner = match.out;
    return static_cast<bool>(match.weights);
  }

  bool checkWeights() {
    Weights weights = match.weights;
    if (!llvm::hasSingleElement(weights->getUsers()))
      return refuse("the weights are also read elsewhere or returned");
    std::optional<SmallVector<Value>> axes = plainSubscripts(weightsRead);
    match.column = match.sum.getValueBlock()->getArgument(0);
    auto column = axes ? llvm::find(*axes, match.column) : nullptr;
    if (!axes || column == axes->end())
      return refuse("the sum does not run over an axis of the weights");
    auto loops = match.out.getValueBlock()->getArguments();
    if (llvm::any_of(*axes, [&](Value index) { return index != match.column && !llvm::is_contained(loops, index); }))
      return refuse("a row of the weights is chosen outside the definition");
    unsigned axis = column - axes->begin();
    if (SoftmaxOp softmax = weights.getSoftmax(); softmax && softmax.getAxis() != axis)
      return refuse("the sum does not run over the axis that the softmax normalises");
    match.axes = *axes;
    if (!sameSize(weights.getMixedSizes()[axis], getAsOpFoldResult(match.sum.getSizes().front())))
      return refuse("the sum runs over another range than the weights");
    if (!weights.getType().getElementType().isF32())
      return refuse("the weights are not stored in f32");
    if (match.value.values.empty())
      return refuse("the sum has no value beside the weights");
    return true;
  }

  /// Outside the domain of the softmax the weights are 0, so the sum may run over more, but not over less.
  /// Plain weights are read where the sum runs, and nowhere else.
  bool checkDomain() {
    if (!match.sum.hasDomain() || match.weights.isPlain())
      return true;
    SmallVector<Value> summed, normalised;
    collectConjuncts(match.sum.getCondition(), summed);
    IRMapping map;
    if (match.weights.hasDomain()) {
      collectConjuncts(match.weights.getCondition(), normalised);
      for (auto [argument, axis] : llvm::zip_equal(match.weights.getDomain().getArguments(), match.axes))
        map.map(argument, axis == match.column ? Value(match.sum.getDomainBlock()->getArgument(0)) : axis);
    }
    for (Value condition : summed)
      if (llvm::none_of(normalised, [&](Value other) { return sameComputation(other, condition, map); }))
        return refuse("the sum runs over other elements than the softmax");
    return true;
  }

  bool findFeature() {
    for (BlockArgument argument : match.out.getValueBlock()->getArguments()) {
      if (llvm::is_contained(match.axes, argument))
        continue;
      if (match.feature)
        return refuse("the value has more than one axis of features");
      match.feature = argument;
    }
    if (match.feature && match.sum.hasDomain() &&
        derive::indicesOf(match.sum.getCondition(), match.out).contains(match.feature))
      return refuse("features are summed over different elements");
    return true;
  }

  /// The axes of the weights (as named by `out`) that a factor depends on.
  IndexSet indicesOf(Factors const &factors) {
    IndexSet indices;
    for (Value value : factors.values) {
      IndexSet own;
      collectIndices(value, factors.owner, own);
      for (Value index : own)
        if (Value name = nameOf(index))
          indices.insert(name);
    }
    return indices;
  }
  /// Indices of `dots` under the name that `out` has for them.
  Value nameOf(Value index) {
    if (!match.dots || cast<BlockArgument>(index).getOwner() != match.dots.getValueBlock())
      return index;
    return match.dotAxes[cast<BlockArgument>(index).getArgNumber()];
  }

  bool leavesRow(IndexSet const &fixed) {
    return llvm::any_of(match.axes, [&](Value axis) { return axis != match.column && !fixed.contains(axis); });
  }

  void findDots(IndexSet const &ofValue) {
    SmallVector<tensor::ExtractOp> reads;
    match.weights.getValue().walk([&](tensor::ExtractOp read) { reads.push_back(read); });
    for (bool products : {true, false})
      for (tensor::ExtractOp read : reads)
        if (findSum(read) && (products ? isProduct(ofValue) : isCombination(ofValue)))
          return;
    match.dots = {};
  }

  /// A definition that sums over one index, read by the column.
  bool findSum(tensor::ExtractOp read) {
    match.dots = read.getTensor().getDefiningOp<DefineOp>();
    ReduceOp sum = match.dots ? rootReduce(match.dots) : ReduceOp();
    if (!sum || sum.getKind() != ReduceKind::Sum || sum.getSizes().size() != 1 || sum.hasDomain() ||
        !sum.getType().isF32())
      return false;
    std::optional<SmallVector<Value>> subscripts = plainSubscripts(read);
    if (!subscripts)
      return false;
    match.dotSum = sum;
    match.dotAxes.clear();
    for (Value subscript : *subscripts)
      match.dotAxes.push_back(match.axes[cast<BlockArgument>(subscript).getArgNumber()]);
    return llvm::is_contained(match.dotAxes, match.column);
  }

  bool isProduct(IndexSet const &ofValue) {
    ReduceOp sum = match.dotSum;
    match.query = {{}, match.dots, sum}, match.key = {{}, match.dots, sum};
    SmallVector<Value> factors;
    collectFactors(sum.getYielded(), factors);
    for (Value factor : factors)
      (indicesOf({{factor}, match.dots, sum}).contains(match.column) ? match.key : match.query)
          .values.push_back(factor);
    Value inner = sum.getValueBlock()->getArgument(0);
    auto sumsOver = [&](Factors const &side) {
      return llvm::any_of(side.values,
                          [&](Value value) { return derive::indicesOf(value, side.owner).contains(inner); });
    };
    return sumsOver(match.query) && sumsOver(match.key) && areKeys(ofValue);
  }

  /// Terms of one value of the query and one of the key, for the last axis that can be the row.
  bool isCombination(IndexSet const &ofValue) {
    SmallVector<Value> rows;
    for (BlockArgument argument : llvm::reverse(match.out.getValueBlock()->getArguments()))
      if (llvm::is_contained(match.axes, argument) && !ofValue.contains(argument))
        rows.push_back(argument);
    if (rows.empty())
      rows.push_back(Value());
    for (Value row : rows) {
      auto sideOf = [&](Value index) {
        Value name = nameOf(index);
        return name == match.column ? Side::Column : row && name == row ? Side::Row : Side::Shared;
      };
      std::optional<PairTerm> term = splitTerm(match.dotSum.getYielded(), match.dots, row != Value(), sideOf);
      if (!term)
        continue;
      match.term = *term;
      match.query = {{term->query.front()}, match.dots, match.dotSum};
      match.key = {{term->key.front()}, match.dots, match.dotSum};
      match.combines = areKeys(ofValue);
      match.row = row;
      if (match.combines)
        return true;
    }
    return false;
  }

  bool areKeys(IndexSet const &ofValue) {
    IndexSet fixed = ofValue;
    for (Value index : indicesOf(match.key))
      fixed.insert(index);
    // Keys that differ for every row are no keys of an attention.
    return leavesRow(fixed) || !leavesRow(ofValue);
  }

  /// The row is the last axis that neither keys nor values depend on.
  void assignRows(IndexSet const &fixed) {
    for (BlockArgument argument : match.out.getValueBlock()->getArguments()) {
      if (!llvm::is_contained(match.axes, argument))
        continue;
      match.batch.push_back(argument);
      if (!fixed.contains(argument) && !match.combines)
        match.row = argument;
    }
    if (match.row)
      llvm::erase(match.batch, match.row);
  }

  bool plain;
  std::string &reason;
  AttentionMatch match;
  tensor::ExtractOp weightsRead;
};

} // namespace

SmallVector<OpFoldResult> Weights::getMixedSizes() const {
  if (SoftmaxOp softmax = getSoftmax())
    return softmax.getMixedSizes();
  return cast<DefineOp>(op).getMixedSizes();
}

/// Whether a definition, or what it reads without reductions of its own, reads a sum of products over one index.
static bool readsProducts(DefineOp define, unsigned depth = 0) {
  bool found = false;
  define.getValue().walk([&](tensor::ExtractOp read) {
    auto producer = read.getTensor().getDefiningOp<DefineOp>();
    if (!producer || found || depth > 8)
      return;
    ReduceOp sum = rootReduce(producer);
    found = sum ? sum.getKind() == ReduceKind::Sum && sum.getYielded().getDefiningOp<arith::MulFOp>() && producer.getType().getRank() > 1
                : !containsReduce(producer) && readsProducts(producer, depth + 1);
  });
  return found;
}

DefineOp plainWeights(DefineOp out) {
  ReduceOp sum = rootReduce(out);
  if (!sum || sum.getKind() != ReduceKind::Sum || sum.getSizes().size() != 1)
    return {};
  SmallVector<Value> factors;
  collectFactors(sum.getYielded(), factors);
  for (Value factor : factors) {
    auto read = factor.getDefiningOp<tensor::ExtractOp>();
    auto weights = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
    if (weights && weights.getType().getRank() > 1 && llvm::hasSingleElement(weights->getUsers()) &&
        !containsReduce(weights) && readsProducts(weights))
      return weights;
  }
  return {};
}

std::optional<AttentionMatch> matchAttention(DefineOp out, bool plain, std::string &reason) {
  return Matcher(out, plain, reason).run();
}

} // namespace heed::derive
