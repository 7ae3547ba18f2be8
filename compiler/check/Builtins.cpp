// Builtins.cpp - the functions that no library can define: elementwise mathematics, choice, conversion, products.

#include "compiler/check/Elaborator.h"

#include <fmt/format.h>

namespace heed::elaborate {

namespace {

std::map<std::string, UnaryOp> const realFunctions = {
    {"exp", UnaryOp::Exp},         {"log", UnaryOp::Log},     {"sqrt", UnaryOp::Sqrt}, {"rsqrt", UnaryOp::Rsqrt},
    {"sin", UnaryOp::Sin},         {"cos", UnaryOp::Cos},     {"tanh", UnaryOp::Tanh}, {"erf", UnaryOp::Erf},
    {"sigmoid", UnaryOp::Sigmoid}, {"floor", UnaryOp::Floor}, {"ceil", UnaryOp::Ceil}, {"round", UnaryOp::Round},
    {"abs", UnaryOp::Abs}};

} // namespace

bool isBuiltin(std::string const &name) {
  return realFunctions.contains(name) || name == "select" || name == "float" || name == "int" || name == "dot" ||
         name == "concat" || name == "length" || isReduction(name);
}

TensorPtr Elaborator::applyBuiltin(std::string const &name, std::vector<TensorPtr> operands, ast::Range range) {
  auto count = [&](size_t wanted) {
    if (operands.size() == wanted)
      return true;
    error(Code::H0304, range,
          fmt::format("'{}' takes {} argument{}, found {}", name, wanted, wanted == 1 ? "" : "s", operands.size()));
    return false;
  };
  if (auto function = realFunctions.find(name); function != realFunctions.end()) {
    if (!count(1))
      return nullptr;
    TensorPtr x = operands[0];
    UnaryOp op = function->second;
    bool keepsIntegers = op == UnaryOp::Abs || op == UnaryOp::Floor || op == UnaryOp::Ceil || op == UnaryOp::Round;
    if (x->type != Scalar::Int || !keepsIntegers)
      x = convert(x, Scalar::Real, range);
    else if (op != UnaryOp::Abs)
      return x;
    return x ? elementwise(range, {x}, [op, range](Subscripts const &e) { return build::unary(op, e[0], range); })
             : nullptr;
  }
  if (name == "float" || name == "int") {
    if (!count(1))
      return nullptr;
    UnaryOp op = name == "float" ? UnaryOp::ToReal : UnaryOp::ToInt;
    if (operands[0]->type == (name == "float" ? Scalar::Real : Scalar::Int))
      return operands[0];
    return elementwise(range, {operands[0]},
                       [op, range](Subscripts const &e) { return build::unary(op, e[0], range); });
  }
  if (name == "min" || name == "max") {
    if (!count(2) || !toCommonType(operands, range, "arithmetic"))
      return nullptr;
    BinaryOp op = name == "min" ? BinaryOp::Minimum : BinaryOp::Maximum;
    return elementwise(range, operands,
                       [op, range](Subscripts const &e) { return build::binary(op, e[0], e[1], range); });
  }
  if (name == "dot")
    return count(2) ? dot(operands[0], operands[1], range) : nullptr;
  if (name == "concat") {
    if (operands.empty()) {
      error(Code::H0304, range, "'concat' joins at least one tensor, found none");
      return nullptr;
    }
    return concat(std::move(operands), range);
  }
  return nullptr;
}

Value Elaborator::evaluateBuiltin(std::string const &name, ast::Call const &call) {
  if (name == "topk")
    return evaluateSelection(call);
  if (!call.statics.empty() || call.as) {
    error(Code::H0305, call.range, fmt::format("'{}' has no static arguments", name));
    return {};
  }
  if (isReduction(name) && !((name == "min" || name == "max") && call.indices.empty() && call.arguments.size() == 2))
    return evaluateReduction(name, call);
  if (!call.indices.empty()) {
    error(Code::H0303, call.range, fmt::format("'{}' is no reduction and takes no index in brackets", name));
    return {};
  }
  if (call.where) {
    error(Code::H0410, ast::rangeOf(*call.where), "a condition stands in reductions only");
    return {};
  }
  if (name == "length")
    return lengthOf(call);
  if (name == "select") {
    if (call.arguments.size() != 3) {
      error(Code::H0304, call.range,
            fmt::format("'select' takes 3 arguments, a condition and two values, found {}", call.arguments.size()));
      return {};
    }
    TensorPtr condition = tensor(call.arguments[0]);
    if (condition && condition->type != Scalar::Bool) {
      error(Code::H0201, ast::rangeOf(call.arguments[0]),
            fmt::format("expected a condition, found {}", typeName(condition->type)));
      condition = nullptr;
    }
    if (!condition)
      return {};
    // Each side is evaluated only where it is chosen.
    std::vector<TensorPtr> sides;
    for (size_t k : {1, 2}) {
      Restore restore(*this);
      if (condition->rank() == 0)
        splitConjunction(k == 1 ? condition->scalar : build::unary(UnaryOp::Not, condition->scalar), assumptions);
      sides.push_back(tensor(call.arguments[k]));
    }
    if (!sides[0] || !sides[1] || !toCommonType(sides, call.range, "equality"))
      return {};
    ast::Range range = call.range;
    return elementwise(range, {condition, sides[0], sides[1]},
                       [range](Subscripts const &e) { return build::select(e[0], e[1], e[2], range); });
  }
  std::vector<TensorPtr> operands;
  for (ast::Expr const &argument : call.arguments) {
    Value value = evaluate(argument);
    if (auto *list = value.list(); list && name == "concat") {
      auto joined = tensorsOf(*list, ast::rangeOf(argument));
      if (!joined)
        return {};
      operands.insert(operands.end(), joined->begin(), joined->end());
    } else {
      operands.push_back(asTensor(value, ast::rangeOf(argument)));
    }
  }
  for (TensorPtr const &operand : operands)
    if (!operand)
      return {};
  return applyBuiltin(name, operands, call.range);
}

} // namespace heed::elaborate
