// CausalSum.cpp - the structure of a causal sum: which keys a row sees, and which factor belongs to whom.
#include "compiler/derive/CausalSum.h"

#include "compiler/derive/InlineReads.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {
namespace {

class Matcher {
public:
  Matcher(DefineOp out, std::string &reason) : reason(reason) { match.out = out; }

  std::optional<CausalSum> run() {
    match.sum = rootReduce(match.out);
    if (!isPlainSum(match.sum) || !match.sum.hasDomain() || !findPrefix())
      return std::nullopt;
    match.column = match.sum.getValueBlock()->getArgument(0);
    // What `out` reads for every pair is computed in it.
    inlineReads(match.sum.getValue(), match.out, [&](DefineOp, IndexSet const &indices) { return isPair(indices); });
    if (!findDots() || !checkKeys() || !assignOuter() || !assignInner() || !checkPairs())
      return std::nullopt;
    return match;
  }

private:
  bool refuse(char const *why) {
    reason = why;
    return false;
  }

  /// The domain is one comparison, j <= i + shift.
  bool findPrefix() {
    SmallVector<Value> conjuncts;
    collectConjuncts(match.sum.getCondition(), conjuncts);
    auto compare = conjuncts.size() == 1 ? conjuncts.front().getDefiningOp<arith::CmpIOp>() : arith::CmpIOp();
    if (!compare || !isa<IndexType>(compare.getLhs().getType()))
      return false;
    ValueRange arguments = match.out.getValueBlock()->getArguments();
    SmallVector<Value> dims(arguments);
    dims.push_back(match.sum.getDomainBlock()->getArgument(0));
    AffineExpr left = affineOf(compare.getLhs(), dims, &match.symbols),
               right = affineOf(compare.getRhs(), dims, &match.symbols);
    if (!left || !right)
      return false;
    using P = arith::CmpIPredicate;
    P predicate = compare.getPredicate();
    if (predicate == P::sge || predicate == P::sgt)
      std::swap(left, right);
    else if (predicate != P::sle && predicate != P::slt)
      return false;
    bool strict = predicate == P::slt || predicate == P::sgt;
    AffineExpr room = right - left - int64_t(strict) + getAffineDimExpr(arguments.size(), left.getContext());
    for (BlockArgument argument : match.out.getValueBlock()->getArguments()) {
      AffineExpr rest = simplifyAffineExpr(room - getAffineDimExpr(argument.getArgNumber(), left.getContext()), dims.size(),
                                           match.symbols.size());
      if (rest.isSymbolicOrConstant()) {
        match.row = argument;
        match.shift = rest;
        return true;
      }
    }
    return false;
  }

  bool isPair(IndexSet const &indices) { return indices.contains(match.row) && indices.contains(match.column); }

  /// The factors of the value inside `out`; a quotient is a product with the reciprocal.
  void collect(Value value, SmallVectorImpl<Value> &factors) {
    if (auto product = value.getDefiningOp<arith::MulFOp>()) {
      collect(product.getLhs(), factors);
      collect(product.getRhs(), factors);
      return;
    }
    auto quotient = value.getDefiningOp<arith::DivFOp>();
    if (!quotient || matchPattern(quotient.getLhs(), m_OneFloat())) {
      factors.push_back(value);
      return;
    }
    collect(quotient.getLhs(), factors);
    OpBuilder builder(quotient);
    Value one = arith::ConstantOp::create(builder, quotient.getLoc(), builder.getF32FloatAttr(1.0f));
    factors.push_back(arith::DivFOp::create(builder, quotient.getLoc(), one, quotient.getRhs()));
  }

  bool findDots() {
    collect(match.sum.getYielded(), outer);
    for (Value &factor : outer) {
      auto read = factor.getDefiningOp<tensor::ExtractOp>();
      auto producer = read ? read.getTensor().getDefiningOp<DefineOp>() : DefineOp();
      ReduceOp inner = producer ? rootReduce(producer) : ReduceOp();
      if (!isPlainSum(inner) || inner.hasDomain() || !isPair(indicesOf(factor, match.out)) || !takeAxes(read))
        continue;
      match.dots = producer;
      match.inner = inner;
      std::swap(factor, outer.back());
      outer.pop_back();
      return true;
    }
    return false;
  }

  bool takeAxes(tensor::ExtractOp read) {
    std::optional<SmallVector<Value>> axes = distinctIndices(read);
    if (axes)
      match.axes = *axes;
    return axes.has_value();
  }

