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

class Planner {
public:
  Planner(PairDomain const &domain, MLIRContext *context) : domain(domain), context(context) {}

  std::vector<Sweep> run() {
    SmallVector<Lattice> lattices;
    for (Conjunction const &conjunction : domain.disjuncts)
      if (std::optional<Lattice> lattice = latticeOf(conjunction))
        if (!llvm::is_contained(lattices, *lattice) && lattices.size() < MaximumLattices)
          lattices.push_back(*lattice);
    std::vector<Sweep> sweeps;
    for (unsigned number = 0; number <= lattices.size(); ++number) {
      Sweep sweep;
      bool plain = number == lattices.size();
      sweep.lattice = plain ? Lattice{1, getAffineConstantExpr(0, context)} : lattices[number];
      sweep.skipped.assign(lattices.begin(), lattices.begin() + number);
      for (Conjunction const &conjunction : domain.disjuncts) {
        std::optional<Lattice> own = latticeOf(conjunction);
        // What lies on an earlier lattice altogether was visited there.
        if (own && llvm::is_contained(sweep.skipped, *own))
          continue;
        if (std::optional<Part> part = bound(conjunction, sweep.lattice))
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

  std::optional<Part> bound(Conjunction const &conjunction, Lattice const &lattice) {
    SmallVector<AffineExpr> conditions;
    SmallVector<bool> equalities;
    bool affine = true;
    Part part;
    for (Atom const &atom : conjunction) {
      affine &= atom.isAffine();
      if (!atom.isAffine() && !atom.on.column)
        part.rowFilters.push_back(atom);
      else if (!atom.isAffine() && (!atom.on.row || atom.isComparison()))
        part.keyFilters.push_back(atom);
      std::optional<Lattice> own = latticeOf(atom);
      if (!atom.isAffine() || (own && *own == lattice))
        continue;
      conditions.push_back(atom.expr);
      equalities.push_back(atom.equality);
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
