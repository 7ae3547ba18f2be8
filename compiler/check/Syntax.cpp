// Syntax.cpp - small helpers over the syntax tree.

#include "compiler/check/Syntax.h"

#include <algorithm>
#include <vector>

namespace heed::elaborate {

bool isReduction(std::string const &name) {
  static std::set<std::string> const names = {"sum",    "product", "mean", "max", "min",
                                              "argmax", "argmin",  "any",  "all", "softmax",
                                              "topk"};
  return names.contains(name);
}

void forEachName(ast::Expr const &expr, std::set<std::string> const &hidden,
                 std::function<void(NameUse const &)> const &visit) {
  if (auto *name = get<ast::Name>(expr)) {
    if (!hidden.contains(name->text))
      visit({name->text, name->range, nullptr, false});
  } else if (auto *index = get<ast::Index>(expr)) {
    if (auto *base = get<ast::Name>(index->base)) {
      if (!hidden.contains(base->text))
        visit({base->text, index->range, &index->subscripts, false});
    } else {
      forEachName(index->base, hidden, visit);
    }
    for (ast::Expr const &subscript : index->subscripts)
      forEachName(subscript, hidden, visit);
  } else if (auto *call = get<ast::Call>(expr)) {
    if (call->element)
      forEachName(*call->element, hidden, visit);
    else if (!hidden.contains(call->callee.text))
      visit({call->callee.text, call->callee.range, nullptr, true});
    std::set<std::string> inner = hidden;
    for (ast::Name const &name : call->indices)
      if (isReduction(call->callee.text))
        inner.insert(name.text);
      else if (!hidden.contains(name.text)) // the place of a function in a list
        visit({name.text, name.range, nullptr, false});
    for (ast::Expr const &argument : call->arguments)
      forEachName(argument, inner, visit);
    if (call->where)
      forEachName(*call->where, inner, visit);
    for (ast::NamedArgument const &argument : call->statics)
      forEachName(argument.value, hidden, visit);
  } else if (auto *unary = get<ast::Unary>(expr)) {
    forEachName(unary->operand, hidden, visit);
  } else if (auto *chain = get<ast::Chain>(expr)) {
    forEachName(chain->first, hidden, visit);
    for (ast::ChainStep const &step : chain->rest)
      forEachName(step.operand, hidden, visit);
  } else if (auto *list = get<ast::ListOf>(expr)) {
    std::set<std::string> inner = hidden;
    if (list->each) {
      forEachName(list->each->over, hidden, visit);
      inner.insert(list->each->name.text);
    }
    for (ast::Expr const &item : list->items)
      forEachName(item, inner, visit);
  }
}

void forEachName(ast::Definition const &definition, std::function<void(NameUse const &)> const &visit) {
  std::set<std::string> hidden;
  for (ast::Target const &target : definition.targets)
    for (ast::Subscript const &subscript : target.subscripts)
      if (auto *name = get<ast::Name>(subscript.index))
        hidden.insert(name->text);
  for (ast::Expr const &value : definition.values)
    forEachName(value, hidden, visit);
  if (definition.where)
    forEachName(*definition.where, hidden, visit);
  if (definition.until)
    forEachName(*definition.until, hidden, visit);
}

bool mentions(ast::Expr const &expr, std::set<std::string> const &names) {
  bool found = false;
  forEachName(expr, {}, [&](NameUse const &use) { found |= names.contains(use.name); });
  return found;
}
bool mentions(ast::Expr const &expr, std::string const &name) { return mentions(expr, std::set<std::string>{name}); }

std::string nearest(std::string const &name, std::set<std::string> const &candidates) {
  std::string best;
  size_t bestDistance = name.size() <= 1 ? 0 : name.size() <= 4 ? 2 : 3; // below this
  for (std::string const &candidate : candidates) {
    if (candidate == name || (candidate.size() > name.size() + 2) || candidate.size() + 2 < name.size())
      continue;
    // optimal string alignment: insert, delete, replace, swap neighbours
    size_t n = name.size(), m = candidate.size();
    std::vector<std::vector<size_t>> distance(n + 1, std::vector<size_t>(m + 1));
    for (size_t i = 0; i <= n; ++i)
      for (size_t j = 0; j <= m; ++j) {
        if (i == 0 || j == 0) {
          distance[i][j] = i + j;
          continue;
        }
        size_t cost = name[i - 1] != candidate[j - 1];
        distance[i][j] = std::min({distance[i - 1][j] + 1, distance[i][j - 1] + 1, distance[i - 1][j - 1] + cost});
        if (i > 1 && j > 1 && name[i - 1] == candidate[j - 2] && name[i - 2] == candidate[j - 1])
          distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
      }
    if (distance[n][m] < bestDistance) {
      bestDistance = distance[n][m];
      best = candidate;
    }
  }
  return best;
}

} // namespace heed::elaborate
