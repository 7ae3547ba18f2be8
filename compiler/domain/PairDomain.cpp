// PairDomain.cpp - reads the domain region of an attention into disjunctive normal form.
#include "compiler/domain/PairDomain.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;

namespace heed::domain {
namespace {

using Union = SmallVector<Conjunction>;

/// The largest or the smallest of some affine expressions; with one of them both are the same.
struct Extremum {
  bool isMax = true;
  SmallVector<AffineExpr> of;

  bool isSingle() const { return of.size() == 1; }
  bool isMaxLike() const { return isMax || isSingle(); }
  bool isMinLike() const { return !isMax || isSingle(); }
};

/// The c if `index` occurs only in (index floordiv c), 1 if it occurs in other ways, 0 if not at all.
static int64_t divisorOf(AffineExpr expr, AffineExpr index) {
  if (expr == index)
    return 1;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return 0;
  auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::FloorDiv && binary.getLHS() == index && divisor)
    return divisor.getValue();
  return std::gcd(divisorOf(binary.getLHS(), index), divisorOf(binary.getRHS(), index));
}

static AffineExpr operandOf(affine::AffineApplyOp apply, unsigned number) {
  unsigned dims = apply.getAffineMap().getNumDims();
  return number < dims ? getAffineDimExpr(number, apply.getContext())
                       : getAffineSymbolExpr(number - dims, apply.getContext());
}

class Reader {
public:
  Reader(ir::AttentionOp op, PairDomain &result) : op(op), result(result), context(op.getContext()) {}

