// Ast.cpp - positions of expressions.

#include "compiler/frontend/Ast.h"

#include <boost/variant/apply_visitor.hpp>

namespace heed::ast {

namespace {
struct RangeOf {
  using result_type = Range;
  template <typename Node>
  Range operator()(x3::forward_ast<Node> const &node) const {
    return node.get().range;
  }
  Range operator()(Ranged const &node) const { return node.range; }
};
} // namespace

Range rangeOf(Expr const &expr) { return boost::apply_visitor(RangeOf{}, expr); }

} // namespace heed::ast
