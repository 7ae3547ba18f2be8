// Witness.cpp - a place at which a condition fails, by trying small sizes and indices near the ends and near the
// constants.

#include "compiler/check/Prover.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace heed::elaborate {

namespace {

using Place = std::map<IndexId, int64_t>;

struct Evaluator {
  Place const &indices;
  std::map<DimId, int64_t> const &dims;

  std::optional<int64_t> size(Size const &size) const {
    int64_t result = size.constant;
    for (Size::Term const &term : size.terms) {
      auto dim = dims.find(term.dim);
      if (dim == dims.end())
        return std::nullopt;
      result += term.coefficient * dim->second;
    }
    return result;
  }

  /// The value of an integer or condition that reads no tensor.
  std::optional<int64_t> operator()(ExprPtr const &expr) const {
    if (auto *constant = std::get_if<Expr::IntConstant>(&expr->node))
      return constant->value;
    if (auto *constant = std::get_if<Expr::BoolConstant>(&expr->node))
      return constant->value;
    if (auto *value = std::get_if<Expr::SizeValue>(&expr->node))
      return size(value->size);
    if (auto *index = std::get_if<Expr::IndexValue>(&expr->node)) {
      auto place = indices.find(index->index);
      return place == indices.end() ? std::nullopt : std::optional(place->second);
    }
    if (auto *unary = std::get_if<Expr::Unary>(&expr->node)) {
      if (unary->operand->type == Scalar::Real)
        return std::nullopt;
      auto x = (*this)(unary->operand);
      if (!x)
        return std::nullopt;
      switch (unary->op) {
      case UnaryOp::Negate:
        return -*x;
      case UnaryOp::Abs:
        return std::abs(*x);
      case UnaryOp::Not:
        return !*x;
      case UnaryOp::ToInt:
        return *x;
      default:
        return std::nullopt;
      }
    }
    if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
      auto condition = (*this)(select->condition);
      return condition ? (*this)(*condition ? select->ifTrue : select->ifFalse) : std::nullopt;
    }
    auto *binary = std::get_if<Expr::Binary>(&expr->node);
    if (!binary || binary->left->type == Scalar::Real)
      return std::nullopt;
    auto x = (*this)(binary->left);
    if (binary->op == BinaryOp::And || binary->op == BinaryOp::Or) {
      if (x && (*x != 0) == (binary->op == BinaryOp::Or))
        return x;
      auto y = (*this)(binary->right);
      return x ? y : std::nullopt;
    }
    auto y = x ? (*this)(binary->right) : std::nullopt;
    if (!y || std::abs(*x) > (int64_t(1) << 31) || std::abs(*y) > (int64_t(1) << 31))
      return std::nullopt;
    switch (binary->op) {
    case BinaryOp::Add:
      return *x + *y;
    case BinaryOp::Subtract:
      return *x - *y;
    case BinaryOp::Multiply:
      return *x * *y;
    case BinaryOp::Divide:
      return *y == 0 ? std::nullopt : std::optional(floorDivide(*x, *y));
    case BinaryOp::Remainder:
      return *y == 0 ? std::nullopt : std::optional(floorRemainder(*x, *y));
    case BinaryOp::Minimum:
      return std::min(*x, *y);
    case BinaryOp::Maximum:
      return std::max(*x, *y);
    case BinaryOp::Equal:
      return *x == *y;
    case BinaryOp::NotEqual:
      return *x != *y;
    case BinaryOp::Less:
      return *x < *y;
    case BinaryOp::LessEqual:
      return *x <= *y;
    case BinaryOp::Greater:
      return *x > *y;
    case BinaryOp::GreaterEqual:
      return *x >= *y;
    default:
      return std::nullopt;
    }
  }
};

void collectConstants(ExprPtr const &expr, std::set<int64_t> &constants, std::set<DimId> &dims,
                      std::set<IndexId> &indices) {
  if (auto *constant = std::get_if<Expr::IntConstant>(&expr->node)) {
    if (std::abs(constant->value) < 1'000'000)
      constants.insert(constant->value);
    return;
  }
  if (auto *size = std::get_if<Expr::SizeValue>(&expr->node))
    for (Size::Term const &term : size->size.terms)
      dims.insert(term.dim);
  if (auto *index = std::get_if<Expr::IndexValue>(&expr->node))
    indices.insert(index->index);
  mapChildren(expr, [&](ExprPtr const &child) {
    collectConstants(child, constants, dims, indices);
    return child;
  });
}

