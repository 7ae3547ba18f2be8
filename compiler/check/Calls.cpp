// Calls.cpp - a call writes the body of its function into the program, lifted over the indices its arguments depend on.

#include "compiler/check/Elaborator.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

namespace {
constexpr unsigned maximumCalls = 256; // nested
constexpr size_t maximumUses = 65'536;
} // namespace

std::optional<FunctionValue> Elaborator::resolveCallee(ast::Call const &call, bool &direct) {
  std::string const &name = call.callee.text;
  direct = true;
  if (callsElement(call)) {
    direct = false;
    return calledElement(call);
  }
  if (findIndex(name) != placeholderBase) {
    error(Code::H0303, call.callee.range, fmt::format("'{}' is an index, not a function", name));
    return std::nullopt;
  }
  if (auto binding = scope->find(name)) {
    direct = false;
    if (auto *function = binding->value.function())
      return *function;
    if (!binding->value.poisoned())
      error(Code::H0303, call.callee.range, fmt::format("'{}' is no function; subscripts stand in brackets", name),
            Note{binding->range, "defined here"});
    return std::nullopt;
  }
  FileScope const *where = nullptr;
  FunctionValue function;
  if (auto *callable = findCallable(name, *instance->file, where)) {
    function.callable = callable;
    function.file = where;
    return function;
  }
  if (isBuiltin(name)) {
    function.builtin = name;
    return function;
  }
  if (Value *constant = findConstant(name, *instance->file)) {
    if (!constant->poisoned())
      error(Code::H0303, call.callee.range, fmt::format("'{}' is a constant, not a function", name));
    return std::nullopt;
  }
  error(Code::H0301, call.callee.range, unknownName(name));
  return std::nullopt;
}

std::vector<Value> Elaborator::evaluateCallResults(ast::Call const &call) {
  bool direct = true;
  auto function = resolveCallee(call, direct);
  if (!function)
    return {Value()};
  bool element = callsElement(call);
  if (!function->callable && element) { // the subscripts have chosen the function
    ast::Call plain = call;
    plain.indices.clear();
    return {evaluateBuiltin(function->builtin, plain)};
  }
  if (!function->callable)
    return {evaluateBuiltin(function->builtin, call)};
  if (!call.indices.empty() && !element) {
    error(Code::H0303, call.range,
          fmt::format("'{}' is no reduction and takes no index in brackets", function->name()));
    return {Value()};
  }
  if (call.where) {
    error(Code::H0410, ast::rangeOf(*call.where), "a condition stands in reductions only");
    return {Value()};
  }
  return callFunction(*function, call, direct);
}

/// The segment of this use in parameter paths: its 'as' name or the layer's name, numbered if the scope has used it
/// before.
std::string Elaborator::segment(ast::Call const &call, Instance &callee, FunctionValue const &function) {
  Instance &owner = *instance->owner;
  std::vector<ast::Call const *> trail = instance->trail;
  trail.push_back(&call);
  // A call of a list element stands for several functions, each with a segment of its own.
  std::string name = call.as ? call.as->text : function.name();
  auto [place, added] = owner.segments.try_emplace({trail, name});
  if (added) {
    unsigned uses = ++owner.segmentUses[name];
    place->second = uses == 1 ? name : fmt::format("{}_{}", name, uses);
  }
  // Counters of the repeats between the owner and this call.
  std::string suffix = scope->suffix;
  for (Instance const *use = instance; use != &owner; use = use->parent)
    suffix = use->caller->suffix + suffix;
  return place->second + suffix;
}

/// Names the use for parameters and tensors; once its arguments are elaborated, so that in block(block(x)) the inner
/// one is the first.
void Elaborator::nameUse(ast::Call const &call, Instance &callee, FunctionValue const &function) {
  if (function.callable->kind == ast::CallableKind::Layer) {
    std::string name = segment(call, callee, function);
    callee.owner = &callee;
    callee.path = instance->path + name + ".";
    callee.prefix = instance->prefix + name + ".";
    return;
  }
  callee.owner = instance->owner;
  callee.trail = instance->trail;
  callee.trail.push_back(&call);
  callee.path = instance->path;
  callee.prefix = instance->prefix + function.name() + scope->suffix + ".";
}

