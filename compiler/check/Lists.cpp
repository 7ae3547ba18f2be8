// Lists.cpp - static lists: written out, joined, summed, and called.

#include "compiler/check/Elaborator.h"

#include <fmt/format.h>

namespace heed::elaborate {

namespace {

constexpr int64_t maximumItems = 4096;

std::string describe(Value const &value) {
  if (auto *function = value.function())
    return fmt::format("the function '{}'", function->name());
  if (value.list())
    return "a list";
  TensorPtr tensor = value.tensor();
  return tensor && tensor->rank() == 0 ? "a number" : "a tensor";
}

} // namespace

bool Elaborator::appendItems(std::vector<ast::Expr> const &items, ListValue &list) {
  for (ast::Expr const &item : items) {
    list.items.push_back(foldStatic(evaluateFunction(item)));
    if (list.items.back().poisoned())
      return false;
    if (list.items.size() > size_t(maximumItems))
      throw LimitReached("a list has more than 4096 elements");
  }
  return true;
}

/// The values that the name of `each` has, one after the other.
std::optional<std::vector<Value>> Elaborator::valuesOf(ast::Each const &each) {
  ast::Range range = ast::rangeOf(each.over);
  if (findIndex(each.name.text) != placeholderBase) {
    error(Code::H0302, each.name.range, fmt::format("'{}' is an index here; choose another name", each.name.text));
    return std::nullopt;
  }
  Value over = evaluate(each.over);
  if (over.poisoned())
    return std::nullopt;
  if (!each.counts) {
    if (auto *list = over.list())
      return list->items;
    error(Code::H0306, range, fmt::format("expected a list after 'in', found {}", describe(over)),
          Note{each.range, fmt::format("'for {} < n' counts from 0 to n - 1", each.name.text)});
    return std::nullopt;
  }
  TensorPtr number = over.tensor();
  auto count = number && number->rank() == 0 ? constantInt(number->scalar) : std::nullopt;
  if (!count) {
    error(Code::H0210, range,
          fmt::format("expected a number that is known when the model is compiled, found {}",
                      number && number->rank() == 0 ? "one that is not" : describe(over)),
          Note{each.range, fmt::format("'for {} in list' goes through a list", each.name.text)});
    return std::nullopt;
  }
  if (*count < 0 || *count > maximumItems) {
    error(Code::H0605, range, fmt::format("expected a count from 0 to {}, found {}", maximumItems, *count));
    return std::nullopt;
  }
  std::vector<Value> values;
  for (int64_t k = 0; k < *count; ++k)
    values.push_back(scalarValue(build::integer(k, each.name.range), each.name.range));
  return values;
}

/// Layers that the items use have the number of the item in their paths, as in a repeat.
Value Elaborator::evaluateList(ast::ListOf const &list) {
  auto result = std::make_shared<ListValue>();
  if (!list.each)
    return appendItems(list.items, *result) ? Value(std::shared_ptr<ListValue const>(result)) : Value();
  ast::Each const &each = *list.each;
  auto values = valuesOf(each);
  if (!values)
    return {};
  for (size_t k = 0; k < values->size(); ++k) {
    Restore restore(*this);
    iterations.emplace_back();
    Scope &iteration = iterations.back();
    iteration.parent = scope;
    iteration.instance = instance;
    iteration.counters = scope->counters;
    iteration.counters.emplace_back(each.counts ? each.name.text : "", int64_t(k));
    iteration.suffix = scope->suffix + "." + std::to_string(k);
    iteration.bind(each.name.text, (*values)[k], each.name.range);
    scope = &iteration;
    if (!appendItems(list.items, *result))
      return {};
  }
  return std::shared_ptr<ListValue const>(result);
}

Value Elaborator::lengthOf(ast::Call const &call) {
  if (call.arguments.size() != 1) {
    error(Code::H0304, call.range, fmt::format("'length' takes 1 argument, a list, found {}", call.arguments.size()));
    return {};
  }
  Value value = evaluate(call.arguments.front());
  if (value.poisoned())
    return {};
  if (auto *list = value.list())
    return scalarValue(build::integer(int64_t(list->items.size()), call.range), call.range);
  error(Code::H0306, ast::rangeOf(call.arguments.front()),
        fmt::format("'length' asks for a list, found {}", describe(value)),
        Note{call.range, "the sizes of a tensor are the names in its shape"});
  return {};
}

/// The elements of a list as tensors, or nothing after an error.
std::optional<std::vector<TensorPtr>> Elaborator::tensorsOf(ListValue const &list, ast::Range range) {
  std::vector<TensorPtr> tensors;
  for (size_t k = 0; k < list.items.size(); ++k) {
    tensors.push_back(list.items[k].tensor());
    if (!tensors.back()) {
      error(Code::H0306, range,
            fmt::format("expected a list of tensors or numbers, but element {} is {}", k, describe(list.items[k])));
      return std::nullopt;
    }
  }
  return tensors;
}

/// sum(list), product(list), max(list), min(list): element by element.
Value Elaborator::reduceList(std::string const &name, ListValue const &list, ast::Range range) {
  static std::map<std::string, BinaryOp> const operators = {{"sum", BinaryOp::Add},
                                                            {"product", BinaryOp::Multiply},
                                                            {"max", BinaryOp::Maximum},
                                                            {"min", BinaryOp::Minimum}};
  auto op = operators.find(name);
  if (op == operators.end()) {
    error(Code::H0306, range, fmt::format("'{}' of a list; sum, product, max, min and concat take lists", name));
    return {};
  }
  auto operands = tensorsOf(list, range);
  if (!operands || !toCommonType(*operands, range, "arithmetic"))
    return {};
  if (operands->empty()) {
    if (op->second == BinaryOp::Add || op->second == BinaryOp::Multiply)
      return scalarValue(build::integer(op->second == BinaryOp::Multiply, range), range);
    error(Code::H0405, range, fmt::format("'{}' of a list without elements", name));
    return {};
  }
  TensorPtr result = operands->front();
  for (size_t k = 1; result && k < operands->size(); ++k)
    result = elementwise(range, {result, (*operands)[k]}, [op = op->second, range](Subscripts const &x) {
      return build::binary(op, x[0], x[1], range);
    });
  return result;
}

/// Whether what is called is an element of a list: `fs[h + 1](x)`, or `fs[h](x)`, which reads like a reduction.
bool Elaborator::callsElement(ast::Call const &call) {
  if (call.element)
    return true;
  if (call.indices.empty() || findIndex(call.callee.text) != placeholderBase)
    return false;
  if (auto binding = scope->find(call.callee.text))
    return binding->value.list() != nullptr;
  FileScope const *where = nullptr;
  if (isBuiltin(call.callee.text) || findCallable(call.callee.text, *instance->file, where))
    return false;
  Value *constant = findConstant(call.callee.text, *instance->file);
  return constant && constant->list();
}

std::optional<FunctionValue> Elaborator::calledElement(ast::Call const &call) {
  Value value;
  if (call.element) {
    value = evaluate(*call.element);
  } else {
    ast::Index index;
    index.range = {call.callee.range.first, call.indices.back().range.last};
    index.base = call.callee;
    index.subscripts.assign(call.indices.begin(), call.indices.end());
    value = evaluateIndex(index);
  }
  if (auto *function = value.function())
    return *function;
  if (!value.poisoned())
    error(Code::H0303, call.callee.range, fmt::format("expected a function, found {}", describe(value)));
  return std::nullopt;
}

} // namespace heed::elaborate
