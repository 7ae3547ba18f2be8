// Syntax.h - small helpers over the syntax tree.
#pragma once

#include "compiler/frontend/Ast.h"

#include <functional>
#include <set>
#include <string>
#include <type_traits>

namespace heed::elaborate {

template <typename T>
constexpr bool isLeaf =
    std::is_same_v<T, ast::Integer> || std::is_same_v<T, ast::Real> || std::is_same_v<T, ast::Boolean> ||
    std::is_same_v<T, ast::Text> || std::is_same_v<T, ast::Name> || std::is_same_v<T, ast::Dims> ||
    std::is_same_v<T, ast::Params> || std::is_same_v<T, ast::Consts> || std::is_same_v<T, ast::Definition> ||
    std::is_same_v<T, ast::Import> || std::is_same_v<T, ast::Callable>;

/// The node of type T that `variant` (Expr, Statement or Item) holds, or null.
template <typename T, typename Variant>
T const *get(Variant const &variant) {
  if constexpr (isLeaf<T>) {
    return boost::get<T>(&variant.get());
  } else {
    auto *node = boost::get<ast::x3::forward_ast<T>>(&variant.get());
    return node ? &node->get() : nullptr;
  }
}

/// A name as it is used: on its own (`subscripts` null) or as the base of an index.
struct NameUse {
  std::string const &name;
  ast::Range range;
  std::vector<ast::Expr> const *subscripts;
  bool called;
};

/// Calls `visit` for every name used in `expr` that no reduction binds and that is not in `hidden`.
void forEachName(ast::Expr const &expr, std::set<std::string> const &hidden,
                 std::function<void(NameUse const &)> const &visit);
/// The same for the right side of a definition, whose left-hand indices are hidden.
void forEachName(ast::Definition const &definition, std::function<void(NameUse const &)> const &visit);
bool mentions(ast::Expr const &expr, std::string const &name);
bool mentions(ast::Expr const &expr, std::set<std::string> const &names);

bool isReduction(std::string const &name);

/// The name nearest to `name` by edits, if it is near enough to be meant.
std::string nearest(std::string const &name, std::set<std::string> const &candidates);

} // namespace heed::elaborate
