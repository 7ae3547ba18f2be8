// Dependence.h - which index variables an expression depends on.
#pragma once

#include "compiler/check/Program.h"

#include <set>
#include <unordered_map>

namespace heed::reference {

/// Answers are kept by expression, so asking for every subexpression of a program costs one visit of each.
/// A read of a recurrence member counts as depending on the recurrence's step.
class Dependence {
public:
  explicit Dependence(Program const &program);
  /// Free index variables of `expr`, sorted.
  std::vector<IndexId> const &of(Expr const &expr);

private:
  using Set = std::vector<IndexId>;
  Set const *intern(Set set) { return &*sets.insert(std::move(set)).first; }
  Set const *combine(Expr const &expr);

  std::set<Set> sets;
  std::unordered_map<Expr const *, Set const *> answers;
  std::unordered_map<TensorId, IndexId> stepOf;
};

/// Calls visit(child) for the direct subexpressions of `expr`.
template <typename Visit>
void forEachChild(Expr const &expr, Visit visit) {
  auto maybe = [&](ExprPtr const &child) {
    if (child)
      visit(*child);
  };
  if (auto *read = std::get_if<Expr::Read>(&expr.node)) {
    for (ExprPtr const &subscript : read->subscripts)
      maybe(subscript);
  } else if (auto *unary = std::get_if<Expr::Unary>(&expr.node)) {
    maybe(unary->operand);
  } else if (auto *binary = std::get_if<Expr::Binary>(&expr.node)) {
    maybe(binary->left), maybe(binary->right);
  } else if (auto *select = std::get_if<Expr::Select>(&expr.node)) {
    maybe(select->condition), maybe(select->ifTrue), maybe(select->ifFalse);
  } else if (auto *reduce = std::get_if<Expr::Reduce>(&expr.node)) {
    maybe(reduce->domain), maybe(reduce->body), maybe(reduce->rank);
  }
}

} // namespace heed::reference