std::vector<Value> Elaborator::callFunction(FunctionValue const &function, ast::Call const &call, bool direct) {
  ast::Callable const &callable = *function.callable;
  std::vector<Value> failed(std::max<size_t>(1, callable.results.size()));
  if (callable.kind == ast::CallableKind::Model) {
    error(Code::H0303, call.callee.range,
          fmt::format("'{}' is a model; only functions and layers are called", callable.name.text));
    return failed;
  }
  bool layer = callable.kind == ast::CallableKind::Layer;
  if (layer && direct && instance->callable->kind == ast::CallableKind::Function) {
    error(Code::H0608, call.range,
          fmt::format("the function '{}' calls the layer '{}'; make it a layer", instance->callable->name.text,
                      callable.name.text));
    return failed;
  }
  for (Instance const *use = instance; direct && use; use = use->parent)
    if (use->callable == &callable) {
      std::string cycle = callable.name.text;
      for (Instance const *step = instance; step != use; step = step->parent)
        cycle = step->callable->name.text + " -> " + cycle;
      error(Code::H0310, call.range,
            fmt::format("'{}' calls itself: {} -> {}", callable.name.text, callable.name.text, cycle));
      return failed;
    }
  if (instance->depth >= maximumCalls)
    throw LimitReached("calls are nested too deeply");
  if (instances.size() >= maximumUses)
    throw LimitReached("the program has too many calls once functions are inlined and repeats unrolled");

  instances.emplace_back();
  Instance &callee = instances.back();
  callee.callable = &callable;
  callee.file = function.file;
  callee.parent = instance;
  callee.call = call.range;
  callee.caller = scope;
  callee.depth = instance->depth + 1;
  callee.body.instance = &callee;

  Restore restore(*this);
  std::vector<IndexId> lifted;
  if (!bindArguments(function, call, callee, lifted))
    return failed;
  std::vector<Size> leading;
  for (IndexId id : lifted)
    leading.push_back(program.indices[id].size);
  bound.insert(bound.end(), lifted.begin(), lifted.end());
  callee.boundDepth = bound.size();
  callee.assumptionDepth = assumptions.size();
  instance = &callee;
  elaborateBody(callable.body, callee.body);
  return collectResults(callee, lifted, leading);
}

std::vector<Value> Elaborator::collectResults(Instance &callee, std::vector<IndexId> const &lifted,
                                              std::vector<Size> const &leading) {
  scope = &callee.body;
  scope->position = SIZE_MAX - 1;
  std::vector<Value> results;
  for (ast::Parameter const &result : callee.callable->results) {
    results.emplace_back();
    auto binding = scope->find(result.name.text);
    if (!binding || binding->dim) {
      std::set<std::string> names;
      for (auto &[name, versions] : scope->names)
        names.insert(name);
      std::string near = nearest(result.name.text, names);
      error(Code::H0309, result.name.range,
            fmt::format("result '{}' is never defined{}", result.name.text,
                        near.empty() ? "" : "; did you mean '" + near + "'?"));
      continue;
    }
    TensorPtr value = binding->value.tensor();
    if (!value) {
      if (!binding->value.poisoned())
        error(Code::H0306, result.name.range, fmt::format("result '{}' is not a tensor", result.name.text));
      continue;
    }
    ResultShape const &declared = callee.results.at(result.name.text);
    if (value->rank() != declared.shape.size()) {
      error(Code::H0202, binding->range,
            fmt::format("'{}' has {} axes, {}; its declaration has {}, {}", result.name.text, value->rank(),
                        sizes.print(value->shape), declared.shape.size(), sizes.print(declared.shape)),
            Note{declared.range, "declared here"});
      continue;
    }
    bool fits = true;
    for (size_t axis = 0; fits && axis < declared.shape.size(); ++axis)
      fits = sizes.unify(declared.shape[axis], value->shape[axis]);
    if (!fits) {
      error(Code::H0203, binding->range,
            fmt::format("'{}' has shape {}, but is declared as {}", result.name.text, sizes.print(value->shape),
                        sizes.print(declared.shape)),
            Note{declared.range, "declared here"});
      continue;
    }
    if (declared.element) {
      Scalar type = scalarOf(*declared.element);
      if (value->type == Scalar::Int && type == Scalar::Real)
        value = convert(value, type, result.range);
      if (value && value->type != type) {
        error(Code::H0201, binding->range,
              fmt::format("'{}' is {}, but is declared as {}", result.name.text, typeName(value->type),
                          elementName(*declared.element)),
              Note{declared.range, "declared here"});
        value = nullptr;
      }
      if (!value)
        continue;
    }
    if (!lifted.empty()) {
      std::vector<Size> shape = leading;
      shape.insert(shape.end(), value->shape.begin(), value->shape.end());
      TensorPtr inner = value;
      auto outer = std::make_shared<TensorValue>(
          *tensorValue(value->type, shape, value->depth + 1, value->range, [inner, lifted](Subscripts const &s) {
            IndexMap map;
            for (size_t k = 0; k < lifted.size(); ++k)
              map[lifted[k]] = s[k];
            return substitute(inner->at(Subscripts(s.begin() + long(lifted.size()), s.end())), map);
          }));
      outer->name = value->name;
      // All of a stored tensor, in its own order, is that tensor.
      if (auto *read = std::get_if<Expr::Read>(&outer->sample()->node)) {
        bool whole =
            program.tensors[read->tensor].kind == TensorKind::Defined && read->subscripts.size() == shape.size();
        for (size_t k = 0; whole && k < shape.size(); ++k) {
          auto *axis = std::get_if<Expr::IndexValue>(&read->subscripts[k]->node);
          whole = axis && axis->index == placeholder(k, shape.size());
        }
        outer->whole = whole;
      }
      value = outer;
    }
    results.back() = value;
  }
  return results;
}

} // namespace heed::elaborate
