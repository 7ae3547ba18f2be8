// InputRanges.cpp - which values of an integer input keep every subscript it takes part in inside its axis.
#include "compiler/reference/Dependence.h"
#include "compiler/reference/Random.h"
#include "compiler/reference/Sizes.h"

#include <unordered_set>

namespace heed::reference {
namespace {

constexpr int64_t Unlimited = int64_t(1) << 40;

class Ranges {
public:
  Ranges(Program const &program, std::vector<int64_t> const &dims)
      : program(program), sizes{dims}, ranges(program.tensors.size(), {-Unlimited, Unlimited}) {}

  std::vector<IntegerRange> deduce() {
    // Later steps first: a definition that only passes an input on has its own range by the time it is visited.
    for (size_t step = program.steps.size(); step-- > 0;) {
      if (auto *definition = std::get_if<Definition>(&program.steps[step])) {
        visit(*definition);
      } else {
        Recurrence const &recurrence = std::get<Recurrence>(program.steps[step]);
        for (size_t member = recurrence.members.size(); member-- > 0;)
          visit(recurrence.members[member]);
        for (Start const &start : recurrence.starts)
          constrain(*start.value, ranges[start.tensor]), findReads(start.value);
        findReads(recurrence.until);
      }
    }
    return std::move(ranges);
  }

private:
  void visit(Definition const &definition) {
    constrain(*definition.value, ranges[definition.tensor]);
    findReads(definition.value);
    findReads(definition.domain);
  }

  /// Constrains every subscript below `root`.
  void findReads(ExprPtr const &root) {
    std::vector<Expr const *> pending;
    if (root)
      pending.push_back(root.get());
    while (!pending.empty()) {
      Expr const *expr = pending.back();
      pending.pop_back();
      if (!seen.insert(expr).second)
        continue;
      if (auto *read = std::get_if<Expr::Read>(&expr->node))
        for (size_t axis = 0; axis < read->subscripts.size(); ++axis)
          constrain(*read->subscripts[axis], {0, sizes.of(program.tensors[read->tensor].shape[axis])});
      forEachChild(*expr, [&](Expr const &child) { pending.push_back(&child); });
    }
  }

  /// Narrows the tensors that `expr` reads so that its value is in `range`, where that is simple arithmetic.
  void constrain(Expr const &expr, IntegerRange range) {
    if (range.low <= -Unlimited && range.high >= Unlimited)
      return;
    if (auto *read = std::get_if<Expr::Read>(&expr.node)) {
      IntegerRange &mine = ranges[read->tensor];
      mine = {std::max(mine.low, range.low), std::min(mine.high, range.high)};
    } else if (auto *select = std::get_if<Expr::Select>(&expr.node)) {
      constrain(*select->ifTrue, range);
      constrain(*select->ifFalse, range);
    } else if (auto *binary = std::get_if<Expr::Binary>(&expr.node)) {
      constrain(*binary, range);
    }
  }

  void constrain(Expr::Binary const &node, IntegerRange range) {
    std::optional<int64_t> left = constant(*node.left), right = constant(*node.right);
    if (!left == !right)
      return;
    Expr const &other = right ? *node.left : *node.right;
    int64_t number = right ? *right : *left;
    if (node.op == BinaryOp::Add)
      constrain(other, {range.low - number, range.high - number});
    else if (node.op == BinaryOp::Subtract && right)
      constrain(other, {range.low + number, range.high + number});
    else if (node.op == BinaryOp::Multiply && number > 0)
      constrain(other, {ceilDivide(range.low, number), ceilDivide(range.high, number)});
    else if (node.op == BinaryOp::Divide && right && number > 0 && range.high < Unlimited / number &&
             range.low > -Unlimited / number)
      constrain(other, {range.low * number, range.high * number});
  }

  std::optional<int64_t> constant(Expr const &expr) {
    if (auto *node = std::get_if<Expr::IntConstant>(&expr.node); node && std::abs(node->value) < Unlimited)
      return node->value;
    if (auto *node = std::get_if<Expr::SizeValue>(&expr.node))
      return sizes.of(node->size);
    return std::nullopt;
  }

  static int64_t ceilDivide(int64_t x, int64_t y) { return x / y + (x % y > 0); }

  Program const &program;
  Sizes sizes;
  std::vector<IntegerRange> ranges;
  std::unordered_set<Expr const *> seen;
};

} // namespace

std::vector<IntegerRange> inputRanges(Program const &program, std::vector<int64_t> const &dims) {
  return Ranges(program, dims).deduce();
}

} // namespace heed::reference
