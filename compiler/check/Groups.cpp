// Groups.cpp - definitions that read each other at earlier indices: what is read before it is elaborated has its shape
// from its start, its declaration, or its left side.

#include "compiler/check/Elaborator.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

namespace {

std::set<std::string> indicesOf(ast::Definition const &definition) {
  std::set<std::string> names;
  for (ast::Target const &target : definition.targets)
    for (ast::Subscript const &subscript : target.subscripts)
      if (auto *name = get<ast::Name>(subscript.index))
        names.insert(name->text);
  return names;
}

/// A read at another step: some subscript is arithmetic over an index of the left side.
bool isShifted(NameUse const &use, std::set<std::string> const &indices) {
  return use.subscripts && std::any_of(use.subscripts->begin(), use.subscripts->end(), [&](ast::Expr const &subscript) {
           return !get<ast::Name>(subscript) && mentions(subscript, indices);
         });
}

/// The members so that each stands after those it reads at the same step, or a cycle of such reads.
bool orderBySteps(std::vector<std::map<size_t, std::pair<std::string, ast::Range>>> const &reads,
                  std::vector<size_t> &order, std::vector<std::pair<std::string, ast::Range>> &cycle) {
  std::vector<int> state(reads.size());
  std::vector<size_t> path;
  for (size_t root = 0; root < reads.size(); ++root) {
    if (state[root])
      continue;
    std::vector<std::pair<size_t, std::map<size_t, std::pair<std::string, ast::Range>>::const_iterator>> work;
    work.emplace_back(root, reads[root].begin());
    state[root] = 1;
    while (!work.empty()) {
      auto &[node, edge] = work.back();
      if (edge == reads[node].end()) {
        state[node] = 2;
        order.push_back(node);
        work.pop_back();
        continue;
      }
      auto [other, use] = *edge;
      ++edge;
      if (state[other] == 1) {
        bool inside = false;
        for (auto &[member, next] : work) {
          inside |= member == other;
          if (inside)
            cycle.push_back(std::prev(next)->second);
        }
        std::rotate(cycle.begin(), cycle.end() - 1, cycle.end());
        return false;
      }
      if (state[other] == 0) {
        state[other] = 1;
        work.emplace_back(other, reads[other].begin());
      }
    }
  }
  return true;
}

} // namespace

/// The bound indices that anything the group reads depends on: its members are lifted over these.
std::vector<IndexId> Elaborator::groupLifts(std::vector<ast::Definition const *> const &definitions, Scope &body) {
  std::vector<IndexId> free;
  std::function<void(Value const &)> addValue = [&](Value const &value) {
    if (TensorPtr t = value.tensor()) {
      auto &more = nodeOf(t->sample()).free;
      free.insert(free.end(), more.begin(), more.end());
    }
    if (auto *function = value.function())
      for (auto &[name, argument] : function->statics)
        addValue(argument);
    if (auto *list = value.list())
      for (Value const &item : list->items)
        addValue(item);
  };
  for (ast::Definition const *definition : definitions)
    forEachName(*definition, [&](NameUse const &use) {
      if (auto binding = body.find(use.name))
        addValue(binding->value);
    });
  std::sort(free.begin(), free.end());
  return liftedIndices(free, bound.size());
}

