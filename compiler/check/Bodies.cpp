// Bodies.cpp - the statements of a body in the order of their dependencies; repeats unrolled; parameters declared.

#include "compiler/check/Elaborator.h"
#include "compiler/check/Graph.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

/// A definition (not the start of a recurrence) or a repeat.
struct Elaborator::BodyNode {
  ast::Definition const *definition = nullptr;
  ast::Repeat const *repeat = nullptr;
  size_t position = 0;
  std::set<std::string> defines;
  std::map<size_t, std::pair<std::string, ast::Range>> reads; // node -> the name and place by which it is read
};

namespace {

void collectTargets(std::vector<ast::Statement> const &statements, std::set<std::string> &names) {
  for (ast::Statement const &statement : statements) {
    if (auto *definition = get<ast::Definition>(statement))
      for (ast::Target const &target : definition->targets)
        names.insert(target.name.text);
    if (auto *repeat = get<ast::Repeat>(statement))
      collectTargets(repeat->body, names);
  }
}

void forEachName(std::vector<ast::Statement> const &statements, std::function<void(NameUse const &)> const &visit) {
  for (ast::Statement const &statement : statements) {
    if (auto *definition = get<ast::Definition>(statement))
      elaborate::forEachName(*definition, visit);
    if (auto *repeat = get<ast::Repeat>(statement))
      forEachName(repeat->body, visit);
  }
}

} // namespace

void Elaborator::declareConsts(ast::Consts const &consts) {
  for (ast::ConstItem const &item : consts.items) {
    if (auto earlier = scope->names.find(item.name.text); earlier != scope->names.end()) {
      error(Code::H0302, item.name.range, fmt::format("'{}' is defined twice", item.name.text),
            Note{earlier->second.back().binding->range, "first defined here"});
      continue;
    }
    Value value = evaluate(item.value);
    if (TensorPtr number = value.tensor(); number && (number->rank() > 0 || nodeOf(number->scalar).reads)) {
      error(Code::H0210, item.range, fmt::format("'{}' is not known when the model is compiled", item.name.text));
      value = {};
    }
    scope->bind(item.name.text, foldStatic(value), item.name.range);
  }
}

std::string Elaborator::weightName(ast::Text const &pattern, std::string const &path) {
  std::string result;
  for (size_t k = 0; k < pattern.value.size(); ++k) {
    if (pattern.value[k] != '{') {
      result += pattern.value[k];
      continue;
    }
    size_t end = pattern.value.find('}', k);
    std::string hole = pattern.value.substr(k + 1, end == std::string::npos ? end : end - k - 1);
    std::string filled;
    bool known = false;
    if (end != std::string::npos) {
      if (hole == "path") {
        filled = path;
        known = true;
      }
      // Counters of the enclosing repeats, through the calls that lead here; {i} is the innermost.
      Scope const *s = scope;
      for (Instance const *use = instance; !known && use; s = use->caller, use = use->parent)
        for (auto counter = s->counters.rbegin(); !known && counter != s->counters.rend(); ++counter)
          if (hole == "i" || (hole == counter->first && !hole.empty())) {
            filled = std::to_string(counter->second);
            known = true;
          }
      if (!known)
        if (auto binding = scope->find(hole))
          if (TensorPtr value = binding->value.tensor(); value && value->rank() == 0)
            if (auto number = constantInt(value->scalar)) {
              filled = std::to_string(*number);
              known = true;
            }
    }
    if (!known) {
      error(Code::H0604, pattern.range, fmt::format("nothing fills the hole '{{{}}}' here", hole),
            Note{pattern.range,
                 "a hole is {i} (the innermost repeat), the name of a repeat counter or static integer, or {path}"});
      return result;
    }
    result += filled;
    k = end;
  }
  return result;
}