  /// nullopt: too many conjunctions.
  std::optional<Union> read(Value condition, bool negated) {
    if (std::optional<bool> known = constantBool(condition))
      return *known != negated ? Union{Conjunction{}} : Union{};
    if (auto both = condition.getDefiningOp<arith::AndIOp>())
      return combine(both.getLhs(), both.getRhs(), negated, !negated);
    if (auto either = condition.getDefiningOp<arith::OrIOp>())
      return combine(either.getLhs(), either.getRhs(), negated, negated);
    if (auto flip = condition.getDefiningOp<arith::XOrIOp>())
      if (std::optional<bool> known = constantBool(flip.getRhs()))
        return read(flip.getLhs(), negated != *known);
    if (auto compare = condition.getDefiningOp<arith::CmpIOp>())
      if (std::optional<Union> affine = readComparison(compare, negated))
        return affine;
    Atom atom;
    atom.opaque = condition;
    atom.negated = negated;
    atom.on = dependence(condition);
    separate(atom);
    return Union{Conjunction{atom}};
  }

private:
  static std::optional<bool> constantBool(Value value) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)) && constant.getBitWidth() == 1)
      return constant.isOne();
    return std::nullopt;
  }

  std::optional<Union> combine(Value left, Value right, bool negated, bool conjunction) {
    std::optional<Union> a = read(left, negated), b = read(right, negated);
    if (!a || !b)
      return std::nullopt;
    return conjunction ? both(*a, *b) : either(std::move(*a), *b);
  }

  static std::optional<Union> both(Union const &a, Union const &b) {
    Union all;
    for (Conjunction const &left : a)
      for (Conjunction const &right : b) {
        all.push_back(left);
        all.back().append(right.begin(), right.end());
      }
    if (all.size() > PairDomain::MaximumDisjuncts)
      return std::nullopt;
    return all;
  }

  static std::optional<Union> either(Union a, Union const &b) {
    a.append(b.begin(), b.end());
    if (a.size() > PairDomain::MaximumDisjuncts)
      return std::nullopt;
    return a;
  }

  // -- Comparisons ---------------------------------------------------------------------------------------------------

  std::optional<Union> readComparison(arith::CmpIOp compare, bool negated) {
    using Predicate = arith::CmpIPredicate;
    if (!compare.getLhs().getType().isIndex())
      return std::nullopt;
    std::optional<Extremum> a = affine(compare.getLhs()), b = affine(compare.getRhs());
    if (!a || !b)
      return std::nullopt;
    Predicate predicate = negated ? arith::invertPredicate(compare.getPredicate()) : compare.getPredicate();
    switch (predicate) {
    case Predicate::sle:
      return atMost(*a, *b, 0);
    case Predicate::slt:
      return atMost(*a, *b, 1);
    case Predicate::sge:
      return atMost(*b, *a, 0);
    case Predicate::sgt:
      return atMost(*b, *a, 1);
    case Predicate::eq: {
      if (a->isSingle() && b->isSingle())
        return Union{Conjunction{atom(a->of.front() - b->of.front(), /*equality=*/true)}};
      std::optional<Union> below = atMost(*a, *b, 0), above = atMost(*b, *a, 0);
      return below && above ? both(*below, *above) : std::nullopt;
    }
    case Predicate::ne: {
      std::optional<Union> below = atMost(*a, *b, 1), above = atMost(*b, *a, 1);
      return below && above ? either(std::move(*below), *above) : std::nullopt;
    }
    default:
      return std::nullopt;
    }
  }

  Atom atom(AffineExpr expr, bool equality) {
    Atom result;
    result.expr = expr;
    result.equality = equality;
    result.on = {expr.isFunctionOfDim(0), expr.isFunctionOfDim(1)};
    return result;
  }

  /// a + gap <= b. Left of the comparison a max is a conjunction and a min a disjunction; right of it the other way round.
  std::optional<Union> atMost(Extremum const &a, Extremum const &b, int64_t gap) {
    std::optional<Union> all;
    for (AffineExpr left : a.of) {
      std::optional<Union> some;
      for (AffineExpr right : b.of) {
        Union one{Conjunction{atom(right - left - gap, /*equality=*/false)}};
        some = !some ? one : b.isMinLike() ? both(*some, one) : either(std::move(*some), one);
        if (!some)
          return std::nullopt;
      }
      all = !all ? some : a.isMaxLike() ? both(*all, *some) : either(std::move(*all), *some);
      if (!all)
        return std::nullopt;
    }
    return all;
  }

  // -- Index arithmetic ----------------------------------------------------------------------------------------------

  Extremum single(AffineExpr expr) { return {true, {expr}}; }

  std::optional<Extremum> affine(Value value, unsigned depth = 0) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return single(getAffineConstantExpr(constant.getSExtValue(), context));
    if (isIndex(value, op.getRowDim()))
      return single(getAffineDimExpr(0, context));
    if (isIndex(value, op.getColumnDim()))
      return single(getAffineDimExpr(1, context));
    Dependence on = dependence(value);
    if (!on.row && !on.column)
      return single(symbol(value));
    if (depth > 32)
      return std::nullopt;
    auto operand = [&](Operation *of, unsigned number) { return affine(of->getOperand(number), depth + 1); };
    return TypeSwitch<Operation *, std::optional<Extremum>>(value.getDefiningOp())
        .Case([&](affine::AffineApplyOp apply) { return composed(apply, depth); })
        .Case([&](arith::AddIOp add) { return sum(operand(add, 0), operand(add, 1)); })
        .Case([&](arith::SubIOp sub) { return sum(operand(sub, 0), scaled(operand(sub, 1), -1)); })
        .Case([&](arith::MulIOp product) -> std::optional<Extremum> {
          APInt factor;
          if (matchPattern(product.getRhs(), m_ConstantInt(&factor)))
            return scaled(operand(product, 0), factor.getSExtValue());
          if (matchPattern(product.getLhs(), m_ConstantInt(&factor)))
            return scaled(operand(product, 1), factor.getSExtValue());
          return std::nullopt;
        })
        .Case([&](arith::MaxSIOp max) { return extremum(operand(max, 0), operand(max, 1), true); })
        .Case([&](arith::MinSIOp min) { return extremum(operand(min, 0), operand(min, 1), false); })
        .Default([](Operation *) { return std::nullopt; });
  }

  std::optional<Extremum> composed(affine::AffineApplyOp apply, unsigned depth) {
    AffineMap map = apply.getAffineMap();
    SmallVector<AffineExpr> operands;
    for (Value operand : apply.getMapOperands()) {
      std::optional<Extremum> value = affine(operand, depth + 1);
      if (!value || !value->isSingle())
        return std::nullopt;
      operands.push_back(value->of.front());
    }
    auto all = ArrayRef(operands);
    AffineExpr expr = map.getResult(0).replaceDimsAndSymbols(all.take_front(map.getNumDims()),
                                                             all.drop_front(map.getNumDims()));
    if (!expr.isPureAffine())
      return std::nullopt;
    return single(expr);
  }

  static std::optional<Extremum> sum(std::optional<Extremum> a, std::optional<Extremum> b) {
    if (!a || !b)
      return std::nullopt;
    bool max = a->isMaxLike() && b->isMaxLike();
    if (!max && !(a->isMinLike() && b->isMinLike()))
      return std::nullopt;
    Extremum result{max, {}};
    for (AffineExpr left : a->of)
      for (AffineExpr right : b->of)
        result.of.push_back(left + right);
    return result;
  }

  static std::optional<Extremum> scaled(std::optional<Extremum> a, int64_t factor) {
    if (!a)
      return std::nullopt;
    for (AffineExpr &expr : a->of)
      expr = expr * factor;
    a->isMax = a->isMax == (factor >= 0);
    return a;
  }

  static std::optional<Extremum> extremum(std::optional<Extremum> a, std::optional<Extremum> b, bool isMax) {
    if (!a || !b)
      return std::nullopt;
    if (!(isMax ? a->isMaxLike() && b->isMaxLike() : a->isMinLike() && b->isMinLike()))
      return std::nullopt;
    a->isMax = isMax;
    a->of.append(b->of.begin(), b->of.end());
    return a;
  }

  bool isIndex(Value value, unsigned number) { return value == op.getDomain().getArgument(number); }

  AffineExpr symbol(Value value) {
    auto found = llvm::find(result.symbols, value);
    unsigned position = found - result.symbols.begin();
    if (found == result.symbols.end())
      result.symbols.push_back(value);
    return getAffineSymbolExpr(position, context);
  }

  // -- Data ----------------------------------------------------------------------------------------------------------

  /// Finds the two sides of a comparison that has the query on one and the key on the other.
  void separate(Atom &atom) {
    auto compare = atom.opaque.getDefiningOp<arith::CmpIOp>();
    if (!compare)
      return;
    arith::CmpIPredicate predicate = atom.negated ? arith::invertPredicate(compare.getPredicate()) : compare.getPredicate();
    if (predicate >= arith::CmpIPredicate::ult)
      return;
    Value left = compare.getLhs(), right = compare.getRhs();
    Dependence a = dependence(left), b = dependence(right);
    if (a.column && b.row && !a.row && !b.column) {
      std::swap(left, right), std::swap(a, b);
      predicate = swapped(predicate);
    }
    if (a.column || b.row || !b.column)
      return;
    atom.row = left, atom.column = right, atom.predicate = predicate;
    atom.granule = granule(left);
  }

  static arith::CmpIPredicate swapped(arith::CmpIPredicate predicate) {
    using Predicate = arith::CmpIPredicate;
    switch (predicate) {
    case Predicate::slt:
      return Predicate::sgt;
    case Predicate::sle:
      return Predicate::sge;
    case Predicate::sgt:
      return Predicate::slt;
    case Predicate::sge:
      return Predicate::sle;
    default:
      return predicate; // eq and ne are symmetric
    }
  }

  /// The value depends on i only through i floordiv the result.
  int64_t granule(Value value) {
    Operation *definition = value.getDefiningOp();
    if (isIndex(value, op.getRowDim()) || (definition && definition->getNumRegions() != 0))
      return 1;
    if (!definition || !dependence(value).row)
      return 0; // any
    if (auto apply = dyn_cast<affine::AffineApplyOp>(definition)) {
      int64_t divisor = 0;
      for (auto [number, operand] : llvm::enumerate(apply.getMapOperands())) {
        if (!isIndex(operand, op.getRowDim())) {
          divisor = std::gcd(divisor, granule(operand));
          continue;
        }
        divisor = std::gcd(divisor, divisorOf(apply.getAffineMap().getResult(0), operandOf(apply, number)));
      }
      return divisor;
    }
    int64_t all = 0;
    for (Value operand : definition->getOperands())
      all = std::gcd(all, granule(operand));
    return all;
  }

  // -- Dependence ----------------------------------------------------------------------------------------------------

  Dependence dependence(Value value) {
    if (!op.getDomain().isAncestor(value.getParentRegion()))
      return {};
    if (isa<BlockArgument>(value) && value.getParentRegion() == &op.getDomain())
      return {isIndex(value, op.getRowDim()), isIndex(value, op.getColumnDim())};
    auto [known, isNew] = known_.try_emplace(value);
    if (!isNew)
      return known->second; // of a loop's own values: what the others say is enough
    Operation *owner = value.getDefiningOp();
    if (!owner)
      owner = cast<BlockArgument>(value).getOwner()->getParentOp();
    Dependence on;
    auto add = [&](Value used) {
      Dependence other = dependence(used);
      on.row |= other.row, on.column |= other.column;
    };
    owner->walk([&](Operation *nested) {
      for (Value used : nested->getOperands())
        add(used);
    });
    return known_[value] = on;
  }

  ir::AttentionOp op;
  PairDomain &result;
  MLIRContext *context;
  llvm::DenseMap<Value, Dependence> known_;
};

} // namespace

/// The largest c such that the region uses an index only as index floordiv c.
static int64_t granuleOf(BlockArgument index) {
  int64_t granule = 0;
  for (OpOperand &use : index.getUses()) {
    auto apply = dyn_cast<affine::AffineApplyOp>(use.getOwner());
    granule = std::gcd(granule, apply ? divisorOf(apply.getAffineMap().getResult(0), operandOf(apply, use.getOperandNumber())) : 1);
  }
  return granule;
}

PairDomain PairDomain::of(ir::AttentionOp op) {
  PairDomain result;
  if (!op.hasDomain()) {
    result.disjuncts = {Conjunction{}};
    return result;
  }
  result.rowGranule = granuleOf(op.getDomain().getArgument(op.getRowDim()));
  result.columnGranule = granuleOf(op.getDomain().getArgument(op.getColumnDim()));
  Value condition = op.getDomain().front().getTerminator()->getOperand(0);
  if (std::optional<Union> all = Reader(op, result).read(condition, /*negated=*/false)) {
    result.disjuncts = std::move(*all);
    return result;
  }
  Atom opaque;
  opaque.opaque = condition;
  opaque.on = {true, true};
  result.disjuncts = {Conjunction{opaque}};
  return result;
}

} // namespace heed::domain
