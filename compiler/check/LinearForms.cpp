// LinearForms.cpp - integer expressions as sums of multiples of indices.

#include "compiler/check/LinearForms.h"

#include <cstdlib>

namespace heed::elaborate {

bool linear(ExprPtr const &expr, int64_t factor, std::map<IndexId, int64_t> &coefficients) {
  if (nodeOf(expr).free.empty())
    return true;
  if (auto *index = std::get_if<Expr::IndexValue>(&expr->node)) {
    coefficients[index->index] += factor;
    return true;
  }
  auto *binary = std::get_if<Expr::Binary>(&expr->node);
  if (!binary)
    return false;
  if (binary->op == BinaryOp::Add)
    return linear(binary->left, factor, coefficients) && linear(binary->right, factor, coefficients);
  if (binary->op == BinaryOp::Subtract)
    return linear(binary->left, factor, coefficients) && linear(binary->right, -factor, coefficients);
  if (binary->op == BinaryOp::Multiply)
    if (auto constant = constantInt(binary->right); constant && std::abs(*constant) < 1'000'000)
      return linear(binary->left, factor * *constant, coefficients);
  return false;
}

bool isTerm(ExprPtr const &expr, IndexId index) {
  if (auto *value = std::get_if<Expr::IndexValue>(&expr->node))
    return value->index == index;
  auto *binary = std::get_if<Expr::Binary>(&expr->node);
  return binary && (binary->op == BinaryOp::Add || binary->op == BinaryOp::Subtract) &&
         (isTerm(binary->left, index) || (binary->op == BinaryOp::Add && isTerm(binary->right, index)));
}

std::vector<std::pair<IndexId, IndexId>> causalPairs(ExprPtr const &condition) {
  std::vector<std::pair<IndexId, IndexId>> pairs;
  std::vector<ExprPtr> parts;
  splitConjunction(condition, parts);
  for (ExprPtr const &part : parts) {
    auto *binary = std::get_if<Expr::Binary>(&part->node);
    if (!binary || binary->left->type != Scalar::Int)
      continue;
    bool less = binary->op == BinaryOp::Less || binary->op == BinaryOp::LessEqual;
    if (!less && binary->op != BinaryOp::Greater && binary->op != BinaryOp::GreaterEqual)
      continue;
    std::map<IndexId, int64_t> coefficients;
    if (!linear(binary->left, less ? 1 : -1, coefficients) || !linear(binary->right, less ? -1 : 1, coefficients))
      continue;
    for (auto &[j, a] : coefficients) // a j - b i <= ...
      for (auto &[i, b] : coefficients)
        if (a > 0 && b < 0)
          pairs.emplace_back(i, j);
  }
  return pairs;
}

} // namespace heed::elaborate