bool Elaborator::elaborateStart(ast::Definition const &definition, size_t which, Promise &promise, Scope &body) {
  ast::Target const &target = definition.targets[which];
  if (definition.where || definition.until) {
    error(Code::H0410, definition.range, "the start of a recurrence has no condition");
    return false;
  }
  if (definition.values.size() != definition.targets.size()) {
    error(Code::H0106, definition.range,
          fmt::format("{} names for {} values", definition.targets.size(), definition.values.size()));
    return false;
  }
  int axis = -1;
  for (size_t k = 0; k < target.subscripts.size(); ++k)
    if (!get<ast::Name>(target.subscripts[k].index))
      axis = int(k);
  for (size_t k = 0; axis < 0 && k < target.subscripts.size(); ++k)
    if (auto binding = body.find(get<ast::Name>(target.subscripts[k].index)->text); binding && binding->value.tensor())
      axis = int(k);
  if (axis < 0)
    return false;
  Restore restore(*this);
  scope = &body;
  IndexFrame own;
  std::vector<IndexId> ids;
  if (!bindTargetIndices(target, own, body, axis))
    return false;
  for (auto &[name, id] : own.names)
    ids.push_back(id);
  for (auto &[name, id] : own.names)
    if (mentions(target.subscripts[size_t(axis)].index, name)) {
      error(Code::H0409, ast::rangeOf(target.subscripts[size_t(axis)].index),
            "expected a plain index on the left side");
      return false;
    }
  auto position = evaluateSize(target.subscripts[size_t(axis)].index);
  if (!position)
    return false;
  frame = &own;
  bound.insert(bound.end(), ids.begin(), ids.end());
  TensorPtr value = tensor(definition.values[which]);
  if (!value)
    return false;

  // The shape of a step: the left side without the time, then what the value leaves.
  std::vector<Size> step;
  for (IndexId id : ids)
    step.push_back(program.indices[id].size);
  step.insert(step.end(), value->shape.begin(), value->shape.end());
  std::vector<Size> expected = promise.shape;
  if (expected.empty()) {
    expected = step;
    expected.insert(expected.begin() + axis, sizes.unknown());
    auto declared = instance->results.find(target.name.text);
    if (declared != instance->results.end() && !body.rebound.contains(target.name.text) &&
        declared->second.shape.size() >= expected.size()) {
      if (value->rank() > 0 && declared->second.shape.size() != expected.size()) {
        error(Code::H0202, target.range,
              fmt::format("'{}' is declared as {}, but starts as {}", target.name.text,
                          sizes.print(declared->second.shape), sizes.print(step)),
              Note{declared->second.range, "declared here"});
        return false;
      }
      expected = declared->second.shape;
    }
    promise.shape = expected;
  }
  std::vector<Size> wanted = expected;
  wanted.erase(wanted.begin() + std::min<long>(axis, long(wanted.size())));
  if (value->rank() == 0 && wanted.size() > step.size()) { // a number starts every element
    std::vector<Size> trailing(wanted.begin() + long(step.size()), wanted.end());
    ExprPtr scalar = value->scalar;
    value = tensorValue(value->type, trailing, value->depth + 1, value->range,
                        [scalar](Subscripts const &) { return scalar; });
    step = wanted;
    for (size_t k = 0; k < ids.size(); ++k)
      step[k] = program.indices[ids[k]].size;
  }
  bool fits = wanted.size() == step.size();
  for (size_t k = 0; fits && k < step.size(); ++k)
    fits = sizes.unify(wanted[k], step[k]);
  if (!fits) {
    error(Code::H0203, definition.range,
          fmt::format("'{}' has steps of shape {}, but starts as {}", target.name.text, sizes.print(wanted),
                      sizes.print(step)));
    return false;
  }
  if (value->type != promise.type) {
    value = value->type == Scalar::Int && promise.type == Scalar::Real ? convert(value, Scalar::Real, value->range)
                                                                       : nullptr;
    if (!value) {
      error(Code::H0201, definition.range,
            fmt::format("'{}' is {}, but its start is not", target.name.text, typeName(promise.type)));
      return false;
    }
  }
  EmittedStart item;
  item.position = *position;
  item.axis = unsigned(promise.lifted.size()) + unsigned(axis);
  item.range = definition.range;
  item.instance = instance;
  item.start.tensor = promise.tensor;
  IndexMap renaming;
  for (auto *list : {&promise.lifted, &ids})
    for (IndexId id : *list) {
      IndexId fresh = newIndex(program.indices[id].name, program.indices[id].size);
      renaming[id] = build::index(fresh);
      item.start.indices.push_back(fresh);
    }
  Subscripts trailing;
  for (Size const &size : value->shape) {
    item.start.indices.push_back(newIndex("c", size));
    trailing.push_back(build::index(item.start.indices.back()));
  }
  item.start.value = substitute(value->at(trailing), renaming);
  starts[promise.tensor].push_back(std::move(item));
  return true;
}

