// Expressions.cpp - names, operators and broadcasting.

#include "compiler/check/Elaborator.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

namespace {

constexpr unsigned maximumDepth = 1000;

/// An integer division that may round, seen as part of the arithmetic of `expr`.
bool dividesInexactly(ExprPtr const &expr) {
  if (expr->type != Scalar::Int)
    return false;
  if (auto *binary = std::get_if<Expr::Binary>(&expr->node))
    return binary->op == BinaryOp::Divide || dividesInexactly(binary->left) || dividesInexactly(binary->right);
  if (auto *unary = std::get_if<Expr::Unary>(&expr->node))
    return dividesInexactly(unary->operand);
  if (auto *select = std::get_if<Expr::Select>(&expr->node))
    return dividesInexactly(select->ifTrue) || dividesInexactly(select->ifFalse);
  return false;
}

/// The same value, whose reads are reported at `range`.
TensorPtr readAt(TensorPtr const &value, ast::Range range) {
  auto move = [range](ExprPtr const &expr) {
    auto *read = std::get_if<Expr::Read>(&expr->node);
    return read ? build::read(read->tensor, read->subscripts, expr->type, range) : expr;
  };
  auto result = std::make_shared<TensorValue>(*value);
  result->range = range;
  result->sampled = nullptr;
  if (value->rank() == 0)
    result->scalar = move(value->scalar);
  else
    result->element = [value, move](Subscripts const &s) { return move(value->element(s)); };
  return result;
}

BinaryOp operatorOf(ast::BinaryOp op) {
  switch (op) {
  case ast::BinaryOp::Or:
    return BinaryOp::Or;
  case ast::BinaryOp::And:
    return BinaryOp::And;
  case ast::BinaryOp::Equal:
    return BinaryOp::Equal;
  case ast::BinaryOp::NotEqual:
    return BinaryOp::NotEqual;
  case ast::BinaryOp::Less:
    return BinaryOp::Less;
  case ast::BinaryOp::LessEqual:
    return BinaryOp::LessEqual;
  case ast::BinaryOp::Greater:
    return BinaryOp::Greater;
  case ast::BinaryOp::GreaterEqual:
    return BinaryOp::GreaterEqual;
  case ast::BinaryOp::Add:
    return BinaryOp::Add;
  case ast::BinaryOp::Subtract:
    return BinaryOp::Subtract;
  case ast::BinaryOp::Divide:
    return BinaryOp::Divide;
  case ast::BinaryOp::Remainder:
    return BinaryOp::Remainder;
  case ast::BinaryOp::Power:
    return BinaryOp::Power;
  case ast::BinaryOp::Multiply:
  case ast::BinaryOp::MatMul:
    return BinaryOp::Multiply;
  }
  return BinaryOp::Add;
}

} // namespace

Value Elaborator::evaluate(ast::Expr const &expr) {
  struct Level {
    unsigned &depth;
    explicit Level(unsigned &d) : depth(d) { ++depth; }
    ~Level() { --depth; }
  } level(depth);
  ast::Range range = ast::rangeOf(expr);
  if (depth > maximumDepth)
    throw LimitReached("calls and expressions are nested too deeply");
  if (auto *integer = get<ast::Integer>(expr))
    return scalarValue(build::integer(integer->value, range), range);
  if (auto *real = get<ast::Real>(expr))
    return scalarValue(build::real(real->value, range), range);
  if (auto *boolean = get<ast::Boolean>(expr))
    return scalarValue(build::boolean(boolean->value, range), range);
  if (auto *name = get<ast::Name>(expr))
    return evaluateName(*name);
  if (auto *index = get<ast::Index>(expr))
    return evaluateIndex(*index);
  if (auto *unary = get<ast::Unary>(expr))
    return evaluateUnary(*unary);
  if (auto *chain = get<ast::Chain>(expr))
    return evaluateChain(*chain);
  if (auto *call = get<ast::Call>(expr)) {
    std::vector<Value> results = evaluateCallResults(*call);
    if (results.size() == 1)
      return results.front();
    if (!results.empty())
      error(Code::H0106, range,
            fmt::format("'{}' has {} results; a definition names all of them", call->callee.text, results.size()));
    return {};
  }
  if (auto *list = get<ast::ListOf>(expr))
    return evaluateList(*list);
  error(Code::H0306, range, "a text stands only after 'from', 'text' and 'import'");
  return {};
}

