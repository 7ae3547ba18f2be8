// Values.cpp - tensors as functions from subscripts to scalar expressions.

#include "compiler/check/Values.h"

namespace heed::elaborate {

ExprPtr const &TensorValue::sample() const {
  if (!sampled) {
    Subscripts subscripts;
    for (size_t axis = 0; axis < shape.size(); ++axis)
      subscripts.push_back(build::index(placeholder(axis, shape.size())));
    sampled = at(subscripts);
  }
  return sampled;
}

TensorPtr scalarValue(ExprPtr expr, ast::Range range) {
  auto value = std::make_shared<TensorValue>();
  value->type = expr->type;
  value->depth = nodeOf(expr).depth;
  value->scalar = std::move(expr);
  value->range = range;
  return value;
}

TensorPtr tensorValue(Scalar type, std::vector<Size> shape, unsigned depth, ast::Range range,
                      std::function<ExprPtr(Subscripts const &)> element) {
  if (shape.empty())
    return scalarValue(element({}), range);
  auto value = std::make_shared<TensorValue>();
  value->type = type;
  value->shape = std::move(shape);
  value->depth = depth;
  value->element = std::move(element);
  value->range = range;
  return value;
}

bool isPlainRead(TensorPtr const &value) {
  auto *read = std::get_if<Expr::Read>(&value->sample()->node);
  if (!read)
    return false;
  for (ExprPtr const &subscript : read->subscripts)
    if (nodeOf(subscript).reads || nodeOf(subscript).reduces || nodeOf(subscript).weight > 8)
      return false;
  return true;
}

bool isCostly(TensorPtr const &value) {
  Node const &node = nodeOf(value->sample());
  return node.reduces || (node.transcendental && (node.reads || !node.free.empty())) || node.weight > 24;
}

std::string_view typeName(Scalar type) {
  switch (type) {
  case Scalar::Real:
    return "real";
  case Scalar::Int:
    return "integer";
  case Scalar::Bool:
    return "bool";
  }
  return "";
}

std::string_view elementName(Element element) {
  static constexpr std::string_view names[] = {"f32", "f64", "f16", "bf16", "i32", "i8", "bool"};
  return names[size_t(element)];
}

Scalar scalarOf(Element element) {
  switch (element) {
  case Element::I32:
  case Element::I8:
    return Scalar::Int;
  case Element::Bool:
    return Scalar::Bool;
  default:
    return Scalar::Real;
  }
}

Element elementOf(Scalar scalar) {
  return scalar == Scalar::Real ? Element::F32 : scalar == Scalar::Int ? Element::I32 : Element::Bool;
}

} // namespace heed::elaborate
