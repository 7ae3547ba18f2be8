// Sweeps.cpp - lattices from congruences, bounds from the other conditions.
#include "compiler/domain/Sweeps.h"

using namespace mlir;

namespace heed::domain {
namespace {

/// More would each need a pass over the queries.
constexpr unsigned MaximumLattices = 2;

struct Linear {
  int64_t row = 0, column = 0;
  AffineExpr rest;
};

/// expr = row * i + column * j + rest, the rest free of both.
std::optional<Linear> linear(AffineExpr expr) {
  MLIRContext *context = expr.getContext();
  AffineExpr zero = getAffineConstantExpr(0, context), one = getAffineConstantExpr(1, context);
  auto at = [&](AffineExpr i, AffineExpr j) { return simplifyAffineExpr(expr.replaceDims({i, j}), 2, 64); };
  AffineExpr rest = at(zero, zero);
  auto difference = [&](AffineExpr moved) { return dyn_cast<AffineConstantExpr>(simplifyAffineExpr(moved - rest, 2, 64)); };
  auto row = difference(at(one, zero)), column = difference(at(zero, one));
  if (!row || !column)
    return std::nullopt;
  Linear result{row.getValue(), column.getValue(), rest};
  AffineExpr i = getAffineDimExpr(0, context), j = getAffineDimExpr(1, context);
  if (simplifyAffineExpr(expr - i * result.row - j * result.column - rest, 2, 64) != zero)
    return std::nullopt;
  return result;
}

/// Matches (+-(i - j) + c) mod s + k == 0.
std::optional<Lattice> latticeOf(Atom const &atom) {
  if (!atom.isAffine() || !atom.equality)
    return std::nullopt;
  MLIRContext *context = atom.expr.getContext();
  AffineExpr expr = atom.expr, constant = getAffineConstantExpr(0, context);
  if (auto sum = dyn_cast<AffineBinaryOpExpr>(expr); sum && sum.getKind() == AffineExprKind::Add) {
    expr = sum.getLHS();
    constant = sum.getRHS();
  }
  // -(e mod s) is how 0 == e mod s reads.
  if (auto product = dyn_cast<AffineBinaryOpExpr>(expr); product && product.getKind() == AffineExprKind::Mul) {
    auto factor = dyn_cast<AffineConstantExpr>(product.getRHS());
    if (!factor || factor.getValue() != -1)
      return std::nullopt;
    expr = product.getLHS();
    constant = -constant;
  }
  auto mod = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!mod || mod.getKind() != AffineExprKind::Mod || !constant.isSymbolicOrConstant())
    return std::nullopt;
  auto stride = dyn_cast<AffineConstantExpr>(mod.getRHS());
  std::optional<Linear> form = linear(mod.getLHS());
  if (!stride || !form || form->row != -form->column || std::abs(form->row) != 1 || stride.getValue() < 2)
    return std::nullopt;
  // row * (i - j) + rest + constant = 0 (mod s), so j - i = row * (rest + constant).
  return Lattice{stride.getValue(), simplifyAffineExpr((form->rest + constant) * form->row, 0, 64)};
}

std::optional<Lattice> latticeOf(Conjunction const &conjunction) {
  for (Atom const &atom : conjunction)
    if (std::optional<Lattice> lattice = latticeOf(atom))
      return lattice;
  return std::nullopt;
}

} // namespace

AffineExpr residueOf(Lattice const &lattice) {
  MLIRContext *context = lattice.shift.getContext();
  return (getAffineDimExpr(1, context) - getAffineDimExpr(0, context) - lattice.shift) % lattice.stride;
}

namespace {

class Planner {
public:
  Planner(PairDomain const &domain, MLIRContext *context) : domain(domain), context(context) {}

