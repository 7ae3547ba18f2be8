// Dependence.cpp - free index variables, bottom up and without recursion.
#include "compiler/reference/Dependence.h"

#include <algorithm>
#include <iterator>

namespace heed::reference {

Dependence::Dependence(Program const &program) {
  for (Step const &step : program.steps)
    if (auto *recurrence = std::get_if<Recurrence>(&step))
      for (Definition const &member : recurrence->members)
        stepOf[member.tensor] = recurrence->step;
}

std::vector<IndexId> const &Dependence::of(Expr const &root) {
  std::vector<Expr const *> pending{&root};
  while (!pending.empty()) {
    Expr const *expr = pending.back();
    size_t before = pending.size();
    if (!answers.count(expr))
      forEachChild(*expr, [&](Expr const &child) {
        if (!answers.count(&child))
          pending.push_back(&child);
      });
    if (pending.size() > before)
      continue; // children first
    pending.pop_back();
    if (!answers.count(expr))
      answers[expr] = combine(*expr);
  }
  return *answers.at(&root);
}

Dependence::Set const *Dependence::combine(Expr const &expr) {
  Set own;
  if (auto *index = std::get_if<Expr::IndexValue>(&expr.node))
    own = {index->index};
  if (auto *read = std::get_if<Expr::Read>(&expr.node))
    if (auto found = stepOf.find(read->tensor); found != stepOf.end())
      own = {found->second};
  Set const *result = intern(std::move(own));
  forEachChild(expr, [&](Expr const &child) {
    Set const *other = answers.at(&child);
    if (other == result || other->empty())
      return;
    Set both;
    std::set_union(result->begin(), result->end(), other->begin(), other->end(), std::back_inserter(both));
    result = intern(std::move(both));
  });
  if (auto *reduce = std::get_if<Expr::Reduce>(&expr.node)) {
    Set free;
    for (IndexId index : *result)
      if (std::find(reduce->indices.begin(), reduce->indices.end(), index) == reduce->indices.end())
        free.push_back(index);
    result = intern(std::move(free));
  }
  return result;
}

} // namespace heed::reference