TensorPtr Elaborator::tensor(ast::Expr const &expr) { return asTensor(evaluate(expr), ast::rangeOf(expr)); }

TensorPtr Elaborator::asTensor(Value const &value, ast::Range range) {
  if (TensorPtr result = value.tensor())
    return result;
  if (auto *function = value.function())
    error(Code::H0306, range,
          fmt::format("expected a tensor or number, found the function '{}'", function->name()));
  else if (value.list())
    error(Code::H0306, range, "expected a tensor or number, found a list");
  return nullptr;
}

Value Elaborator::evaluateName(ast::Name const &name) {
  if (IndexId id = findIndex(name.text); id != placeholderBase)
    return scalarValue(build::index(id, name.range), name.range);
  if (auto binding = scope->find(name.text)) {
    TensorPtr value = binding->value.tensor();
    if (!value)
      return binding->value;
    if (value->rank() == 0)
      if (auto *size = std::get_if<Expr::SizeValue>(&value->scalar->node))
        return scalarValue(build::size(sizes.resolve(size->size), name.range), name.range);
    if (value->once && bound.size() > instance->boundDepth && isCostly(value))
      value = storeTemporary(value);
    return readAt(value, name.range);
  }
  if (Value *constant = findConstant(name.text, *instance->file))
    return *constant;
  FileScope const *where = nullptr;
  if (auto *callable = findCallable(name.text, *instance->file, where)) {
    auto function = std::make_shared<FunctionValue>();
    function->callable = callable;
    function->file = where;
    return std::shared_ptr<FunctionValue const>(function);
  }
  if (isBuiltin(name.text)) {
    auto function = std::make_shared<FunctionValue>();
    function->builtin = name.text;
    return std::shared_ptr<FunctionValue const>(function);
  }
  // A name that serves as an index elsewhere in this body is an index that nothing binds here.
  bool indexElsewhere = false;
  std::function<void(std::vector<ast::Statement> const &)> look = [&](std::vector<ast::Statement> const &statements) {
    for (ast::Statement const &statement : statements) {
      if (auto *definition = get<ast::Definition>(statement))
        for (ast::Target const &target : definition->targets)
          for (ast::Subscript const &subscript : target.subscripts)
            if (auto *index = get<ast::Name>(subscript.index))
              indexElsewhere |= index->text == name.text;
      if (auto *repeat = get<ast::Repeat>(statement))
        look(repeat->body);
    }
  };
  if (instance->callable)
    look(instance->callable->body);
  if (indexElsewhere)
    error(Code::H0404, name.range, fmt::format("index '{}' is bound by nothing here", name.text),
          Note{name.range, fmt::format("reduce over it, as in sum[{}](...), or name it on the left side", name.text)});
  else
    error(Code::H0301, name.range, unknownName(name.text));
  return {};
}

Value Elaborator::evaluateUnary(ast::Unary const &unary) {
  TensorPtr operand = tensor(unary.operand);
  if (!operand)
    return {};
  bool negates = unary.op == ast::UnaryOp::Negate;
  if (negates == (operand->type == Scalar::Bool)) {
    error(Code::H0201, ast::rangeOf(unary.operand),
          fmt::format("expected {}, found {}", negates ? "a number" : "a condition", typeName(operand->type)));
    return {};
  }
  ast::Range range = unary.range;
  return elementwise(range, {operand}, [=](Subscripts const &x) {
    return build::unary(negates ? UnaryOp::Negate : UnaryOp::Not, x[0], range);
  });
}

TensorPtr Elaborator::convert(TensorPtr value, Scalar type, ast::Range range) {
  if (value->type == type)
    return value;
  if (value->type == Scalar::Int && type == Scalar::Real) {
    if (dividesInexactly(value->sample())) {
      error(
          Code::H0205, value->range.empty() ? range : value->range,
          "the quotient of two integers is rounded down, but a real number is wanted here",
          Note{value->range.empty() ? range : value->range,
               "write float(...) around one of them, as in float(1) / m, or around the quotient if rounding is meant"});
      return nullptr;
    }
    return elementwise(value->range, {value},
                       [r = value->range](Subscripts const &x) { return build::unary(UnaryOp::ToReal, x[0], r); });
  }
  if (value->type == Scalar::Bool)
    error(Code::H0201, range, "expected a number, found a condition",
          Note{range, "select(c, a, b), float(c) and int(c) make numbers of conditions"});
  else
    error(Code::H0201, range, fmt::format("expected {}, found {}", typeName(type), typeName(value->type)));
  return nullptr;
}