  std::vector<Sweep> run() {
    SmallVector<Lattice> lattices;
    for (Conjunction const &conjunction : domain.disjuncts)
      if (std::optional<Lattice> lattice = latticeOf(conjunction))
        if (!llvm::is_contained(lattices, *lattice) && lattices.size() < MaximumLattices)
          lattices.push_back(*lattice);
    AffineExpr cut = cutFromLattices(lattices);
    std::vector<Sweep> sweeps;
    for (unsigned number = 0; number <= lattices.size(); ++number) {
      Sweep sweep;
      bool plain = number == lattices.size();
      sweep.lattice = plain ? Lattice{1, getAffineConstantExpr(0, context)} : lattices[number];
      sweep.isApart = static_cast<bool>(cut);
      if (!plain || !cut)
        sweep.skipped.assign(lattices.begin(), lattices.begin() + number);
      for (Conjunction const &conjunction : domain.disjuncts) {
        // What lies on an earlier lattice altogether was visited there.
        if (cut ? isOn(lattices, conjunction) == plain : isOn(sweep.skipped, conjunction))
          continue;
        if (std::optional<Part> part = bound(conjunction, sweep.lattice, plain ? AffineExpr() : cut))
          sweep.parts.push_back(std::move(*part));
      }
      if (!sweep.parts.empty())
        sweeps.push_back(std::move(sweep));
    }
    return sweeps;
  }

private:
  std::optional<KeyBounds> bound(ArrayRef<AffineExpr> conditions, ArrayRef<bool> equalities, Lattice const &lattice) {
    return boundKeys(conditions, equalities, lattice.stride, domain.symbols.size(), context);
  }

  static bool isOn(ArrayRef<Lattice> lattices, Conjunction const &conjunction) {
    std::optional<Lattice> own = latticeOf(conjunction);
    return own && llvm::is_contained(lattices, *own);
  }

  /// Whether a conjunction leaves no pair for which `condition` is >= 0.
  bool excludes(Conjunction const &conjunction, AffineExpr condition) {
    SmallVector<AffineExpr> conditions = {condition};
    SmallVector<bool> equalities = {false};
    for (Atom const &atom : conjunction) {
      conditions.push_back(atom.expr);
      equalities.push_back(atom.equality);
    }
    return !bound(conditions, equalities, Lattice{1, {}});
  }

  bool implies(Conjunction const &conjunction, Atom const &atom) {
    return excludes(conjunction, -atom.expr - 1) && (!atom.equality || excludes(conjunction, atom.expr - 1));
  }

  /// The condition that is >= 0 for just those pairs on lattices that the one conjunction without a lattice allows: all of it that
  /// the others leave open. Null: there is none.
  AffineExpr cutFromLattices(ArrayRef<Lattice> lattices) {
    SmallVector<Conjunction> on, off;
    for (Conjunction const &conjunction : domain.disjuncts) {
      if (!llvm::all_of(conjunction, [](Atom const &atom) { return atom.isAffine(); }))
        return {};
      (isOn(lattices, conjunction) ? on : off).push_back(conjunction);
    }
    if (on.empty() || off.size() != 1)
      return {};
    AffineExpr result;
    for (Atom const &atom : off.front()) {
      if (llvm::all_of(on, [&](Conjunction const &other) { return implies(other, atom); }))
        continue;
      if (atom.equality || result)
        return {};
      result = atom.expr;
    }
    return result;
  }

  /// Without the pairs for which `cut` is >= 0, unless it is null.
  std::optional<Part> bound(Conjunction const &conjunction, Lattice const &lattice, AffineExpr cut) {
    SmallVector<AffineExpr> conditions;
    SmallVector<bool> equalities;
    bool affine = true;
    Part part;
    auto require = [&](AffineExpr expr, bool equality) {
      conditions.push_back(expr);
      equalities.push_back(equality);
      part.conditions.push_back({expr, equality});
    };
    if (cut)
      require(-cut - 1, false);
    for (Atom const &atom : conjunction) {
      affine &= atom.isAffine();
      if (!atom.isAffine() && !atom.on.column)
        part.rowFilters.push_back(atom);
      else if (!atom.isAffine() && (!atom.on.row || atom.isComparison()))
        part.keyFilters.push_back(atom);
      std::optional<Lattice> own = latticeOf(atom);
      if (!atom.isAffine() || (own && *own == lattice))
        continue;
      require(atom.expr, atom.equality);
    }
    std::optional<KeyBounds> visible = bound(conditions, equalities, lattice);
    if (!visible)
      return std::nullopt;
    part.visible = std::move(*visible);
    if (!affine)
      return part;
    part.violations.emplace();
    auto violated = [&](AffineExpr negation) {
      if (std::optional<KeyBounds> keys = bound(negation, false, lattice))
        part.violations->push_back(std::move(*keys));
    };
    for (auto [condition, equality] : llvm::zip_equal(conditions, equalities)) {
      violated(-condition - 1);
      if (equality)
        violated(condition - 1);
    }
    return part;
  }

  PairDomain const &domain;
  MLIRContext *context;
};

} // namespace

std::vector<Sweep> planSweeps(PairDomain const &domain, MLIRContext *context) { return Planner(domain, context).run(); }

} // namespace heed::domain