class Search {
public:
  Search(Program const &program, ExprPtr condition, std::vector<ExprPtr> const &facts, ExprPtr value)
      : program(program), condition(std::move(condition)), facts(facts), value(std::move(value)),
        evaluate{indices, dims} {
    std::set<DimId> dimSet;
    std::set<IndexId> indexSet;
    collectConstants(this->condition, constants, dimSet, indexSet);
    for (ExprPtr const &fact : facts)
      collectConstants(fact, constants, dimSet, indexSet);
    for (IndexId id : indexSet)
      for (Size::Term const &term : program.indices[id].size.terms)
        dimSet.insert(term.dim);
    dimOrder.assign(dimSet.begin(), dimSet.end());
    indexOrder.assign(indexSet.begin(), indexSet.end());
  }

  bool run() { return chooseDim(0); }
  std::string text() const {
    std::string result;
    for (auto &[id, at] : indices)
      result += (result.empty() ? "" : ", ") + fmt::format("{} = {}", program.indices[id].name, at);
    for (auto &[id, size] : dims)
      result += (result.empty() ? "" : ", ") + fmt::format("{} = {}", program.dims[id].name, size);
    return result;
  }
  std::optional<int64_t> valueThere() const { return value ? evaluate(value) : std::nullopt; }

private:
  Program const &program;
  ExprPtr condition;
  std::vector<ExprPtr> const &facts;
  ExprPtr value;
  Place indices;
  std::map<DimId, int64_t> dims;
  Evaluator evaluate;
  std::set<int64_t> constants;
  std::vector<DimId> dimOrder;
  std::vector<IndexId> indexOrder;
  unsigned tried = 0;

  bool chooseDim(size_t k) {
    if (k == dimOrder.size())
      return chooseIndex(0);
    Dim const &dim = program.dims[dimOrder[k]];
    std::set<int64_t> sizes = {4, 3, 2, 1, 0, 5, 8};
    for (int64_t constant : constants)
      for (int64_t near : {constant, constant + 1, constant + 2})
        sizes.insert(near);
    std::vector<int64_t> order = {4, 3, 2, 1};
    for (int64_t size : sizes)
      if (std::find(order.begin(), order.end(), size) == order.end())
        order.push_back(size);
    for (int64_t size : order) {
      if (size < dim.minimum || size < 0 || (dim.maximum >= 0 && size > dim.maximum))
        continue;
      dims[dimOrder[k]] = size;
      if (chooseDim(k + 1))
        return true;
    }
    dims.erase(dimOrder[k]);
    return false;
  }

  bool chooseIndex(size_t k) {
    if (++tried > 60'000)
      return false;
    if (k == indexOrder.size()) {
      for (ExprPtr const &fact : facts)
        if (auto holds = evaluate(fact); !holds || !*holds)
          return false;
      auto holds = evaluate(condition);
      return holds && !*holds;
    }
    auto size = evaluate.size(program.indices[indexOrder[k]].size);
    if (!size)
      return false;
    std::set<int64_t> places = {0, 1, 2, 3, *size - 1, *size - 2};
    for (int64_t constant : constants)
      for (int64_t near : {constant - 1, constant, constant + 1})
        places.insert(near);
    for (int64_t place : places) {
      if (place < 0 || place >= *size)
        continue;
      indices[indexOrder[k]] = place;
      if (chooseIndex(k + 1))
        return true;
    }
    indices.erase(indexOrder[k]);
    return false;
  }
};

} // namespace

std::optional<std::string> findWitness(Program const &program, ExprPtr const &condition,
                                       std::vector<ExprPtr> const &facts, ExprPtr const &value, int64_t *valueThere) {
  Search search(program, condition, facts, value);
  if (!search.run())
    return std::nullopt;
  if (valueThere)
    if (auto there = search.valueThere())
      *valueThere = *there;
  return search.text();
}

} // namespace heed::elaborate
