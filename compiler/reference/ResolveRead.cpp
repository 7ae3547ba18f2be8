// ResolveRead.cpp - subscripts to strides.
//
// What is affine in the indices becomes one address computation; bounds are checked at run time only where the ranges
// of the indices do not settle them.
#include "compiler/reference/Resolver.h"

#include <fmt/format.h>

namespace heed::reference {

bool LinearForm::add(LinearForm const &other, int64_t factor) {
  int64_t product;
  if (__builtin_mul_overflow(other.constant, factor, &product) || __builtin_add_overflow(constant, product, &constant))
    return false;
  for (auto [index, coefficient] : other.terms) {
    int64_t &mine = terms[index];
    if (__builtin_mul_overflow(coefficient, factor, &product) || __builtin_add_overflow(mine, product, &mine))
      return false;
    if (mine == 0)
      terms.erase(index);
  }
  return true;
}

LinearForm Resolver::linearForm(Expr const &root) {
  if (++depth > 2000)
    fail("the subscript is nested too deeply");
  LinearForm form;
  bool fits = true;
  Expr const *expr = &root;
  for (; fits; expr = std::get<Expr::Binary>(expr->node).left.get()) { // the left spine of a sum
    auto *node = std::get_if<Expr::Binary>(&expr->node);
    if (!node || (node->op != BinaryOp::Add && node->op != BinaryOp::Subtract))
      break;
    fits = form.add(linearForm(*node->right), node->op == BinaryOp::Add ? 1 : -1);
  }
  if (fits) {
    std::optional<LinearForm> rest;
    if (auto *node = std::get_if<Expr::IntConstant>(&expr->node))
      rest = {node->value, {}};
    else if (auto *node = std::get_if<Expr::SizeValue>(&expr->node))
      rest = {surroundings.sizes.of(node->size), {}};
    else if (auto *node = std::get_if<Expr::Binary>(&expr->node); node && node->op == BinaryOp::Multiply)
      rest = linearProduct(*node->left, *node->right);
    if (!rest)
      rest = {0, {{compile(*expr), 1}}};
    fits = form.add(*rest, 1);
  }
  --depth;
  return fits ? form : LinearForm{0, {{compile(root), 1}}};
}

std::optional<LinearForm> Resolver::linearProduct(Expr const &left, Expr const &right) {
  LinearForm x = linearForm(left), y = linearForm(right), product;
  if (!x.isConstant() && !y.isConstant())
    return std::nullopt;
  bool fits = x.isConstant() ? product.add(y, x.constant) : product.add(x, y.constant);
  return fits ? std::optional(product) : std::nullopt;
}

bool Resolver::provedInside(LinearForm const &form, int64_t low, int64_t high) {
  __int128 least = form.constant, most = form.constant;
  for (auto [index, coefficient] : form.terms) {
    auto found = extents.find(index);
    if (found == extents.end())
      return false;
    __int128 reach = static_cast<__int128>(coefficient) * (found->second - 1);
    (coefficient < 0 ? least : most) += reach;
  }
  return least >= low && most < high;
}

Linear Resolver::flatten(LinearForm const &form) {
  Linear result{form.constant, static_cast<uint32_t>(code.terms.size()), 0};
  for (auto [index, coefficient] : form.terms)
    code.terms.push_back({coefficient, index});
  result.last = code.terms.size();
  return result;
}

Register Resolver::materialise(LinearForm const &form) {
  if (form.isConstant())
    return integer(form.constant);
  if (form.constant == 0 && form.terms.size() == 1 && form.terms.begin()->second == 1)
    return form.terms.begin()->first;
  code.linears.push_back(flatten(form));
  Register result = fresh();
  emit(Op::Linear, result, code.linears.size() - 1);
  return result;
}

LinearForm Resolver::position(Storage const &storage, std::vector<LinearForm> const &subscripts) {
  LinearForm result;
  for (size_t axis = 0; axis < subscripts.size(); ++axis) {
    bool fits = result.add(subscripts[axis], storage.stride[axis]);
    int64_t lowest;
    if (!fits || __builtin_mul_overflow(storage.low[axis], storage.stride[axis], &lowest) ||
        __builtin_sub_overflow(result.constant, lowest, &result.constant))
      fail("an address leaves 64 bits");
  }
  return result;
}

uint32_t Resolver::access(Expr::Read const &node) {
  Program const &program = surroundings.program;
  if (node.tensor >= program.tensors.size())
    fail("a read of a tensor that does not exist");
  Storage &storage = surroundings.storages[node.tensor];
  std::string const &name = program.tensors[node.tensor].name;
  if (!storage.ready)
    fail(fmt::format("'{}' is read before it is defined", name));
  if (node.subscripts.size() != storage.extent.size())
    fail(fmt::format("'{}' is read with {} subscripts, it has {} axes", name, node.subscripts.size(),
                     storage.extent.size()));
  std::vector<LinearForm> subscripts;
  for (size_t axis = 0; axis < node.subscripts.size(); ++axis) {
    LinearForm form = linearForm(*node.subscripts[axis]);
    int64_t low = storage.low[axis], high = low + storage.extent[axis];
    if (!provedInside(form, low, high)) {
      Register subscript = materialise(form);
      code.checks.push_back({node.tensor, static_cast<uint32_t>(axis), low, high, node.checked});
      emit(Op::Check, 0, subscript, code.checks.size() - 1);
      form = {0, {{subscript, 1}}};
    }
    subscripts.push_back(std::move(form));
  }
  Linear flat = flatten(position(storage, subscripts));
  code.reads.push_back(
      {node.tensor, storage.data.data(), storage.defined.empty() ? nullptr : storage.defined.data(), flat});
  return code.reads.size() - 1;
}

} // namespace heed::reference
