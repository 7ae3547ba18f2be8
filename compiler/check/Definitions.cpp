// Definitions.cpp - one definition: its indices, its conditions, its value, and where it is stored.

#include "compiler/check/Elaborator.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

IndexId Elaborator::newIndex(std::string const &name, Size const &size) {
  if (program.indices.size() >= 4'000'000)
    throw LimitReached("the program has too many indices");
  program.indices.push_back({name, size});
  return IndexId(program.indices.size() - 1);
}

/// Those of the innermost-last stack of bound indices (up to `depth`) that are in `free`.
std::vector<IndexId> Elaborator::liftedIndices(std::vector<IndexId> const &free, size_t depth) const {
  std::vector<IndexId> lifted;
  for (size_t k = 0; k < std::min(depth, bound.size()); ++k)
    if (std::binary_search(free.begin(), free.end(), bound[k]))
      lifted.push_back(bound[k]);
  return lifted;
}

/// Stores `value`: one axis per bound index it depends on, then `own`, then its own axes. Returns the reading of what
/// is stored.
TensorPtr Elaborator::emit(Emitted item, std::vector<IndexId> const &own, TensorPtr const &value,
                           std::string const &name, Element element, Promise const *promise,
                           std::map<IndexId, ExprPtr> &renaming, size_t assumptionDepth) {
  if (emitted.size() >= 1'000'000)
    throw LimitReached(
        "the program has more than a million definitions once functions are inlined and repeats unrolled");
  Definition &definition = item.definition;
  Subscripts trailing;
  std::vector<IndexId> axes;
  for (Size const &size : value->shape) {
    axes.push_back(newIndex("c", size));
    trailing.push_back(build::index(axes.back()));
  }
  ExprPtr body = value->at(trailing);
  ExprPtr where = definition.domain;

  std::vector<IndexId> free = nodeOf(body).free;
  if (where)
    free.insert(free.end(), nodeOf(where).free.begin(), nodeOf(where).free.end());
  std::sort(free.begin(), free.end());
  std::vector<IndexId> lifted = promise ? promise->lifted : liftedIndices(free, bound.size());

  // The place is evaluated only under the conditions around it; those that speak about the lifted indices hold here
  // too.
  std::vector<IndexId> sortedLifted = lifted;
  std::sort(sortedLifted.begin(), sortedLifted.end());
  ExprPtr around;
  for (size_t k = 0; k < std::min(assumptionDepth, assumptions.size()); ++k) {
    auto &needs = nodeOf(assumptions[k]).free;
    if (std::includes(sortedLifted.begin(), sortedLifted.end(), needs.begin(), needs.end()))
      around = build::both(around, assumptions[k]);
  }
  where = build::both(around, where);

  std::vector<Size> shape;
  for (IndexId id : lifted) {
    IndexId fresh = newIndex(program.indices[id].name, program.indices[id].size);
    renaming[id] = build::index(fresh);
    definition.indices.push_back(fresh);
    shape.push_back(program.indices[id].size);
  }
  for (IndexId id : own) {
    IndexId fresh = newIndex(program.indices[id].name, program.indices[id].size);
    renaming[id] = build::index(fresh);
    definition.indices.push_back(fresh);
    shape.push_back(program.indices[id].size);
  }
  for (IndexId id : axes) {
    definition.indices.push_back(id);
    shape.push_back(program.indices[id].size);
  }
  definition.value = substitute(body, renaming);
  definition.domain = substitute(where, renaming);

  if (promise) {
    definition.tensor = promise->tensor;
    program.tensors[definition.tensor].shape = shape;
  } else {
    heed::Tensor tensor;
    tensor.name = uniqueName(name);
    tensor.element = element;
    tensor.shape = shape;
    tensor.range = item.range;
    program.tensors.push_back(std::move(tensor));
    definition.tensor = TensorId(program.tensors.size() - 1);
  }
  item.instance = instance;
  if (item.range.empty())
    item.range = value->range;

  TensorId id = definition.tensor;
  Scalar type = scalarOf(element);
  Subscripts prefix;
  for (IndexId index : lifted)
    prefix.push_back(build::index(index));
  std::vector<Size> visible(shape.begin() + long(lifted.size()), shape.end());
  ast::Range range = item.range;
  emitted.push_back(std::move(item));
  auto result = std::make_shared<TensorValue>(
      *tensorValue(type, visible, 1, range, [id, type, prefix, range](Subscripts const &s) {
        Subscripts all = prefix;
        all.insert(all.end(), s.begin(), s.end());
        return build::read(id, std::move(all), type, range);
      }));
  result->whole = lifted.empty();
  result->name = program.tensors[id].name;
  return result;
}

