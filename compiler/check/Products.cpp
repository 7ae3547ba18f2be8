// Products.cpp - matrix products, dot products, concatenation; and what is stored so that it is computed once.

#include "compiler/check/Elaborator.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

/// A value that does not depend on every bound index would be computed again for each value of the others: it is
/// stored, always for a matrix product, else if the innermost index is among the others.
TensorPtr Elaborator::hoist(TensorPtr value, bool always) {
  if (!value || bound.empty() || !nodeOf(value->sample()).reduces)
    return value;
  auto &free = nodeOf(value->sample()).free;
  size_t used = 0;
  for (IndexId id : bound)
    used += std::binary_search(free.begin(), free.end(), id);
  bool innermost = std::binary_search(free.begin(), free.end(), bound.back());
  if (used == bound.size() || (!always && innermost))
    return value;
  return storeTemporary(value);
}

TensorPtr Elaborator::dot(TensorPtr left, TensorPtr right, ast::Range range) {
  std::vector<TensorPtr> operands = {left, right};
  if (!toCommonType(operands, range, "arithmetic"))
    return nullptr;
  for (TensorPtr &operand : operands) {
    if (operand->rank() == 0) {
      error(Code::H0202, operand->range, "a dot product is over the last axes of two tensors, but this is a number");
      return nullptr;
    }
    // An operand that does not follow every index around would be computed again for the others.
    auto &free = nodeOf(operand->sample()).free;
    bool partial = std::any_of(bound.begin(), bound.end(),
                               [&](IndexId id) { return !std::binary_search(free.begin(), free.end(), id); });
    if (partial && isCostly(operand))
      operand = storeTemporary(operand);
  }
  Size inner = operands[0]->shape.back();
  TensorPtr product = elementwise(
      range, operands, [range](Subscripts const &x) { return build::binary(BinaryOp::Multiply, x[0], x[1], range); });
  if (!product)
    return nullptr;
  if (sizes.resolve(operands[1]->shape.back()) !=
      sizes.resolve(inner)) { // an axis of one element is no number to repeat here
    error(
        Code::H0203, range,
        fmt::format("a dot product of {} and {} elements", sizes.print(inner), sizes.print(operands[1]->shape.back())));
    return nullptr;
  }
  IndexId id = newIndex("d", inner);
  std::vector<Size> shape(product->shape.begin(), product->shape.end() - 1);
  return hoist(tensorValue(product->type, shape, product->depth + 1, range,
                           [product, id, range](Subscripts const &s) {
                             Subscripts all = s;
                             all.push_back(build::index(id));
                             return build::product(id, product->at(all), range);
                           }),
               false);
}