bool Elaborator::toCommonType(std::vector<TensorPtr> &operands, ast::Range range, std::string_view what) {
  bool bools = false, numbers = false, reals = false;
  for (TensorPtr const &operand : operands) {
    bools |= operand->type == Scalar::Bool;
    numbers |= operand->type != Scalar::Bool;
    reals |= operand->type == Scalar::Real;
  }
  if (bools && (numbers || what == "arithmetic")) {
    for (TensorPtr const &operand : operands)
      if (operand->type == Scalar::Bool) {
        error(Code::H0201, operand->range.empty() ? range : operand->range,
              fmt::format("expected a number, found a condition"),
              Note{range, "select(c, a, b), float(c) and int(c) make numbers of conditions"});
        return false;
      }
  }
  if (reals)
    for (TensorPtr &operand : operands)
      if (!(operand = convert(operand, Scalar::Real, range)))
        return false;
  return true;
}

/// Applies `f` element by element; shapes are aligned at the right, a missing leading axis is repeated.
TensorPtr Elaborator::elementwise(ast::Range range, std::vector<TensorPtr> operands,
                                  std::function<ExprPtr(Subscripts const &)> f) {
  std::vector<Size> shape;
  TensorPtr widest = operands.front();
  for (TensorPtr const &operand : operands)
    if (operand->rank() > widest->rank())
      widest = operand;
  shape = widest->shape;
  unsigned deepest = 0;
  for (TensorPtr &operand : operands) {
    for (size_t k = 0; k < operand->rank(); ++k) {
      Size &mine = shape[shape.size() - 1 - k];
      Size const &theirs = operand->shape[operand->rank() - 1 - k];
      if (sizes.resolve(theirs) == Size{1, {}} && sizes.resolve(mine) != Size{1, {}} && sizes.isKnown(mine))
        continue;
      if (sizes.resolve(mine) == Size{1, {}} && sizes.isKnown(theirs)) {
        mine = theirs;
        continue;
      }
      if (!sizes.unify(mine, theirs)) {
        error(Code::H0203, operand->range.empty() ? range : operand->range,
              fmt::format("expected {} elements along axis {}, found {}: shapes {} and {}", sizes.print(mine),
                          operand->rank() - 1 - k, sizes.print(theirs), sizes.print(widest->shape),
                          sizes.print(operand->shape)),
              Note{widest->range, fmt::format("this has shape {}", sizes.print(widest->shape))});
        return nullptr;
      }
    }
  }
  for (TensorPtr &operand : operands) {
    if (operand->depth > 300 || (operand->rank() < shape.size() && isCostly(operand)))
      operand = storeTemporary(operand);
    deepest = std::max(deepest, operand->depth);
  }
  if (shape.empty()) {
    Subscripts elements;
    for (TensorPtr const &operand : operands)
      elements.push_back(operand->scalar);
    ExprPtr result = f(elements);
    return scalarValue(result, range);
  }
  std::vector<std::vector<bool>> repeated; // axes of size 1 that stand for all
  for (TensorPtr const &operand : operands) {
    repeated.emplace_back();
    for (size_t k = 0; k < operand->rank(); ++k)
      repeated.back().push_back(sizes.resolve(operand->shape[k]) == Size{1, {}} &&
                                sizes.resolve(shape[shape.size() - operand->rank() + k]) != Size{1, {}});
  }
  auto element = [operands, repeated, f, rank = shape.size()](Subscripts const &subscripts) {
    Subscripts elements;
    for (size_t k = 0; k < operands.size(); ++k) {
      Subscripts own(subscripts.begin() + long(rank - operands[k]->rank()), subscripts.end());
      for (size_t axis = 0; axis < own.size(); ++axis)
        if (repeated[k][axis])
          own[axis] = build::integer(0);
      elements.push_back(operands[k]->at(own));
    }
    return f(elements);
  };
  auto result = std::make_shared<TensorValue>();
  result->shape = shape;
  result->depth = deepest + 1;
  result->range = range;
  result->element = element;
  bool repeats = false;
  Subscripts samples;
  for (size_t k = 0; k < operands.size(); ++k) {
    repeats |= std::find(repeated[k].begin(), repeated[k].end(), true) != repeated[k].end();
    samples.push_back(operands[k]->sample());
  }
  if (!repeats)
    result->sampled = f(samples);
  result->type = result->sample()->type;
  return result;
}