void Elaborator::elaborateGroup(
    std::vector<ast::Definition const *> const &definitions,
    std::map<std::string, std::vector<std::pair<ast::Definition const *, size_t>>> const &starts, Scope &body) {
  Restore restore(*this);
  scope = &body;
  std::map<std::string, size_t> owner;
  for (size_t k = 0; k < definitions.size(); ++k)
    for (ast::Target const &target : definitions[k]->targets)
      owner[target.name.text] = k;
  auto poison = [&] {
    for (ast::Definition const *definition : definitions)
      for (ast::Target const &target : definition->targets)
        body.bind(target.name.text, {}, target.range);
  };

  std::vector<std::map<size_t, std::pair<std::string, ast::Range>>> sameStep(definitions.size());
  std::set<std::string> ahead; // read at another step, so possibly before they are elaborated
  for (size_t k = 0; k < definitions.size(); ++k) {
    std::set<std::string> indices = indicesOf(*definitions[k]);
    ast::Definition withoutUntil = *definitions[k];
    withoutUntil.until.reset();
    forEachName(withoutUntil, [&](NameUse const &use) {
      auto place = owner.find(use.name);
      if (place == owner.end())
        return;
      if (isShifted(use, indices))
        ahead.insert(use.name);
      else
        sameStep[k].try_emplace(place->second, use.name, use.range);
    });
  }
  std::vector<size_t> order;
  std::vector<std::pair<std::string, ast::Range>> cycle;
  if (!orderBySteps(sameStep, order, cycle)) {
    selfDependence(cycle);
    return poison();
  }
  for (auto &[name, list] : starts)
    ahead.insert(name);

  std::vector<ast::Definition const *> everything = definitions;
  for (auto &[name, list] : starts)
    for (auto &[definition, which] : list)
      everything.push_back(definition);
  std::vector<IndexId> lifted = groupLifts(everything, body);

  // Types: start from the starts, and widen until nothing changes.
  std::map<std::string, Scalar> types;
  for (bool changed = true; changed;) {
    changed = false;
    auto widen = [&](std::string const &name, std::optional<Scalar> type) {
      if (!type)
        return;
      auto [place, added] = types.try_emplace(name, *type);
      if (!added && place->second == Scalar::Int && *type == Scalar::Real) {
        place->second = Scalar::Real;
        changed = true;
      }
      changed |= added;
    };
    for (ast::Definition const *definition : everything)
      for (size_t k = 0; k < definition->targets.size(); ++k) {
        auto declared = instance->results.find(definition->targets[k].name.text);
        if (declared != instance->results.end() && declared->second.element)
          widen(definition->targets[k].name.text, scalarOf(*declared->second.element));
        bool single = definition->values.size() == definition->targets.size();
        widen(definition->targets[k].name.text,
              guessType(definition->values[single ? k : 0], single ? 0 : k, types, indicesOf(*definition)));
      }
  }

  std::map<std::string, Promise> promises;
  for (std::string const &name : ahead) {
    ast::Definition const &definition = *definitions[owner.at(name)];
    ast::Target const *target = nullptr;
    for (ast::Target const &candidate : definition.targets)
      if (candidate.name.text == name)
        target = &candidate;
    Promise promise;
    promise.lifted = lifted;
    promise.range = target->range;
    promise.type = types.contains(name) ? types.at(name) : Scalar::Real;
    auto declared = instance->results.find(name);
    bool isResult = declared != instance->results.end() && !body.rebound.contains(name);
    heed::Tensor stored;
    stored.name = uniqueName(instance->prefix + name + body.suffix);
    stored.element = elementOf(promise.type);
    if (isResult && declared->second.element && scalarOf(*declared->second.element) == promise.type)
      stored.element = *declared->second.element;
    stored.range = target->range;
    program.tensors.push_back(stored);
    promise.tensor = TensorId(program.tensors.size() - 1);
    bool ok = true;
    if (auto list = starts.find(name); list != starts.end()) {
      for (auto &[start, which] : list->second) {
        if (start == list->second.front().first)
          promise.range = start->range;
        ok = ok && elaborateStart(*start, which, promise, body);
      }
    } else if (isResult) {
      promise.shape = declared->second.shape;
    } else {
      for (size_t k = 0; k < target->subscripts.size(); ++k)
        promise.shape.push_back(sizes.unknown());
    }
    if (!ok || promise.shape.empty()) {
      body.bind(name, {}, target->range);
      continue;
    }
    TensorId id = promise.tensor;
    Scalar type = promise.type;
    Subscripts prefix;
    for (IndexId index : lifted)
      prefix.push_back(build::index(index));
    ast::Range range = target->range;
    auto value = std::make_shared<TensorValue>(
        *tensorValue(type, promise.shape, 1, range, [id, type, prefix, range](Subscripts const &s) {
          Subscripts all = prefix;
          all.insert(all.end(), s.begin(), s.end());
          return build::read(id, std::move(all), type, range);
        }));
    value->name = stored.name;
    body.bind(name, TensorPtr(value), target->range);
    promises.emplace(name, std::move(promise));
  }
  body.position |= 1;
  for (size_t k : order)
    elaborateDefinition(*definitions[k], body, &promises);
}