TensorPtr Elaborator::store(TensorPtr const &value, std::string const &name, ast::Range range, size_t assumptionDepth,
                            bool softmaxLast) {
  std::map<IndexId, ExprPtr> renaming;
  Emitted item;
  item.range = range;
  TensorPtr result = emit(std::move(item), {}, value, name, elementOf(value->type), nullptr, renaming, assumptionDepth);
  if (softmaxLast)
    emitted.back().definition.softmaxAxis = int(emitted.back().definition.indices.size()) - 1;
  return result;
}

std::string Elaborator::temporaryName() { return instance->prefix + "$" + std::to_string(++instance->temporaries); }

TensorPtr Elaborator::storeTemporary(TensorPtr const &value) {
  if (!value->once)
    return store(value, temporaryName(), value->range, assumptions.size());
  if (!value->once->stored)
    value->once->stored = store(value, value->once->name, value->range, value->once->assumptionDepth);
  return value->once->stored;
}

/// Binds the plain names on the left as indices. Their sizes come from the bound, from the declared result, or from
/// their uses.
bool Elaborator::bindTargetIndices(ast::Target const &target, IndexFrame &own, Scope &body, int skip) {
  auto declared = instance->results.find(target.name.text);
  bool ok = true;
  for (size_t k = 0; k < target.subscripts.size(); ++k) {
    if (int(k) == skip)
      continue;
    ast::Subscript const &subscript = target.subscripts[k];
    auto *name = get<ast::Name>(subscript.index);
    if (!name) {
      error(Code::H0409, ast::rangeOf(subscript.index), "expected a plain index on the left side");
      ok = false;
      continue;
    }
    for (auto &[other, id] : own.names)
      if (other == name->text) {
        error(Code::H0409, name->range, fmt::format("index '{}' stands twice on the left side", other));
        ok = false;
      }
    Size size = sizes.unknown();
    if (subscript.bound) {
      auto value = evaluateSize(*subscript.bound);
      ok &= value.has_value();
      if (value)
        size = *value;
    }
    IndexId id = newIndex(name->text, size);
    if (subscript.bound)
      indexUses[id] = {ast::rangeOf(*subscript.bound), "its bound"};
    own.names.emplace_back(name->text, id);
    if (declared != instance->results.end() && skip < 0 && k < declared->second.shape.size() &&
        !body.rebound.contains(target.name.text))
      ok &= unifyIndex(id, declared->second.shape[k], declared->second.range,
                       fmt::format("axis {} of the result '{}'", k, target.name.text));
  }
  return ok;
}

/// Evaluates a condition and assumes its parts; false after an error.
bool Elaborator::pushConditions(ast::Expr const &where) {
  TensorPtr value = tensor(where);
  if (!value)
    return false;
  if (value->type != Scalar::Bool || value->rank() > 0) {
    error(Code::H0201, ast::rangeOf(where),
          fmt::format("expected a condition, found {}", value->rank() > 0
                                                            ? "a tensor of shape " + sizes.print(value->shape)
                                                            : std::string(typeName(value->type))));
    return false;
  }
  splitConjunction(value->scalar, assumptions);
  return true;
}

