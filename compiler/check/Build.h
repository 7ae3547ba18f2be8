// Build.h - scalar expressions: construction with constant folding, free indices, substitution.
//
// Every expression the checker makes is a Node: an Expr that also knows its free index variables and how costly it is,
// so that lifting a definition over the indices it depends on needs no walk.
#pragma once

#include "compiler/check/Program.h"

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <unordered_map>

namespace heed::elaborate {

/// Axis k of a value that is looked at without being used anywhere: index variables that never reach a program.
/// They are numbered from the last axis, so that values that are aligned at the right have theirs in common.
constexpr IndexId placeholderBase = 0xF0000000;
inline IndexId placeholder(size_t axis, size_t rank) { return placeholderBase + IndexId(rank - 1 - axis); }

struct Node : Expr {
  std::vector<IndexId> free; // sorted, unique
  uint32_t depth = 1;
  uint32_t weight = 1; // nodes when written out as a tree, saturating
  bool reduces = false, transcendental = false, reads = false;
  size_t hash = 0;
  ExprPtr guard; // of a counting reduction: it runs where this is defined
  bool whole = false; // of a sum: a product of vectors, which has no value where a vector has none
};
inline Node const &nodeOf(ExprPtr const &expr) { return static_cast<Node const &>(*expr); }

/// The program would be larger than the limits allow; `what` is the message.
struct LimitReached : std::runtime_error {
  using runtime_error::runtime_error;
};
/// Expressions made since the last reset, by this thread; making too many throws LimitReached.
void resetBudget();

namespace build {
ExprPtr real(double value, ast::Range range = {});
ExprPtr integer(int64_t value, ast::Range range = {});
ExprPtr boolean(bool value, ast::Range range = {});
ExprPtr index(IndexId id, ast::Range range = {});
ExprPtr size(Size const &size, ast::Range range = {});
ExprPtr read(TensorId tensor, std::vector<ExprPtr> subscripts, Scalar type, ast::Range range = {},
             bool checked = false);
ExprPtr unary(UnaryOp op, ExprPtr operand, ast::Range range = {});
ExprPtr binary(BinaryOp op, ExprPtr left, ExprPtr right, ast::Range range = {});
ExprPtr select(ExprPtr condition, ExprPtr ifTrue, ExprPtr ifFalse, ast::Range range = {});
ExprPtr reduce(ReduceKind kind, std::vector<IndexId> indices, ExprPtr domain, ExprPtr body, ast::Range range = {},
               ExprPtr guard = nullptr);
/// `reduce` with these parts in place of its own.
ExprPtr reduce(Expr::Reduce const &reduce, ExprPtr domain, ExprPtr body, ast::Range range = {}, ExprPtr guard = nullptr);
/// The sum of a product of two vectors.
ExprPtr product(IndexId index, ExprPtr body, ast::Range range = {});
/// The position at place `rank` of the order that TopK means.
ExprPtr topk(IndexId index, ExprPtr domain, ExprPtr body, ExprPtr rank, ast::Range range = {});
/// a and b, where null is true.
ExprPtr both(ExprPtr left, ExprPtr right);
} // namespace build

using IndexMap = std::map<IndexId, ExprPtr>;
using Memo = std::unordered_map<Expr const *, ExprPtr>;

/// `expr` with index variables replaced. Bound variables are never in the map.
ExprPtr substitute(ExprPtr const &expr, IndexMap const &map);
/// `expr` with every child replaced by `f(child)`, folded again; the same pointer if nothing changed.
ExprPtr mapChildren(ExprPtr const &expr, std::function<ExprPtr(ExprPtr const &)> const &f);
/// Equal as trees (bound variables by name).
bool sameExpr(ExprPtr const &left, ExprPtr const &right);
bool dependsOn(ExprPtr const &expr, IndexId index);
bool dependsOnAny(ExprPtr const &expr, std::vector<IndexId> const &indices);

/// The value of an expression of constants; division rounds down.
std::optional<int64_t> constantInt(ExprPtr const &expr);
std::optional<double> constantReal(ExprPtr const &expr);
std::optional<bool> constantBool(ExprPtr const &expr);

int64_t floorDivide(int64_t left, int64_t right);
int64_t floorRemainder(int64_t left, int64_t right);

/// The parts of a conjunction, left to right.
void splitConjunction(ExprPtr const &expr, std::vector<ExprPtr> &parts);
ExprPtr joinConjunction(std::vector<ExprPtr> const &parts);

} // namespace heed::elaborate