/// The shape of a parameter, or nothing after an error.
std::optional<std::vector<Size>> Elaborator::constantShape(std::vector<ast::Expr> const &exprs, ast::Range range) {
  std::vector<Size> shape;
  bool known = true;
  for (ast::Expr const &size : exprs) {
    auto value = evaluateSize(size);
    known &= value.has_value();
    shape.push_back(sizes.resolve(value.value_or(Size{1, {}})));
    if (value && !shape.back().isConstant()) {
      error(Code::H0206, ast::rangeOf(size),
            fmt::format("the shape of a parameter is constant, but {} is known only at run time",
                        sizes.print(shape.back())));
      known = false;
    }
  }
  return known && checkShape(shape, range) ? std::optional(shape) : std::nullopt;
}

TensorPtr Elaborator::declareParam(std::string const &name, Element element, std::vector<Size> const &shape,
                                   std::string const &from, ast::Range range) {
  heed::Tensor param;
  param.name = instance->path + name;
  if (!usedPaths.insert(param.name).second)
    error(Code::H0603, range, fmt::format("two parameters have the path '{}'", param.name),
          Note{instance->call, "name this use of the layer with 'as'"});
  param.name = uniqueName(param.name);
  param.kind = TensorKind::Param;
  param.element = element;
  param.shape = shape;
  param.range = range;
  param.from = from;
  program.tensors.push_back(std::move(param));
  TensorId id = TensorId(program.tensors.size() - 1);
  program.params.push_back(id);
  return wholeTensor(id, range);
}

/// The numbers that `stored` stands for, or null after an error.
TensorPtr Elaborator::scaled(TensorPtr const &stored, TensorPtr const &factor, ast::Range range) {
  if (factor->rank() > stored->rank()) {
    error(Code::H0202, range,
          fmt::format("a scale of {} axes for numbers of {}", factor->rank(), stored->rank()));
    return nullptr;
  }
  TensorPtr real = convert(stored, Scalar::Real, range);
  return elementwise(range, {real, factor}, [range](Subscripts const &x) {
    return build::binary(BinaryOp::Multiply, x[0], x[1], range);
  });
}

void Elaborator::declareParams(ast::Params const &params) {
  for (ast::ParamGroup const &group : params.groups) {
    if (instance->callable->kind == ast::CallableKind::Function) {
      error(Code::H0601, group.range,
            fmt::format("'{}' is a function and has no parameters; make it a layer", instance->callable->name.text));
      for (ast::Name const &name : group.names)
        scope->bind(name.text, {}, name.range);
      continue;
    }
    Element element = elementFrom(group.type);
    auto shape = constantShape(group.type.shape, group.type.range);
    std::optional<std::vector<Size>> scale;
    if (!group.scale.empty()) {
      scale = constantShape(group.scale, group.range);
      if (element != Element::I8) {
        error(Code::H0208, group.type.range,
              fmt::format("'scale' needs numbers of type i8, found {}", elementName(element)),
              Note{group.type.range, "write i8; the other types hold real numbers as they are"});
        scale.reset();
      }
    }
    bool known = shape && (group.scale.empty() || scale);
    for (ast::Name const &name : group.names) {
      if (auto earlier = scope->names.find(name.text); earlier != scope->names.end()) {
        error(Code::H0302, name.range, fmt::format("'{}' is defined twice", name.text),
              Note{earlier->second.back().binding->range, "first defined here"});
        continue;
      }
      if (!known) {
        scope->bind(name.text, {}, name.range);
        continue;
      }
      std::string own = name.text + scope->suffix;
      std::string from =
          group.from ? weightName(*group.from, instance->path.substr(0, instance->path.size() - !instance->path.empty()))
                     : "";
      TensorPtr value = declareParam(own, element, *shape, from, name.range);
      if (scale) {
        TensorPtr factor = declareParam(own + ".scale", Element::F32, *scale, from.empty() ? "" : from + ".scale",
                                        name.range);
        value = scaled(value, factor, group.range);
      }
      scope->bind(name.text, value, name.range);
    }
  }
}