void Elaborator::elaborateDefinition(ast::Definition const &definition, Scope &body,
                                     std::map<std::string, Promise> const *promises) {
  auto poison = [&] {
    for (ast::Target const &target : definition.targets) {
      auto binding = body.find(target.name.text);
      if (promises && promises->contains(target.name.text) && binding)
        binding->value = {};
      else
        body.bind(target.name.text, {}, target.range);
    }
  };
  if (definition.targets.size() == definition.values.size()) {
    for (size_t k = 0; k < definition.targets.size(); ++k)
      elaboratePair(definition, {&definition.targets[k], &definition.values[k], {}}, body, promises,
                    k + 1 == definition.targets.size());
    return;
  }
  auto *call = definition.values.size() == 1 ? get<ast::Call>(definition.values.front()) : nullptr;
  if (!call) {
    error(Code::H0106, definition.range,
          fmt::format("{} names for {} values", definition.targets.size(), definition.values.size()));
    return poison();
  }
  // One call with several results: all targets have the indices of the first.
  std::vector<Value> results;
  IndexFrame own;
  std::vector<IndexId> ids;
  ExprPtr where;
  {
    Restore restore(*this);
    scope = &body;
    for (ast::Target const &target : definition.targets) {
      IndexFrame other;
      if (&target == &definition.targets.front() ? !bindTargetIndices(target, own, body)
                                                 : !bindTargetIndices(target, other, body))
        return poison();
      bool same = &target == &definition.targets.front() || other.names.size() == own.names.size();
      for (size_t k = 0; same && k < other.names.size(); ++k) {
        same = other.names[k].first == own.names[k].first;
        if (same && !unifyIndex(own.names[k].second, program.indices[other.names[k].second].size, target.range,
                                "the left side"))
          return poison();
      }
      if (!same) {
        error(Code::H0409, target.range, "the names that one call defines have the same indices");
        return poison();
      }
    }
    for (auto &[name, id] : own.names)
      ids.push_back(id);
    Naming naming(*this, definition.targets.front(), body);
    frame = &own;
    bound.insert(bound.end(), ids.begin(), ids.end());
    size_t before = assumptions.size();
    if (definition.where && !pushConditions(*definition.where))
      return poison();
    where = joinConjunction({assumptions.begin() + long(before), assumptions.end()});
    results = evaluateCallResults(*call);
  }
  if (results.size() != definition.targets.size()) {
    bool silent = results.size() == 1 && results.front().poisoned();
    if (!silent)
      error(Code::H0106, definition.range,
            fmt::format("{} names for the {} results of '{}'", definition.targets.size(), results.size(),
                        call->callee.text));
    return poison();
  }
  for (size_t k = 0; k < results.size(); ++k) {
    ast::Target const &target = definition.targets[k];
    TensorPtr value = results[k].tensor();
    Promise const *promise = nullptr;
    if (promises)
      if (auto place = promises->find(target.name.text); place != promises->end())
        promise = &place->second;
    finishPair(definition, target, body, promise, ids, own, where, value, -1, k + 1 == results.size());
  }
}

/// Whether positions can be stored in `target` as they are.
bool Elaborator::isIntegerTarget(ast::Target const &target, Promise const *promise) const {
  auto declared = instance->results.find(target.name.text);
  bool converts = declared != instance->results.end() && declared->second.element &&
                  scalarOf(*declared->second.element) != Scalar::Int;
  return !converts && (!promise || promise->type == Scalar::Int);
}