TensorPtr Elaborator::arithmetic(ast::BinaryOp op, TensorPtr left, TensorPtr right, ast::Range range) {
  if (op == ast::BinaryOp::MatMul)
    return matrixProduct(left, right, range);
  std::vector<TensorPtr> operands = {left, right};
  bool equality = op == ast::BinaryOp::Equal || op == ast::BinaryOp::NotEqual;
  if (op == ast::BinaryOp::Power && left->type == Scalar::Int && right->type == Scalar::Int) {
    auto exponent = right->rank() == 0 ? constantInt(right->scalar) : std::nullopt;
    if (!exponent || *exponent < 0) {
      operands[0] = convert(left, Scalar::Real, range);
      if (!operands[0])
        return nullptr;
    }
  }
  if (!toCommonType(operands, range, equality ? "equality" : "arithmetic"))
    return nullptr;
  if ((op == ast::BinaryOp::Divide || op == ast::BinaryOp::Remainder) && operands[0]->type == Scalar::Int &&
      operands[1]->rank() == 0 && constantInt(operands[1]->scalar) == 0) {
    error(Code::H0207, range, "division by zero");
    return nullptr;
  }
  BinaryOp target = operatorOf(op);
  bool exact = op != ast::BinaryOp::Divide && op != ast::BinaryOp::Remainder;
  bool numbers = exact && operands[0]->type == Scalar::Int && operands[0]->rank() == 0 && operands[1]->rank() == 0 &&
                 constantInt(operands[0]->scalar) && constantInt(operands[1]->scalar);
  if (numbers && target <= BinaryOp::Power &&
      !constantInt(build::binary(target, operands[0]->scalar, operands[1]->scalar, range))) {
    error(Code::H0706, range, "the value does not fit 64 bits");
    return nullptr;
  }
  return elementwise(range, operands, [=](Subscripts const &x) { return build::binary(target, x[0], x[1], range); });
}

Value Elaborator::evaluateLogic(ast::Chain const &chain) {
  bool conjunction = chain.rest.front().op == ast::BinaryOp::And;
  TensorPtr result;
  Restore restore(*this);
  bool ok = true;
  for (size_t k = 0; k <= chain.rest.size(); ++k) {
    ast::Expr const &expr = k == 0 ? chain.first : chain.rest[k - 1].operand;
    TensorPtr operand = tensor(expr);
    if (operand && operand->type != Scalar::Bool) {
      error(Code::H0201, ast::rangeOf(expr), fmt::format("expected a condition, found {}", typeName(operand->type)));
      operand = nullptr;
    }
    ok &= operand != nullptr;
    if (!ok)
      continue;
    // The rest is evaluated only where this operand leaves the question open.
    if (operand->rank() == 0)
      splitConjunction(conjunction ? operand->scalar : build::unary(UnaryOp::Not, operand->scalar), assumptions);
    if (!result) {
      result = operand;
      continue;
    }
    BinaryOp op = conjunction ? BinaryOp::And : BinaryOp::Or;
    result = elementwise(chain.range, {result, operand},
                         [=, r = chain.range](Subscripts const &x) { return build::binary(op, x[0], x[1], r); });
    ok &= result != nullptr;
  }
  return ok ? Value(result) : Value();
}

Value Elaborator::evaluateChain(ast::Chain const &chain) {
  if (chain.rest.empty())
    return evaluate(chain.first);
  ast::BinaryOp first = chain.rest.front().op;
  if (first == ast::BinaryOp::And || first == ast::BinaryOp::Or)
    return evaluateLogic(chain);
  if (first == ast::BinaryOp::Power) { // right to left
    TensorPtr result = tensor(chain.rest.back().operand);
    for (size_t k = chain.rest.size(); k-- > 0;) {
      TensorPtr left = tensor(k == 0 ? chain.first : chain.rest[k - 1].operand);
      result = left && result ? arithmetic(ast::BinaryOp::Power, left, result, chain.range) : nullptr;
    }
    return result;
  }
  TensorPtr result = tensor(chain.first);
  for (ast::ChainStep const &step : chain.rest) {
    TensorPtr right = tensor(step.operand);
    ast::Range range{chain.range.first, ast::rangeOf(step.operand).last};
    result = result && right ? arithmetic(step.op, result, right, range) : nullptr;
  }
  return result;
}

} // namespace heed::elaborate