  /// Every row finds its keys: the last one sees no more than there are.
  bool checkKeys() {
    auto form = [&](OpFoldResult size) -> AffineExpr {
      if (std::optional<int64_t> constant = getConstantIntValue(size))
        return getAffineConstantExpr(*constant, match.out.getContext());
      return affineOf(cast<Value>(size), {}, &match.symbols);
    };
    AffineExpr rows = form(match.rows()), keys = form(getAsOpFoldResult(match.sum.getSizes().front()));
    if (!rows || !keys)
      return refuse("its sizes are no formulas");
    AffineExpr spare = simplifyAffineExpr(keys - rows - match.shift, 0, match.symbols.size());
    auto constant = dyn_cast<AffineConstantExpr>(spare);
    if (!constant || constant.getValue() < 0)
      return refuse("rows may see more keys than there are");
    return true;
  }

  bool assignOuter() {
    for (BlockArgument index : match.out.getValueBlock()->getArguments()) {
      if (index == match.row)
        continue;
      if (llvm::is_contained(match.axes, index)) {
        match.batch.push_back(index);
        continue;
      }
      if (match.feature)
        return refuse("the value has more than one axis of features");
      match.feature = index;
    }
    if (match.feature && cast<BlockArgument>(match.feature).getArgNumber() < cast<BlockArgument>(match.row).getArgNumber())
      return refuse("features stand in front of rows");
    for (Value factor : outer) {
      IndexSet indices = indicesOf(factor, match.out);
      if (isPair(indices))
        match.pairFactors.push_back(factor);
      else if (indices.contains(match.row))
        match.rowFactors.push_back(factor);
      else
        match.columnFactors.push_back(factor);
      bool ofKey = !indices.contains(match.row);
      if (match.feature && indices.contains(match.feature) && !ofKey)
        return refuse("features depend on the row");
    }
    return true;
  }

  bool assignInner() {
    ValueRange arguments = match.dots.getValueBlock()->getArguments();
    match.dotRow = arguments[llvm::find(match.axes, match.row) - match.axes.begin()];
    match.dotColumn = arguments[llvm::find(match.axes, match.column) - match.axes.begin()];
    SmallVector<Value> factors;
    collectFactors(match.inner.getYielded(), factors);
    for (Value factor : factors) {
      IndexSet indices = indicesOf(factor, match.dots);
      bool row = indices.contains(match.dotRow), column = indices.contains(match.dotColumn);
      (row && column ? match.innerPairs : column ? match.key : match.query).push_back(factor);
    }
    if (match.query.empty() || match.key.empty())
      return refuse("a weight is no product of a query and a key");
    if (!getConstantIntValue(match.width()) || (match.feature && !getConstantIntValue(match.features())))
      return refuse("the size of its state is not known");
    return true;
  }

  /// Pairs must split, all with the same origin.
  bool checkPairs() {
    AffineExpr zero = getAffineConstantExpr(0, match.out.getContext());
    for (AffineExpr origin : {zero, match.shift}) {
      match.origin = origin;
      Separable outside(match.out, match.row, match.column, origin, match.symbols),
          inside(match.dots, match.dotRow, match.dotColumn, origin, match.symbols);
      if (!llvm::all_of(match.pairFactors, [&](Value factor) { return outside.factor(factor); }) ||
          !llvm::all_of(match.innerPairs, [&](Value factor) { return inside.factor(factor); }))
        continue;
      llvm::append_range(match.ranges, outside.ranges());
      llvm::append_range(match.ranges, inside.ranges());
      // A range begins behind a key of the chunk, or behind the one in front of it; or at a key of the chunk.
      std::optional<int64_t> shift = match.constantShift();
      bool withKey = llvm::any_of(match.ranges, [](RangeSum const &range) { return range.withKey; });
      return match.ranges.empty() || (shift && (*shift == 0 || (*shift == -1 && !withKey))) ||
             refuse("the range that a decay sums over does not begin at a key of the chunk");
    }
    return refuse("a factor of the weights does not split between rows and keys");
  }

  std::string &reason;
  CausalSum match;
  SmallVector<Value> outer;
};

} // namespace

std::optional<int64_t> CausalSum::constantShift() const {
  auto constant = dyn_cast<AffineConstantExpr>(shift);
  return constant ? std::optional<int64_t>(constant.getValue()) : std::nullopt;
}

std::optional<CausalSum> matchCausalSum(DefineOp out, std::string &reason) { return Matcher(out, reason).run(); }

} // namespace heed::derive