void Elaborator::selfDependence(std::vector<std::pair<std::string, ast::Range>> const &cycle) {
  std::string text;
  for (auto &[name, range] : cycle)
    text += name + " -> ";
  text += cycle.front().first;
  error(Code::H0501, cycle.front().second,
        fmt::format("'{}' depends on itself without an earlier index: {}", cycle.front().first, text));
}

std::vector<Elaborator::BodyNode> Elaborator::bodyNodes(std::vector<ast::Statement> const &statements, Scope &body) {
  std::vector<BodyNode> nodes;
  std::set<std::string> local;
  for (ast::Statement const &statement : statements)
    if (auto *definition = get<ast::Definition>(statement))
      for (ast::Target const &target : definition->targets)
        local.insert(target.name.text);
  for (size_t k = 0; k < statements.size(); ++k) {
    BodyNode node;
    node.position = 2 * (k + 1); // odd positions: members of a recurrence, which see each other
    if (auto *repeat = get<ast::Repeat>(statements[k])) {
      node.repeat = repeat;
      std::set<std::string> targets;
      collectTargets(repeat->body, targets);
      for (std::string const &name : targets)
        if (local.contains(name) || body.find(name)) {
          node.defines.insert(name);
          body.rebound.insert(name);
        }
      nodes.push_back(std::move(node));
    } else if (auto *definition = get<ast::Definition>(statements[k])) {
      node.definition = definition;
      for (ast::Target const &target : definition->targets)
        node.defines.insert(target.name.text);
      nodes.push_back(std::move(node));
    }
  }
  return nodes;
}

void Elaborator::elaborateRepeat(ast::Repeat const &repeat, Scope &body, size_t position,
                                 std::set<std::string> const &reboundNames) {
  auto poison = [&] {
    for (std::string const &name : reboundNames)
      body.bind(name, {}, repeat.range);
  };
  auto count = evaluateSize(repeat.count);
  if (!count)
    return poison();
  if (!count->isConstant() || count->constant < 0 || count->constant > 4096) {
    error(Code::H0605, ast::rangeOf(repeat.count),
          fmt::format("expected a repeat count from 0 to 4096, found {}", sizes.print(*count)));
    return poison();
  }
  std::map<std::string, std::shared_ptr<Binding>> carried;
  for (std::string const &name : reboundNames)
    if (auto binding = body.find(name))
      carried[name] = binding;
  for (int64_t i = 0; i < count->constant; ++i) {
    Restore restore(*this);
    iterations.emplace_back();
    Scope &iteration = iterations.back();
    iteration.parent = &body;
    iteration.instance = instance;
    iteration.carried = carried;
    iteration.counters = body.counters;
    iteration.counters.emplace_back(repeat.counter ? repeat.counter->text : "", i);
    iteration.suffix = body.suffix + "." + std::to_string(i);
    iteration.rebound = reboundNames;
    if (repeat.counter)
      iteration.bind(repeat.counter->text, scalarValue(build::integer(i, repeat.counter->range), repeat.counter->range),
                     repeat.counter->range);
    elaborateBody(repeat.body, iteration);
    for (std::string const &name : reboundNames)
      if (auto versions = iteration.names.find(name); versions != iteration.names.end() && !versions->second.empty())
        carried[name] = versions->second.back().binding;
  }
  for (auto &[name, binding] : carried) {
    auto &versions = body.names[name];
    auto after = std::upper_bound(versions.begin(), versions.end(), position,
                                  [](size_t p, Version const &v) { return p < v.position; });
    versions.insert(after, {position, binding});
  }
}

