// Arguments.cpp - arguments to parameters: which is which, static values, sizes by unification, lifting over leading
// axes.

#include "compiler/check/Elaborator.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

namespace {

bool isStatic(ast::Parameter const &parameter) {
  std::string const &element = parameter.type.element;
  return parameter.type.shape.empty() &&
         (element == "int" || element == "float" || element == "fn" || element == "list");
}

std::string plural(size_t count, char const *noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

} // namespace

/// A static integer: its division rounds down.
Value Elaborator::foldStatic(Value const &value) {
  TensorPtr number = value.tensor();
  auto constant = number && number->rank() == 0 ? constantInt(number->scalar) : std::nullopt;
  return constant ? Value(scalarValue(build::integer(*constant, number->range), number->range)) : value;
}

/// A function given as a value: a name, or a call that gives only static arguments. Anything else is evaluated as it
/// is.
Value Elaborator::evaluateFunction(ast::Expr const &expr) {
  auto *call = get<ast::Call>(expr);
  if (!call || !call->arguments.empty() || !call->indices.empty() || call->as || call->statics.empty())
    return evaluate(expr);
  bool direct = true;
  auto function = resolveCallee(*call, direct);
  if (!function)
    return {};
  if (!function->callable)
    return evaluate(expr);
  auto partial = std::make_shared<FunctionValue>(*function);
  for (ast::NamedArgument const &argument : call->statics) {
    ast::Parameter const *parameter = nullptr;
    for (auto *list : {&function->callable->inputs, &function->callable->statics})
      for (ast::Parameter const &candidate : *list)
        if (candidate.name.text == argument.name.text)
          parameter = &candidate;
    if (!parameter) {
      std::set<std::string> names;
      for (auto *list : {&function->callable->inputs, &function->callable->statics})
        for (ast::Parameter const &candidate : *list)
          names.insert(candidate.name.text);
      std::string near = nearest(argument.name.text, names);
      error(Code::H0305, argument.name.range,
            fmt::format("'{}' has no parameter '{}'{}", function->name(), argument.name.text,
                        near.empty() ? "" : "; did you mean '" + near + "'?"));
      return {};
    }
    Value value = evaluateStatic(*parameter, argument.value);
    if (value.poisoned())
      return {};
    // A tensor that is captured is computed here, once for all calls.
    if (TensorPtr captured = value.tensor(); captured && captured->rank() > 0 && !isPlainRead(captured))
      value = storeTemporary(captured);
    partial->statics.emplace_back(argument.name, value);
  }
  return std::shared_ptr<FunctionValue const>(partial);
}

/// The value of a parameter of type int, float, fn or list (or of a tensor parameter bound ahead).
Value Elaborator::evaluateStatic(ast::Parameter const &parameter, ast::Expr const &expr) {
  std::string const &type = parameter.type.element;
  ast::Range range = ast::rangeOf(expr);
  if (!isStatic(parameter))
    return tensor(expr);
  Value value = type == "fn" ? evaluateFunction(expr) : evaluate(expr);
  if (value.poisoned())
    return {};
  auto mismatch = [&](std::string const &found) {
    error(Code::H0210, range, fmt::format("'{}' has type {}, found {}", parameter.name.text, type, found),
          Note{parameter.range, "declared here"});
    return Value();
  };
  std::string found = value.function() ? "the function '" + value.function()->name() + "'"
                      : value.list()   ? "a list"
                                       : "a tensor";
  if (type == "fn")
    return value.function() ? value : mismatch(found);
  if (type == "list")
    return value.list() ? value : mismatch(found);
  TensorPtr number = value.tensor();
  if (!number || number->rank() > 0)
    return mismatch(number ? fmt::format("a tensor of shape {}", sizes.print(number->shape)) : found);
  if (type == "float") {
    if (number->type == Scalar::Int)
      number = convert(number, Scalar::Real, range);
    if (!number)
      return {};
    if (number->type != Scalar::Real)
      return mismatch(std::string(typeName(number->type)));
    if (nodeOf(number->scalar).reads || !nodeOf(number->scalar).free.empty())
      return mismatch("a number that is not known when the model is compiled");
    return number;
  }
  if (number->type != Scalar::Int)
    return mismatch(std::string("a ") + std::string(typeName(number->type)) + " number");
  return foldStatic(number);
}

/// Names in shapes that nothing has bound yet are sizes to be found.
void Elaborator::bindUnknownDims(ast::Callable const &callable, Scope &body) {
  auto bindNames = [&](ast::Parameter const &parameter) {
    for (ast::Expr const &size : parameter.type.shape)
      forEachName(size, {}, [&](NameUse const &use) {
        if (use.called || body.find(use.name) || findConstant(use.name, *instance->file))
          return;
        body.bind(use.name, scalarValue(build::size(sizes.unknown(), use.range), use.range), use.range);
        body.names[use.name].back().binding->dim = true;
      });
  };
  for (ast::Parameter const &parameter : callable.inputs)
    if (!isStatic(parameter))
      bindNames(parameter);
}

bool Elaborator::bindTensorArgument(ast::Parameter const &parameter, TensorPtr value, ast::Range range,
                                    Instance &callee, std::vector<IndexId> const &lifted) {
  size_t rank = parameter.type.shape.size();
  Scalar wanted = scalarOf(elementFrom(parameter.type));
  auto report = [&](Code code, std::string text, std::optional<Note> note) {
    error(code, range, std::move(text), std::move(note), callee.parent);
    return false;
  };
  if (value->type != wanted && !(value->type == Scalar::Int && wanted == Scalar::Real))
    return report(Code::H0201,
                  fmt::format("argument '{}' of '{}' is {}, expected {}", parameter.name.text,
                              callee.callable->name.text, typeName(value->type), typeName(wanted)),
                  Note{parameter.range, "declared here"});
  if (value->type != wanted) {
    Instance *inside = instance;
    instance = callee.parent;
    value = convert(value, wanted, range);
    instance = inside;
    if (!value)
      return false;
  }
  size_t lead = value->rank() - rank;
  for (size_t k = 0; k < lead; ++k) {
    IndexId id = lifted[lifted.size() - lead + k];
    if (!sizes.unify(program.indices[id].size, value->shape[k]))
      return report(
          Code::H0203,
          fmt::format(
              "argument '{}' of '{}' has shape {}; its leading axes differ from those of the arguments before ({})",
              parameter.name.text, callee.callable->name.text, sizes.print(value->shape),
              sizes.print(program.indices[id].size)),
          Note{parameter.range, "declared here"});
  }
  std::vector<Size> inner(value->shape.begin() + long(lead), value->shape.end());
  for (size_t k = 0; k < rank; ++k) {
    auto declared = evaluateSize(parameter.type.shape[k]);
    if (!declared)
      return false;
    if (sizes.unify(*declared, inner[k]))
      continue;
    std::string name;
    ast::Range place = parameter.range;
    if (auto *dim = get<ast::Name>(parameter.type.shape[k])) {
      if (dim->text != sizes.print(*declared)) // the caller may use the same name
        name = dim->text + " = ";
      if (auto binding = callee.body.find(dim->text))
        place = binding->range;
    }
    return report(Code::H0203,
                  fmt::format("argument '{}' of '{}' has shape {}, expected {}{} along axis {}", parameter.name.text,
                              callee.callable->name.text, sizes.print(inner), name, sizes.print(*declared), k),
                  Note{place, name.empty() ? "declared here"
                                           : fmt::format("'{}' was {} first here", name.substr(0, name.size() - 3),
                                                         sizes.print(*declared))});
  }
  if (lead > 0) {
    Subscripts prefix;
    for (size_t k = 0; k < lead; ++k)
      prefix.push_back(build::index(lifted[lifted.size() - lead + k]));
    TensorPtr outer = value;
    auto lowered = std::make_shared<TensorValue>(
        *tensorValue(value->type, inner, value->depth + 1, value->range, [outer, prefix](Subscripts const &s) {
          Subscripts all = prefix;
          all.insert(all.end(), s.begin(), s.end());
          return outer->at(all);
        }));
    value = lowered;
  }
  if (value->rank() == 0) {
    auto number = std::make_shared<TensorValue>(*value);
    number->once =
        std::make_shared<StoreOnce>(StoreOnce{callee.prefix + parameter.name.text, assumptions.size(), nullptr});
    value = number;
  }
  callee.body.bind(parameter.name.text, value, parameter.name.range);
  return true;
}

bool Elaborator::bindArguments(FunctionValue const &function, ast::Call const &call, Instance &callee,
                               std::vector<IndexId> &lifted) {
  ast::Callable const &callable = *function.callable;
  std::vector<ast::Parameter const *> parameters;
  for (auto *list : {&callable.inputs, &callable.statics})
    for (ast::Parameter const &parameter : *list)
      parameters.push_back(&parameter);
  std::vector<Value> given(parameters.size());
  std::vector<bool> isGiven(parameters.size());
  std::vector<ast::Range> ranges(parameters.size(), call.range);
  size_t captured = 0;
  for (auto &[name, value] : function.statics)
    for (size_t k = 0; k < parameters.size(); ++k)
      if (parameters[k]->name.text == name.text) {
        given[k] = value;
        isGiven[k] = true;
        ranges[k] = name.range;
        captured += !isStatic(*parameters[k]);
      }
  // By position: the parameters that are not given yet, in order.
  std::vector<ast::Expr const *> expressions(parameters.size());
  size_t next = 0;
  for (ast::Expr const &argument : call.arguments) {
    while (next < parameters.size() && isGiven[next])
      ++next;
    if (next == parameters.size()) {
      size_t tensors =
          size_t(std::count_if(parameters.begin(), parameters.end(), [](auto *p) { return !isStatic(*p); }));
      error(Code::H0304, ast::rangeOf(argument),
            fmt::format("'{}' takes {}, found {}", callable.name.text, plural(tensors, "argument"),
                        call.arguments.size() + captured),
            Note{callable.name.range, "declared here"});
      return false;
    }
    expressions[next] = &argument;
    isGiven[next] = true;
  }
  for (ast::NamedArgument const &argument : call.statics) {
    auto place =
        std::find_if(parameters.begin(), parameters.end(), [&](auto *p) { return p->name.text == argument.name.text; });
    if (place == parameters.end()) {
      std::set<std::string> names;
      for (ast::Parameter const *parameter : parameters)
        names.insert(parameter->name.text);
      std::string near = nearest(argument.name.text, names);
      error(Code::H0305, argument.name.range,
            fmt::format("'{}' has no parameter '{}'{}", callable.name.text, argument.name.text,
                        near.empty() ? "" : "; did you mean '" + near + "'?"),
            Note{callable.name.range, "declared here"});
      return false;
    }
    size_t k = size_t(place - parameters.begin());
    if (expressions[k]) {
      error(Code::H0305, argument.range, fmt::format("'{}' is given twice", argument.name.text));
      return false;
    }
    expressions[k] = &argument.value;
    isGiven[k] = true;
  }
  bool ok = true;
  for (size_t k = 0; k < parameters.size(); ++k)
    if (expressions[k]) {
      ranges[k] = ast::rangeOf(*expressions[k]);
      given[k] = evaluateStatic(*parameters[k], *expressions[k]);
      ok &= !given[k].poisoned();
    }
  nameUse(call, callee, function);
  size_t missing = 0;
  for (size_t k = 0; k < parameters.size(); ++k)
    missing += !isStatic(*parameters[k]) && !isGiven[k] && !parameters[k]->fallback;
  if (missing > 0) {
    size_t tensors = size_t(std::count_if(parameters.begin(), parameters.end(), [](auto *p) { return !isStatic(*p); }));
    error(Code::H0304, call.range,
          fmt::format("'{}' takes {}, found {}", callable.name.text, plural(tensors, "argument"), tensors - missing),
          Note{callable.name.range, "declared here"});
    return false;
  }
  if (!ok)
    return false;

  // Tensors: what is more than a read is stored once; more axes than declared lift the call over the leading ones.
  size_t lead = 0;
  for (size_t k = 0; k < parameters.size(); ++k) {
    TensorPtr value = given[k].tensor();
    if (isStatic(*parameters[k]) || !value)
      continue;
    size_t rank = parameters[k]->type.shape.size();
    if (value->rank() < rank) {
      error(Code::H0202, ranges[k],
            fmt::format("argument '{}' of '{}' has {} {}, expected {}: {}", parameters[k]->name.text,
                        callable.name.text, value->rank(), value->rank() == 1 ? "axis" : "axes", rank,
                        value->rank() == 0 ? "a number" : sizes.print(value->shape)),
            Note{parameters[k]->range, "declared here"});
      return false;
    }
    lead = std::max(lead, value->rank() - rank);
    if (rank > 0 && !isPlainRead(value))
      given[k] = storeTemporary(value);
  }
  for (size_t k = 0; k < lead; ++k)
    lifted.push_back(newIndex(std::string(1, char('l' + k % 4)), sizes.unknown()));

  Restore restore(*this);
  instance = &callee;
  scope = &callee.body;
  frame = nullptr;
  for (size_t k = 0; k < parameters.size(); ++k)
    if (isStatic(*parameters[k]) && isGiven[k])
      callee.body.bind(parameters[k]->name.text, given[k], parameters[k]->name.range);
  bindUnknownDims(callable, callee.body);
  for (size_t k = 0; k < parameters.size(); ++k) {
    if (isStatic(*parameters[k]))
      continue;
    TensorPtr value = given[k].tensor();
    if (!isGiven[k]) {
      value = tensor(*parameters[k]->fallback);
      if (!value)
        return false;
    }
    if (auto earlier = callee.body.names.find(parameters[k]->name.text); earlier != callee.body.names.end()) {
      error(Code::H0302, parameters[k]->name.range, fmt::format("'{}' is declared twice", parameters[k]->name.text));
      return false;
    }
    if (!bindTensorArgument(*parameters[k], value, ranges[k], callee, lifted))
      return false;
  }
  for (size_t k = 0; k < parameters.size(); ++k) {
    if (!isStatic(*parameters[k]) || isGiven[k] || callee.body.find(parameters[k]->name.text))
      continue; // a size found in the shapes is given
    if (!parameters[k]->fallback) {
      error(Code::H0305, call.range,
            fmt::format("'{}' needs the static argument '{}'", callable.name.text, parameters[k]->name.text),
            Note{parameters[k]->range,
                 fmt::format("declared here; write {}(...; {}: ...)", callable.name.text, parameters[k]->name.text)},
            callee.parent);
      return false;
    }
    // A default is looked up where the function is written, so that `attend: fn = attend` means the function.
    Value value = evaluateStatic(*parameters[k], *parameters[k]->fallback);
    if (value.poisoned())
      return false;
    callee.body.bind(parameters[k]->name.text, value, parameters[k]->name.range);
  }
  for (ast::Parameter const &result : callable.results) {
    for (ast::Expr const &size : result.type.shape)
      forEachName(size, {}, [&](NameUse const &use) {
        if (use.called || callee.body.find(use.name) || findConstant(use.name, *callee.file))
          return;
        callee.body.bind(use.name, scalarValue(build::size(sizes.unknown(), use.range), use.range), use.range);
        callee.body.names[use.name].back().binding->dim = true;
      });
    ResultShape declared;
    for (ast::Expr const &size : result.type.shape) {
      auto value = evaluateSize(size);
      if (!value)
        return false;
      declared.shape.push_back(*value);
    }
    declared.element = elementFrom(result.type);
    declared.range = result.range;
    if (!callee.results.emplace(result.name.text, declared).second) {
      error(Code::H0302, result.name.range, fmt::format("result '{}' is declared twice", result.name.text));
      return false;
    }
  }
  return true;
}

} // namespace heed::elaborate