TensorPtr Elaborator::matrixProduct(TensorPtr left, TensorPtr right, ast::Range range) {
  std::vector<TensorPtr> operands = {left, right};
  if (!toCommonType(operands, range, "arithmetic"))
    return nullptr;
  left = operands[0], right = operands[1];
  if (left->rank() == 0 || right->rank() == 0) {
    error(Code::H0202, (left->rank() == 0 ? left : right)->range,
          "'@' multiplies matrices and vectors, but this is a number", Note{range, "'*' multiplies by a number"});
    return nullptr;
  }
  if (left->rank() == 1 && right->rank() == 1)
    return dot(left, right, range);
  Size inner = left->shape.back();
  Size const &other = right->rank() == 1 ? right->shape[0] : right->shape[right->rank() - 2];
  if (!sizes.unify(inner, other)) {
    error(Code::H0203, range,
          fmt::format("expected {} rows in the right operand of '@', found {}: {} @ {}", sizes.print(inner),
                      sizes.print(other), sizes.print(left->shape), sizes.print(right->shape)),
          Note{right->range, fmt::format("this has shape {}", sizes.print(right->shape))});
    return nullptr;
  }
  // Every element of one operand meets every row or column of the other.
  auto once = [&](TensorPtr operand, bool repeated) {
    return repeated && !isPlainRead(operand) ? storeTemporary(operand) : operand;
  };
  left = once(left, right->rank() > 1);
  right = once(right, left->rank() > 1);
  size_t leftLead = left->rank() >= 2 ? left->rank() - 2 : 0, rightLead = right->rank() >= 2 ? right->rank() - 2 : 0;
  size_t lead = std::max(leftLead, rightLead);
  std::vector<Size> shape(lead);
  for (size_t k = 0; k < lead; ++k) {
    bool fromLeft = k < leftLead, fromRight = k < rightLead;
    Size a = fromLeft ? left->shape[leftLead - 1 - k] : Size{},
         b = fromRight ? right->shape[rightLead - 1 - k] : Size{};
    if (fromLeft && fromRight && !sizes.unify(a, b)) {
      error(Code::H0203, range,
            fmt::format("the leading axes of {} @ {} differ", sizes.print(left->shape), sizes.print(right->shape)));
      return nullptr;
    }
    shape[lead - 1 - k] = fromLeft ? a : b;
  }
  bool rows = left->rank() >= 2, columns = right->rank() >= 2;
  if (rows)
    shape.push_back(left->shape[left->rank() - 2]);
  if (columns)
    shape.push_back(right->shape.back());
  IndexId id = newIndex("d", inner);
  unsigned depth = std::max(left->depth, right->depth) + 2;
  return hoist(tensorValue(left->type, shape, depth, range,
                           [=](Subscripts const &s) {
                             Subscripts a(s.begin() + long(lead - leftLead), s.begin() + long(lead)),
                                 b(s.begin() + long(lead - rightLead), s.begin() + long(lead));
                             ExprPtr step = build::index(id);
                             if (rows)
                               a.push_back(s[lead]);
                             a.push_back(step);
                             b.push_back(step);
                             if (columns)
                               b.push_back(s.back());
                             return build::product(
                                 id, build::binary(BinaryOp::Multiply, left->at(a), right->at(b), range), range);
                           }),
               true);
}

TensorPtr Elaborator::concat(std::vector<TensorPtr> operands, ast::Range range) {
  if (!toCommonType(operands, range, "equality"))
    return nullptr;
  std::vector<Size> shape = operands.front()->shape;
  Size total;
  unsigned depth = 0;
  for (TensorPtr const &operand : operands) {
    if (operand->rank() == 0 || operand->rank() != shape.size()) {
      error(Code::H0202, operand->range,
            fmt::format("concat joins the last axes of tensors with equally many axes, found {} and {}", shape.size(),
                        operand->rank()));
      return nullptr;
    }
    for (size_t k = 0; k + 1 < shape.size(); ++k)
      if (!sizes.unify(shape[k], operand->shape[k])) {
        error(Code::H0203, operand->range,
              fmt::format("expected {} elements along axis {}, found {}", sizes.print(shape[k]), k,
                          sizes.print(operand->shape[k])),
              Note{operands.front()->range, fmt::format("this has shape {}", sizes.print(shape))});
        return nullptr;
      }
    total = add(total, sizes.resolve(operand->shape.back()));
    depth = std::max(depth, operand->depth);
  }
  shape.back() = total;
  std::vector<Size> firsts;
  Size first;
  for (TensorPtr const &operand : operands) {
    firsts.push_back(first);
    first = add(first, sizes.resolve(operand->shape.back()));
  }
  return tensorValue(operands.front()->type, shape, depth + unsigned(operands.size()), range, [=](Subscripts const &s) {
    ExprPtr result;
    for (size_t k = operands.size(); k-- > 0;) {
      Subscripts own = s;
      own.back() = build::binary(BinaryOp::Subtract, s.back(), build::size(firsts[k]), range);
      ExprPtr element = operands[k]->at(own);
      result = result ? build::select(build::binary(BinaryOp::Less, s.back(), build::size(firsts[k + 1]), range),
                                      element, result, range)
                      : element;
    }
    return result;
  });
}

} // namespace heed::elaborate
