// Resolve.cpp - equations and expressions to Code.
#include "compiler/reference/Resolver.h"

#include <fmt/format.h>

#include <bit>

namespace heed::reference {

/// Beyond this an equation is a mistake or an attack; it bounds time and memory of resolving.
constexpr size_t MaximumInstructions = size_t(1) << 22;
constexpr unsigned MaximumDepth = 2000;

Resolver::Resolver(Surroundings const &surroundings, TensorId tensor) : surroundings(surroundings) {
  code.tensor = tensor;
  fresh(); // register 0 means "none"
}

void Resolver::fail(std::string const &text) {
  throw EvaluationError(
      fmt::format("internal error in '{}': {}", surroundings.program.tensors[code.tensor].name, text));
}

uint32_t Resolver::emit(Op op, Register result, uint32_t a, uint32_t b, uint8_t kind) {
  if (code.instructions.size() >= MaximumInstructions)
    fail("the equation is too large");
  code.instructions.push_back({op, kind, result, a, b});
  return code.instructions.size() - 1;
}

Register Resolver::fresh() {
  code.registers.push_back({.integer = 0});
  return code.registers.size() - 1;
}

Register Resolver::integer(int64_t value) {
  auto [found, inserted] = integers.try_emplace(value, 0);
  if (inserted)
    code.registers[found->second = fresh()].integer = value;
  return found->second;
}

Register Resolver::real(double value) {
  auto [found, inserted] = reals.try_emplace(std::bit_cast<int64_t>(value), 0);
  if (inserted)
    code.registers[found->second = fresh()].real = value;
  return found->second;
}

int64_t Resolver::extentOf(IndexId index) { return surroundings.sizes.of(surroundings.program.indices.at(index).size); }

Register Resolver::bind(IndexId index) {
  if (index >= surroundings.program.indices.size() || bound.count(index))
    fail("an index is bound twice");
  Register result = bound[index] = fresh();
  extents[result] = extentOf(index);
  return result;
}

void Resolver::unbind(IndexId index) { bound.erase(index); }

void Resolver::bindStep(IndexId index) {
  code.step = bind(index);
  step = index;
}

void Resolver::remember(Expr const &expr, Register value) {
  if (known.try_emplace(&expr, value).second)
    learnt.push_back(&expr);
}

/// Descends the left spine without recursion: a sum of 100,000 terms is as deep as it is long.
Register Resolver::compile(Expr const &root) {
  if (++depth > MaximumDepth)
    fail("the expression is nested too deeply");
  std::vector<Expr const *> spine;
  Expr const *expr = &root;
  while (!known.count(expr)) {
    auto *unaryNode = std::get_if<Expr::Unary>(&expr->node);
    auto *binaryNode = std::get_if<Expr::Binary>(&expr->node);
    if (!unaryNode && !binaryNode)
      break;
    spine.push_back(expr);
    expr = unaryNode ? unaryNode->operand.get() : binaryNode->left.get();
  }
  auto found = known.find(expr);
  Register value = found != known.end() ? found->second : leaf(*expr);
  remember(*expr, value);
  for (; !spine.empty(); spine.pop_back()) {
    Expr const &node = *spine.back();
    if (auto *unaryNode = std::get_if<Expr::Unary>(&node.node))
      value = unary(node, *unaryNode, value);
    else
      value = binary(node, std::get<Expr::Binary>(node.node), value);
    remember(node, value);
  }
  --depth;
  return value;
}

Register Resolver::leaf(Expr const &expr) {
  if (auto *node = std::get_if<Expr::RealConstant>(&expr.node))
    return real(node->value);
  if (auto *node = std::get_if<Expr::IntConstant>(&expr.node))
    return integer(node->value);
  if (auto *node = std::get_if<Expr::BoolConstant>(&expr.node))
    return integer(node->value);
  if (auto *node = std::get_if<Expr::SizeValue>(&expr.node))
    return integer(surroundings.sizes.of(node->size));
  if (auto *node = std::get_if<Expr::IndexValue>(&expr.node)) {
    auto found = bound.find(node->index);
    if (found == bound.end())
      fail("an index is not bound");
    return found->second;
  }
  if (auto *node = std::get_if<Expr::Read>(&expr.node)) {
    uint32_t site = access(*node);
    Register result = fresh();
    emit(expr.type == Scalar::Real ? Op::Read : Op::ReadInt, result, site);
    return result;
  }
  if (auto *node = std::get_if<Expr::Select>(&expr.node))
    return select(expr, *node);
  return reduce(expr, std::get<Expr::Reduce>(expr.node));
}

Register Resolver::unary(Expr const &, Expr::Unary const &node, Register operand) {
  Register result = fresh();
  Op op = node.op == UnaryOp::Not              ? Op::Not
          : node.op == UnaryOp::ToReal         ? Op::ToReal
          : node.op == UnaryOp::ToInt          ? (node.operand->type == Scalar::Real ? Op::ToInt : Op::Move)
          : node.operand->type == Scalar::Real ? Op::RealUnary
                                               : Op::IntUnary;
  emit(op, result, operand, 0, static_cast<uint8_t>(node.op));
  return result;
}

Register Resolver::binary(Expr const &, Expr::Binary const &node, Register left) {
  Register result = fresh();
  if (node.op == BinaryOp::And || node.op == BinaryOp::Or) {
    emit(Op::Move, result, left);
    uint32_t skip = emit(node.op == BinaryOp::And ? Op::JumpIfFalse : Op::JumpIfTrue, 0, left);
    scope([&] { emit(Op::Move, result, compile(*node.right)); });
    jumpHere(skip);
    return result;
  }
  Register right = compile(*node.right);
  bool isReal = node.left->type == Scalar::Real;
  bool compares = node.op >= BinaryOp::Equal && node.op <= BinaryOp::GreaterEqual;
  Op op = compares ? (isReal ? Op::RealCompare : Op::IntCompare) : (isReal ? Op::RealBinary : Op::IntBinary);
  emit(op, result, left, right, static_cast<uint8_t>(node.op));
  return result;
}

Register Resolver::select(Expr const &, Expr::Select const &node) {
  Register condition = compile(*node.condition);
  Register result = fresh();
  uint32_t otherwise = emit(Op::JumpIfFalse, 0, condition);
  scope([&] { emit(Op::Move, result, compile(*node.ifTrue)); });
  uint32_t end = emit(Op::Jump);
  jumpHere(otherwise);
  scope([&] { emit(Op::Move, result, compile(*node.ifFalse)); });
  jumpHere(end);
  return result;
}

static bool agrees(Element element, Scalar type) {
  switch (element) {
  case Element::I32:
  case Element::I8:
    return type == Scalar::Int;
  case Element::Bool:
    return type == Scalar::Bool;
  default:
    return type == Scalar::Real;
  }
}

void Resolver::store(LinearForm const &position, Storage &storage, Register value, Scalar type) {
  Element element = surroundings.program.tensors[code.tensor].element;
  if (!agrees(element, type))
    fail("the value has another type than the tensor");
  code.stores.push_back({code.tensor, storage.data.data(), storage.defined.empty() ? nullptr : storage.defined.data(),
                         flatten(position)});
  emit(Op::Store, 0, value, 0, static_cast<uint8_t>(element));
}

Code resolve(Surroundings const &surroundings, Definition const &definition, Recurrence const *recurrence) {
  Resolver resolver(surroundings, definition.tensor);
  Storage &storage = surroundings.storages[definition.tensor];
  std::vector<IndexId> loops;
  std::vector<LinearForm> subscripts;
  if (recurrence)
    resolver.bindStep(recurrence->step);
  if (definition.indices.size() != storage.extent.size())
    resolver.fail("one index is needed for each axis");
  for (IndexId index : definition.indices) {
    bool isStep = recurrence && index == recurrence->step;
    Register result = isStep ? resolver.code.step : resolver.bind(index);
    if (!isStep)
      loops.push_back(index);
    resolver.code.indices.push_back({index, result});
    subscripts.push_back({0, {{result, 1}}});
  }
  resolver.loop(loops, [&] {
    std::optional<uint32_t> outside;
    if (definition.domain)
      outside = resolver.emit(Op::JumpIfFalse, 0, resolver.compile(*definition.domain));
    Register value = resolver.compile(*definition.value);
    resolver.store(resolver.position(storage, subscripts), storage, value, definition.value->type);
    if (outside)
      resolver.jumpHere(*outside);
  });
  resolver.emit(Op::End);
  return std::move(resolver.code);
}

Code resolve(Surroundings const &surroundings, Start const &start, size_t timeAxis, int64_t time) {
  Resolver resolver(surroundings, start.tensor);
  Storage &storage = surroundings.storages[start.tensor];
  if (start.indices.size() + 1 != storage.extent.size())
    resolver.fail("a start needs one index for each axis but time");
  std::vector<LinearForm> subscripts;
  for (IndexId index : start.indices) {
    Register result = resolver.bind(index);
    resolver.code.indices.push_back({index, result});
    subscripts.push_back({0, {{result, 1}}});
  }
  subscripts.insert(subscripts.begin() + timeAxis, {time, {}});
  resolver.loop(start.indices, [&] {
    Register value = resolver.compile(*start.value);
    resolver.store(resolver.position(storage, subscripts), storage, value, start.value->type);
  });
  resolver.emit(Op::End);
  return std::move(resolver.code);
}

Code resolveUntil(Surroundings const &surroundings, Recurrence const &recurrence) {
  Resolver resolver(surroundings, recurrence.members.at(0).tensor);
  resolver.bindStep(recurrence.step);
  resolver.code.result = resolver.compile(*recurrence.until);
  resolver.emit(Op::End);
  return std::move(resolver.code);
}

} // namespace heed::reference