std::optional<Scalar> Elaborator::guessCall(ast::Call const &call, size_t which,
                                            std::map<std::string, Scalar> const &members,
                                            std::set<std::string> const &indices) {
  FileScope const *where = nullptr;
  ast::Callable const *callable = nullptr;
  bool element = callsElement(call);
  auto function = element ? calledElement(call) : std::nullopt;
  if (element && !function)
    return std::nullopt;
  std::string const &name = function && !function->callable ? function->builtin : call.callee.text;
  if (function) {
    callable = function->callable;
  } else if (auto binding = scope->find(name)) {
    if (auto *function = binding->value.function())
      callable = function->callable;
    else
      return std::nullopt;
  } else {
    callable = findCallable(name, *instance->file, where);
  }
  if (callable) {
    if (which >= callable->results.size())
      return std::nullopt;
    std::string const &element = callable->results[which].type.element;
    return element == "i32" || element == "i8" ? Scalar::Int : element == "bool" ? Scalar::Bool : Scalar::Real;
  }
  if (name == "argmax" || name == "argmin" || name == "topk" || name == "int")
    return Scalar::Int;
  if (name == "any" || name == "all")
    return Scalar::Bool;
  static std::set<std::string> const keep = {"sum", "product", "max", "min", "abs", "select", "dot", "concat"};
  if (!keep.contains(name))
    return Scalar::Real;
  std::optional<Scalar> type;
  std::set<std::string> inner = indices;
  for (ast::Name const &index : call.indices)
    inner.insert(index.text);
  for (size_t k = name == "select" ? 1 : 0; k < call.arguments.size(); ++k) {
    auto argument = guessType(call.arguments[k], 0, members, inner);
    if (!type || (argument && *argument == Scalar::Real))
      type = argument ? argument : type;
  }
  return type;
}

/// The scalar type of an expression by its syntax, where members of a group have the types guessed so far; nothing if
/// unknown yet.
std::optional<Scalar> Elaborator::guessType(ast::Expr const &expr, size_t which,
                                            std::map<std::string, Scalar> const &members,
                                            std::set<std::string> const &indices) {
  auto ofName = [&](std::string const &name) -> std::optional<Scalar> {
    if (indices.contains(name))
      return Scalar::Int;
    if (auto member = members.find(name); member != members.end())
      return member->second;
    if (auto binding = scope->find(name)) {
      TensorPtr value = binding->value.tensor();
      return value ? std::optional(value->type) : std::nullopt;
    }
    if (Value *constant = findConstant(name, *instance->file))
      if (TensorPtr value = constant->tensor())
        return value->type;
    return std::nullopt;
  };
  if (get<ast::Integer>(expr))
    return Scalar::Int;
  if (get<ast::Real>(expr))
    return Scalar::Real;
  if (get<ast::Boolean>(expr))
    return Scalar::Bool;
  if (auto *name = get<ast::Name>(expr))
    return ofName(name->text);
  if (auto *index = get<ast::Index>(expr))
    return guessType(index->base, 0, members, {});
  if (auto *call = get<ast::Call>(expr))
    return guessCall(*call, which, members, indices);
  if (auto *unary = get<ast::Unary>(expr))
    return unary->op == ast::UnaryOp::Not ? Scalar::Bool : guessType(unary->operand, 0, members, indices);
  if (auto *chain = get<ast::Chain>(expr)) {
    ast::BinaryOp op = chain->rest.empty() ? ast::BinaryOp::Add : chain->rest.front().op;
    if (op <= ast::BinaryOp::GreaterEqual)
      return Scalar::Bool;
    std::optional<Scalar> type = guessType(chain->first, 0, members, indices);
    for (ast::ChainStep const &step : chain->rest) {
      auto operand = guessType(step.operand, 0, members, indices);
      if (!type || operand == Scalar::Real)
        type = operand ? operand : type;
    }
    return type;
  }
  return std::nullopt;
}

} // namespace heed::elaborate