void Elaborator::elaboratePair(ast::Definition const &definition, Pair const &pair, Scope &body,
                               std::map<std::string, Promise> const *promises, bool last) {
  ast::Target const &target = *pair.target;
  Promise const *promise = nullptr;
  if (promises)
    if (auto place = promises->find(target.name.text); place != promises->end())
      promise = &place->second;
  if (auto *list = get<ast::ListOf>(*pair.value);
      list && target.subscripts.empty() && !definition.where && !definition.until && !promise) {
    Restore restore(*this);
    scope = &body;
    body.bind(target.name.text, evaluateList(*list), target.range);
    return;
  }
  IndexFrame own;
  std::vector<IndexId> ids;
  TensorPtr value;
  ExprPtr where;
  int softmaxAxis = -1;
  size_t firstNew = emitted.size();
  {
    Restore restore(*this);
    Naming naming(*this, target, body);
    scope = &body;
    bool ok = bindTargetIndices(target, own, body);
    for (auto &[name, id] : own.names)
      ids.push_back(id);
    for (size_t k = 0; ok && promise && k < ids.size() && k < promise->shape.size(); ++k)
      ok = unifyIndex(ids[k], promise->shape[k], promise->range, fmt::format("axis {} of '{}'", k, target.name.text));
    frame = &own;
    bound.insert(bound.end(), ids.begin(), ids.end());
    size_t before = assumptions.size();
    if (ok && definition.where)
      ok = pushConditions(*definition.where);
    if (ok) {
      // A softmax over an index of the left side normalises the definition itself.
      auto *call = get<ast::Call>(*pair.value);
      bool normalises = call && !call->element && call->callee.text == "softmax" && call->indices.size() == 1 &&
                        call->arguments.size() == 1 && call->statics.empty();
      for (size_t k = 0; normalises && k < own.names.size(); ++k)
        if (own.names[k].first == call->indices.front().text)
          softmaxAxis = int(k);
      if (softmaxAxis >= 0) {
        if (!call->where || pushConditions(*call->where))
          value = tensor(call->arguments.front());
        if (value)
          value = convert(value, Scalar::Real, call->range);
        if (value && !dependsOn(value->sample(), ids[size_t(softmaxAxis)])) {
          error(Code::H0403, call->indices.front().range,
                fmt::format("index '{}' does not occur in what is normalised", call->indices.front().text));
          value = nullptr;
        }
      } else if (call && !call->element && call->callee.text == "topk" && isIntegerTarget(target, promise)) {
        value = selectionValue(*call); // stored as the definition itself
      } else {
        value = tensor(*pair.value);
      }
    }
    where = joinConjunction({assumptions.begin() + long(before), assumptions.end()});
  }
  // A value that a built-in has just stored, such as softmax(x), takes the name of the definition.
  if (value && value->whole && ids.empty() && !where && emitted.size() > firstNew) {
    heed::Tensor &stored = program.tensors[emitted.back().definition.tensor];
    std::string wanted = instance->prefix + target.name.text + body.suffix;
    if (stored.name == value->name &&
        (stored.name.starts_with(instance->prefix + "$") || stored.name == wanted + ".softmax")) {
      stored.name = uniqueName(wanted);
      if (!named.empty() && named.back().first == wanted + ".softmax")
        named.pop_back();
      auto renamed = std::make_shared<TensorValue>(*value);
      renamed->name = stored.name;
      value = renamed;
    }
  }
  finishPair(definition, target, body, promise, ids, own, where, value, softmaxAxis, last);
}

/// What `value` reads if the definition would only copy it, element for element: y[i, j] = x[i, j] is x.
TensorPtr Elaborator::copiedTensor(TensorPtr const &value, std::vector<IndexId> const &ids) {
  auto *read = std::get_if<Expr::Read>(&value->sample()->node);
  size_t rank = ids.size() + value->rank();
  if (!read || read->subscripts.size() < rank)
    return nullptr;
  size_t lead = read->subscripts.size() - rank;
  std::vector<IndexId> wanted = ids;
  for (size_t k = 0; k < value->rank(); ++k)
    wanted.push_back(placeholder(k, value->rank()));
  for (size_t k = 0; k < rank; ++k) {
    auto *index = std::get_if<Expr::IndexValue>(&read->subscripts[lead + k]->node);
    if (!index || index->index != wanted[k])
      return nullptr;
  }
  for (size_t k = 0; k < lead; ++k)
    if (dependsOnAny(read->subscripts[k], wanted) || nodeOf(read->subscripts[k]).reads)
      return nullptr;
  std::vector<Size> shape;
  for (IndexId id : ids)
    shape.push_back(program.indices[id].size);
  shape.insert(shape.end(), value->shape.begin(), value->shape.end());
  Subscripts prefix(read->subscripts.begin(), read->subscripts.begin() + long(lead));
  TensorId id = read->tensor;
  Scalar type = value->type;
  ast::Range range = value->range;
  auto result =
      std::make_shared<TensorValue>(*tensorValue(type, shape, 1, range, [id, type, prefix, range](Subscripts const &s) {
        Subscripts all = prefix;
        all.insert(all.end(), s.begin(), s.end());
        return build::read(id, std::move(all), type, range);
      }));
  result->whole = lead == 0;
  result->name = program.tensors[id].name;
  return result;
}

