// Intervals.cpp - bounds of the values of integer tensors: argmax over 1000 columns is in [0, 999], clamped arithmetic
// in its clamps.

#include "compiler/check/Intervals.h"
#include "compiler/check/Sizes.h"

namespace heed::elaborate {

Intervals::Intervals(Program const &program)
    : program(program), sources(program.tensors.size()), known(program.tensors.size()),
      running(program.tensors.size()) {
  for (Step const &step : program.steps) {
    if (auto *definition = std::get_if<Definition>(&step)) {
      sources[definition->tensor].values.push_back(definition->value);
    } else {
      auto &recurrence = std::get<Recurrence>(step);
      for (Start const &start : recurrence.starts)
        sources[start.tensor].values.push_back(start.value);
      for (Definition const &member : recurrence.members)
        sources[member.tensor].values.push_back(member.value);
    }
  }
}

std::optional<Size> Intervals::smaller(std::optional<Size> const &a, std::optional<Size> const &b) {
  if (!a || !b)
    return std::nullopt;
  Size difference = subtract(*a, *b);
  return !difference.isConstant() ? std::nullopt : difference.constant <= 0 ? a : b;
}
std::optional<Size> Intervals::larger(std::optional<Size> const &a, std::optional<Size> const &b) {
  if (!a || !b)
    return std::nullopt;
  Size difference = subtract(*a, *b);
  return !difference.isConstant() ? std::nullopt : difference.constant >= 0 ? a : b;
}

/// Of two bounds that hold and do not compare, a number: clamps are written with numbers.
static std::optional<Size> either(std::optional<Size> const &a, std::optional<Size> const &b) {
  return a && (a->isConstant() || !b) ? a : b;
}

Interval Intervals::of(TensorId tensor) {
  if (known[tensor])
    return *known[tensor];
  if (running[tensor] || sources[tensor].values.empty() || sources[tensor].values.front()->type != Scalar::Int)
    return {};
  running[tensor] = true;
  Interval result = of(sources[tensor].values.front());
  for (size_t k = 1; k < sources[tensor].values.size(); ++k) {
    Interval next = of(sources[tensor].values[k]);
    result = {smaller(result.low, next.low), larger(result.high, next.high)};
  }
  running[tensor] = false;
  known[tensor] = result;
  return result;
}

Interval Intervals::of(ExprPtr const &expr) {
  auto exactly = [](Size const &size) { return Interval{size, size}; };
  if (auto *constant = std::get_if<Expr::IntConstant>(&expr->node))
    return exactly(Size{constant->value, {}});
  if (auto *value = std::get_if<Expr::SizeValue>(&expr->node))
    return exactly(value->size);
  if (auto *index = std::get_if<Expr::IndexValue>(&expr->node))
    return {Size{}, subtract(program.indices[index->index].size, Size{1, {}})};
  if (auto *read = std::get_if<Expr::Read>(&expr->node))
    return of(read->tensor);
  if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
    Interval a = of(select->ifTrue), b = of(select->ifFalse);
    return {smaller(a.low, b.low), larger(a.high, b.high)};
  }
  if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node)) {
    Size const &size = program.indices[reduce->indices.front()].size;
    if (reduce->kind == ReduceKind::TopK)
      return {Size{}, subtract(size, Size{1, {}})};
    if (reduce->kind != ReduceKind::ArgMax && reduce->kind != ReduceKind::ArgMin)
      return {};
    if (size.isConstant() && size.constant >= 1)
      return {Size{}, Size{size.constant - 1, {}}};
    return {Size{}, std::nullopt};
  }
  if (auto *unary = std::get_if<Expr::Unary>(&expr->node)) {
    if (unary->op == UnaryOp::ToInt)
      return unary->operand->type == Scalar::Bool ? Interval{Size{}, Size{1, {}}} : Interval{};
    Interval a = of(unary->operand);
    if (unary->op == UnaryOp::Negate)
      return {a.high ? std::optional(scale(*a.high, -1)) : std::nullopt,
              a.low ? std::optional(scale(*a.low, -1)) : std::nullopt};
    if (unary->op == UnaryOp::Abs)
      return {Size{}, std::nullopt};
    return {};
  }
  auto *binary = std::get_if<Expr::Binary>(&expr->node);
  if (!binary || expr->type != Scalar::Int)
    return {};
  Interval a = of(binary->left), b = of(binary->right);
  auto constant = constantInt(binary->right);
  switch (binary->op) {
  case BinaryOp::Add:
    return {a.low && b.low ? std::optional(add(*a.low, *b.low)) : std::nullopt,
            a.high && b.high ? std::optional(add(*a.high, *b.high)) : std::nullopt};
  case BinaryOp::Subtract:
    return {a.low && b.high ? std::optional(subtract(*a.low, *b.high)) : std::nullopt,
            a.high && b.low ? std::optional(subtract(*a.high, *b.low)) : std::nullopt};
  case BinaryOp::Multiply:
    if (constant && *constant >= 0)
      return {a.low ? std::optional(scale(*a.low, *constant)) : std::nullopt,
              a.high ? std::optional(scale(*a.high, *constant)) : std::nullopt};
    return {};
  case BinaryOp::Divide:
    if (constant && *constant > 0 && a.low && a.low->isConstant() && a.high && a.high->isConstant())
      return {Size{floorDivide(a.low->constant, *constant), {}}, Size{floorDivide(a.high->constant, *constant), {}}};
    return {};
  case BinaryOp::Remainder:
    return constant && *constant > 0 ? Interval{Size{}, Size{*constant - 1, {}}} : Interval{};
  case BinaryOp::Minimum: {
    auto high = smaller(a.high, b.high);
    return {smaller(a.low, b.low), high ? high : either(a.high, b.high)};
  }
  case BinaryOp::Maximum: {
    auto low = larger(a.low, b.low);
    return {low ? low : either(a.low, b.low), larger(a.high, b.high)};
  }
  default:
    return {};
  }
}

} // namespace heed::elaborate
