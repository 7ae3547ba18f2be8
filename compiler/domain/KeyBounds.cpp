// KeyBounds.cpp - projects the queries out of the relation of a domain with MLIR's Presburger library.
#include "compiler/domain/KeyBounds.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Analysis/Presburger/Simplex.h"
#include "mlir/IR/IntegerSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using presburger::VarKind;

namespace heed::domain {
namespace {

/// Eliminating a variable can square the number of inequalities. A few more conditions than these are left out, which only
/// makes bounds wider.
constexpr unsigned MaximumConditions = 8, MaximumDivisions = 3;

void collectDivisions(AffineExpr expr, llvm::SmallSetVector<AffineExpr, 8> &divisions) {
  expr.walk([&](AffineExpr part) {
    if (llvm::is_contained({AffineExprKind::Mod, AffineExprKind::FloorDiv, AffineExprKind::CeilDiv}, part.getKind()))
      divisions.insert(part);
  });
}

/// Rational projection; what the others imply is dropped at once, before it multiplies.
void eliminate(FlatLinearConstraints &system, unsigned position) {
  system.projectOut(position);
  system.removeRedundantConstraints();
}

/// One inequality: coefficient * u + sum of locals + rest >= 0.
struct Inequality {
  int64_t coefficient;
  SmallVector<int64_t> locals;
  AffineExpr rest;
};

class Projection {
public:
  Projection(FlatLinearConstraints system, unsigned symbols, MLIRContext *context)
      : system(std::move(system)), symbols(symbols), context(context) {}

  KeyBounds run() {
    // floordiv and mod stay as bounded unknowns: their ranges keep that they are integers, which eliminating them as
    // rationals forgets.
    for (unsigned local = 0; local < system.getNumLocalVars(); ++local)
      addLocal(local);
    FlatLinearConstraints rational = system;
    while (rational.getNumLocalVars())
      eliminate(rational, 1 + symbols);
    read(rational);
    if (system.getNumLocalVars())
      read(system);
    result.keys.lower = AffineMap::get(0, symbols + 2 * result.locals.size(), lower, context);
    result.keys.upper = AffineMap::get(0, symbols + 2 * result.locals.size(), upper, context);
    return std::move(result);
  }

private:
  /// The range of a floordiv, from everything that is known, as formulas in the symbols.
  void addLocal(unsigned local) {
    FlatLinearConstraints alone = system;
    for (unsigned other = alone.getNumLocalVars(); other-- > 0;)
      if (other != local)
        eliminate(alone, 1 + symbols + other);
    eliminate(alone, 0);
    alone.convertVarKind(VarKind::Local, 0, 1, VarKind::SetDim, 0);
    auto [low, high] = alone.getLowerAndUpperBound(0, 0, 1, 1, {}, context, /*closedUB=*/true);
    if (!low || !high || low.getNumResults() == 0 || high.getNumResults() == 0) {
      ranges.push_back(std::nullopt);
      return;
    }
    ranges.push_back(symbols + 2 * result.locals.size());
    result.locals.push_back({low, high});
  }

  void read(FlatLinearConstraints &from) {
    for (unsigned row = 0; row < from.getNumInequalities(); ++row)
      add(inequality(from.getInequality64(row), from));
    for (unsigned row = 0; row < from.getNumEqualities(); ++row) {
      SmallVector<int64_t, 8> coefficients = from.getEquality64(row);
      add(inequality(coefficients, from));
      for (int64_t &coefficient : coefficients)
        coefficient = -coefficient;
      add(inequality(coefficients, from));
    }
  }

  Inequality inequality(ArrayRef<int64_t> row, FlatLinearConstraints const &from) {
    Inequality result{row[0], {}, getAffineConstantExpr(row.back(), context)};
    for (unsigned symbol = 0; symbol < symbols; ++symbol)
      result.rest = result.rest + getAffineSymbolExpr(symbol, context) * row[1 + symbol];
    for (unsigned local = 0; local < from.getNumLocalVars(); ++local)
      result.locals.push_back(row[1 + symbols + local]);
    return result;
  }

  void add(Inequality const &form) {
    // The bound must hold whatever the locals are: each takes the end of its range that makes it weakest.
    AffineExpr rest = form.rest;
    for (auto [local, coefficient] : llvm::enumerate(form.locals)) {
      if (coefficient == 0)
        continue;
      if (!ranges[local])
        return;
      rest = rest + getAffineSymbolExpr(*ranges[local] + (coefficient > 0 ? 1 : 0), context) * coefficient;
    }
    auto insert = [](SmallVectorImpl<AffineExpr> &to, AffineExpr expr) {
      if (!llvm::is_contained(to, expr))
        to.push_back(expr);
    };
    if (form.coefficient > 0)
      insert(lower, (-rest).ceilDiv(form.coefficient));
    else if (form.coefficient < 0)
      insert(upper, rest.floorDiv(-form.coefficient));
    else if (rest != getAffineSymbolExpr(RowEnd, context) - getAffineSymbolExpr(RowBegin, context) - 1)
      insert(result.guards, rest);
  }

  FlatLinearConstraints system; ///< variables: u, symbols, locals
  unsigned symbols;
  MLIRContext *context;
  SmallVector<std::optional<unsigned>> ranges; ///< of each local: its first symbol
  SmallVector<AffineExpr> lower, upper;
  KeyBounds result;
};

} // namespace

std::optional<KeyBounds> boundKeys(ArrayRef<AffineExpr> conditions, ArrayRef<bool> equalities, int64_t stride,
                                   unsigned domainSymbols, MLIRContext *context) {
  unsigned symbols = FirstDomainSymbol + domainSymbols;
  auto symbol = [&](unsigned position) { return getAffineSymbolExpr(position, context); };
  AffineExpr key = getAffineDimExpr(0, context), row = getAffineDimExpr(1, context);
  SmallVector<AffineExpr> all = {key, symbol(KeyCount) - 1 - key, row - symbol(RowBegin), symbol(RowEnd) - 1 - row};
  SmallVector<bool> equal(all.size(), false);
  // Conditions are over (i, j); the walk is over (t, u).
  SmallVector<AffineExpr> indices = {row, key}, shifted;
  if (stride != 1)
    indices = {symbol(RowOffset) + row * stride, symbol(KeyOffset) + key * stride};
  for (unsigned position = 0; position < domainSymbols; ++position)
    shifted.push_back(symbol(FirstDomainSymbol + position));
  llvm::SmallSetVector<AffineExpr, 8> divisions;
  for (auto [condition, equality] : llvm::zip_equal(conditions, equalities)) {
    llvm::SmallSetVector<AffineExpr, 8> more = divisions;
    collectDivisions(condition, more);
    if (more.size() > MaximumDivisions || all.size() >= 4 + MaximumConditions)
      continue;
    divisions = std::move(more);
    all.push_back(condition.replaceDimsAndSymbols(indices, shifted));
    equal.push_back(equality);
  }
  FlatLinearValueConstraints set(IntegerSet::get(2, symbols, all, equal));
  FlatLinearConstraints system = set;
  eliminate(system, 1); // the row
  if (system.isEmptyByGCDTest() || presburger::Simplex(system).isEmpty())
    return std::nullopt;
  return Projection(std::move(system), symbols, context).run();
}

} // namespace heed::domain