/// Stores the value of a target, or keeps it as it is where storing has no use, and binds the name.
void Elaborator::finishPair(ast::Definition const &definition, ast::Target const &target, Scope &body,
                            Promise const *promise, std::vector<IndexId> const &ids, IndexFrame const &own,
                            ExprPtr const &where, TensorPtr value, int softmaxAxis, bool last) {
  Naming naming(*this, target, body);
  std::string const &name = target.name.text;
  auto bind = [&](Value result) {
    noteName(defining, result.tensor());
    auto binding = promise ? body.find(name) : nullptr;
    if (binding)
      binding->value = std::move(result);
    else
      body.bind(name, std::move(result), target.range);
  };
  if (!value)
    return bind({});
  auto declared = instance->results.find(name);
  Element element = elementOf(value->type);
  if (declared != instance->results.end() && declared->second.element) {
    Scalar wanted = scalarOf(*declared->second.element);
    if (value->type == Scalar::Int && wanted == Scalar::Real)
      value = convert(value, Scalar::Real, value->range);
    if (!value)
      return bind({});
    if (value->type == wanted)
      element = *declared->second.element;
  }
  bool model = instance->callable->kind == ast::CallableKind::Model;
  bool probed = isProbed(defining);
  if (probed && !promise && value->whole)
    if (auto *read = std::get_if<Expr::Read>(&value->sample()->node);
        read && program.tensors[read->tensor].kind == TensorKind::Defined) {
      probes.push_back({read->tensor, defining});
      probed = false;
    }
  bool stays = !promise && ids.empty() && !where && !definition.until && !probed;
  if (stays && (value->whole || (value->rank() > 0 && !model && isPlainRead(value))))
    return bind(value);
  if (stays && value->rank() == 0 && !model && value->depth < 200) {
    auto named = std::make_shared<TensorValue>(*value);
    named->name = name;
    named->once = std::make_shared<StoreOnce>(
        StoreOnce{instance->prefix + name + body.suffix, instance->assumptionDepth, nullptr});
    return bind(TensorPtr(named));
  }
  if (!promise && !where && !definition.until && !model && softmaxAxis < 0 && !ids.empty() && !probed)
    if (TensorPtr copied = copiedTensor(value, ids))
      return bind(copied);
  if (promise) {
    if (value->type == Scalar::Int && promise->type == Scalar::Real)
      value = convert(value, Scalar::Real, value->range);
    if (!value)
      return bind({});
    if (value->type != promise->type) {
      error(Code::H0201, target.range,
            fmt::format("'{}' is {}, but starts as {}", name, typeName(value->type), typeName(promise->type)),
            Note{promise->range, "the start is here"});
      return bind({});
    }
    size_t rank = ids.size() + value->rank();
    if (rank != promise->shape.size()) {
      error(Code::H0202, target.range,
            fmt::format("a step of '{}' has {} axes besides its {} indices, but its start has {}", name, value->rank(),
                        ids.size(), promise->shape.size() - std::min(promise->shape.size(), ids.size())),
            Note{promise->range, fmt::format("the start has to say every axis, as in '{}[-1, c < 64] = 0.0'", name)});
      return bind({});
    }
    for (size_t k = 0; k < value->rank(); ++k)
      if (!sizes.unify(promise->shape[ids.size() + k], value->shape[k])) {
        error(Code::H0203, target.range,
              fmt::format(
                  "a step of '{}' has shape {}, but its start has {}", name, sizes.print(value->shape),
                  sizes.print(std::vector<Size>(promise->shape.begin() + long(ids.size()), promise->shape.end()))),
              Note{promise->range, "the start is here"});
        return bind({});
      }
    element = program.tensors[promise->tensor].element;
  }
  Emitted item;
  item.range = target.range;
  item.definition.domain = where;
  item.group = promise != nullptr;
  std::map<IndexId, ExprPtr> renaming;
  TensorPtr stored = emit(std::move(item), ids, value, instance->prefix + name + body.suffix, element, promise,
                          renaming, assumptions.size());
  Emitted &result = emitted.back();
  if (probed)
    probes.push_back({result.definition.tensor, program.tensors[result.definition.tensor].name});
  if (softmaxAxis >= 0)
    result.definition.softmaxAxis = int(result.definition.indices.size() - value->rank() - ids.size()) + softmaxAxis;
  bind(stored);
  if (definition.until && last) {
    Restore restore(*this);
    scope = &body;
    frame = &own;
    bound.insert(bound.end(), ids.begin(), ids.end());
    TensorPtr until = tensor(*definition.until);
    if (until && (until->type != Scalar::Bool || until->rank() > 0))
      error(Code::H0201, ast::rangeOf(*definition.until), "expected a condition after 'until'");
    else if (!model || body.parent)
      error(Code::H0505, ast::rangeOf(*definition.until), "'until' stands in the body of a model");
    else if (until)
      result.until = substitute(until->scalar, renaming);
  }
}

} // namespace heed::elaborate