void Elaborator::elaborateBody(std::vector<ast::Statement> const &statements, Scope &body) {
  scope = &body;
  frame = nullptr;
  bool iteration = body.parent != nullptr;
  if (iteration || instance->callable->kind != ast::CallableKind::Model)
    declareDims(statements, false);
  for (ast::Statement const &statement : statements)
    if (auto *consts = get<ast::Consts>(statement))
      declareConsts(*consts);
  for (ast::Statement const &statement : statements)
    if (auto *params = get<ast::Params>(statement))
      declareParams(*params);

  std::vector<BodyNode> nodes = bodyNodes(statements, body);

  // Tell the starts of recurrences from the definitions.
  std::map<std::string, std::vector<std::pair<ast::Definition const *, size_t>>> starts;
  std::map<std::string, size_t> uses;
  for (BodyNode const &node : nodes)
    if (node.definition)
      for (std::string const &name : node.defines)
        ++uses[name];
  auto namesASize = [&](ast::Subscript const &subscript) {
    auto *name = get<ast::Name>(subscript.index);
    auto binding = name && !subscript.bound ? body.find(name->text) : nullptr;
    TensorPtr value = binding ? binding->value.tensor() : nullptr;
    return value && value->rank() == 0 && value->type == Scalar::Int && !nodeOf(value->scalar).reads;
  };
  auto isStart = [&](ast::Target const &target) {
    bool constant = false, size = false;
    for (ast::Subscript const &subscript : target.subscripts) {
      constant |= get<ast::Name>(subscript.index) == nullptr;
      size |= namesASize(subscript);
    }
    if (constant || !size || uses[target.name.text] < 2)
      return constant;
    for (BodyNode const &other : nodes)
      if (other.definition)
        for (ast::Target const &sibling : other.definition->targets)
          if (sibling.name.text == target.name.text &&
              std::none_of(sibling.subscripts.begin(), sibling.subscripts.end(), namesASize) &&
              !sibling.subscripts.empty() &&
              std::all_of(sibling.subscripts.begin(), sibling.subscripts.end(),
                          [](auto &s) { return get<ast::Name>(s.index) != nullptr; }))
            return true;
    return false;
  };
  std::vector<BodyNode> mains;
  for (BodyNode &node : nodes) {
    size_t startCount = 0;
    if (node.definition) {
      for (size_t k = 0; k < node.definition->targets.size(); ++k)
        if (isStart(node.definition->targets[k])) {
          ++startCount;
          starts[node.definition->targets[k].name.text].emplace_back(node.definition, k);
        }
      if (startCount > 0 && startCount < node.definition->targets.size())
        error(Code::H0409, node.definition->range, "a definition starts all of its names or none");
    }
    if (startCount == 0)
      mains.push_back(std::move(node));
  }

  // A name is defined once here; repeats bind it anew.
  std::map<std::string, std::vector<size_t>> definers;
  for (size_t k = 0; k < mains.size(); ++k)
    for (std::string const &name : mains[k].defines) {
      auto &list = definers[name];
      auto declared = body.names.find(name);
      bool taken = declared != body.names.end() && !body.rebound.contains(name) && !declared->second.empty();
      bool second = mains[k].definition && !list.empty() && !(iteration && body.rebound.contains(name));
      if (mains[k].definition &&
          (taken || second || (declared != body.names.end() && !declared->second.empty() && !iteration))) {
        ast::Range first = second ? ast::Range{} : declared->second.back().binding->range;
        if (second)
          for (auto &earlier : {mains[list.front()]})
            first = earlier.definition ? earlier.definition->range : earlier.repeat->range;
        error(Code::H0302, mains[k].definition->range,
              fmt::format("'{}' is defined twice; only 'repeat' binds a name anew", name),
              Note{first, "first defined here"});
        continue;
      }
      list.push_back(k);
    }
  for (auto &[name, list] : starts)
    if (!definers.contains(name)) {
      ast::Target const &target = list.front().first->targets[list.front().second];
      bool position =
          true; // a start stands at a position that is known; `y[i + 1] = ...` is a mistake on the left side
      for (ast::Subscript const &subscript : target.subscripts)
        if (!get<ast::Name>(subscript.index))
          forEachName(subscript.index, {}, [&](NameUse const &use) {
            position &= use.called || body.find(use.name) || findConstant(use.name, *instance->file);
          });
      if (position)
        error(Code::H0503, list.front().first->range,
              fmt::format("'{}' is given a start, but no definition '{}[t] = ...'", name, name));
      else
        error(Code::H0409, target.range, "expected a plain index on the left side");
      body.bind(name, {}, list.front().first->range);
    }

  // Who reads whom.
  std::vector<std::vector<size_t>> edges(mains.size());
  for (size_t k = 0; k < mains.size(); ++k) {
    auto visit = [&](NameUse const &use) {
      auto place = definers.find(use.name);
      if (place == definers.end() || place->second.empty())
        return;
      std::optional<size_t> reads;
      if (!body.rebound.contains(use.name)) {
        reads = place->second.front();
      } else {
        for (size_t other : place->second)
          if (mains[other].position < mains[k].position)
            reads = other;
        bool outside = iteration || body.names.contains(use.name);
        if (!reads && !outside)
          reads = place->second.front();
      }
      if (reads && mains[k].reads.try_emplace(*reads, use.name, use.range).second)
        edges[k].push_back(*reads);
    };
    if (mains[k].definition) {
      ast::Definition withoutUntil = *mains[k].definition;
      withoutUntil.until.reset();
      elaborate::forEachName(withoutUntil, visit);
      if (mains[k].definition->until) // the end of a recurrence looks at the step just taken
        elaborate::forEachName(*mains[k].definition->until, {}, [&](NameUse const &use) {
          if (!mains[k].defines.contains(use.name))
            visit(use);
        });
      for (std::string const &name : mains[k].defines)
        if (auto list = starts.find(name); list != starts.end())
          for (auto &[definition, which] : list->second)
            elaborate::forEachName(*definition, visit);
    } else {
      forEachName(mains[k].repeat->body, visit);
      elaborate::forEachName(mains[k].repeat->count, {}, visit);
      for (std::string const &name : mains[k].defines) // the value that the repeat begins with
        for (size_t other : definers[name])
          if (mains[other].position < mains[k].position)
            visit({name, mains[k].repeat->range, nullptr, false});
    }
  }

  for (std::vector<size_t> const &component : components(edges)) {
    bool cyclic = component.size() > 1 || mains[component.front()].reads.contains(component.front());
    bool repeats =
        std::any_of(component.begin(), component.end(), [&](size_t k) { return mains[k].repeat != nullptr; });
    if (cyclic && repeats) {
      std::vector<std::pair<std::string, ast::Range>> cycle;
      for (size_t k : component)
        for (auto &[other, use] : mains[k].reads)
          if (std::find(component.begin(), component.end(), other) != component.end())
            cycle.push_back(use);
      selfDependence(cycle);
      for (size_t k : component)
        for (std::string const &name : mains[k].defines)
          body.bind(name, {}, cycle.front().second);
      continue;
    }
    if (cyclic) {
      std::vector<ast::Definition const *> members;
      std::map<std::string, std::vector<std::pair<ast::Definition const *, size_t>>> memberStarts;
      for (size_t k : component) {
        members.push_back(mains[k].definition);
        for (std::string const &name : mains[k].defines)
          if (auto list = starts.find(name); list != starts.end())
            memberStarts[name] = list->second;
      }
      body.position = mains[component.back()].position;
      elaborateGroup(members, memberStarts, body);
      continue;
    }
    BodyNode &node = mains[component.front()];
    body.position = node.position;
    if (node.repeat) {
      elaborateRepeat(*node.repeat, body, node.position, node.defines);
      continue;
    }
    for (std::string const &name : node.defines)
      if (auto list = starts.find(name); list != starts.end())
        error(Code::H0503, list->second.front().first->range,
              fmt::format("'{}' is given a start, but its definition reads no earlier index", name),
              Note{node.definition->range, "defined here"});
    elaborateDefinition(*node.definition, body);
  }
}

} // namespace heed::elaborate
