// Schedule.cpp - from elaborated definitions to the steps of a program: sizes resolved, dead definitions dropped,
// cycles made recurrences.

#include "compiler/check/Schedule.h"
#include "compiler/check/Graph.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_set>

namespace heed::elaborate {

namespace {

template <typename Visit>
void walk(ExprPtr const &expr, std::unordered_set<Expr const *> &seen, Visit const &visit) {
  if (!expr || !seen.insert(expr.get()).second)
    return;
  visit(expr);
  if (auto *read = std::get_if<Expr::Read>(&expr->node)) {
    for (ExprPtr const &subscript : read->subscripts)
      walk(subscript, seen, visit);
  } else if (auto *unary = std::get_if<Expr::Unary>(&expr->node)) {
    walk(unary->operand, seen, visit);
  } else if (auto *binary = std::get_if<Expr::Binary>(&expr->node)) {
    walk(binary->left, seen, visit);
    walk(binary->right, seen, visit);
  } else if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
    walk(select->condition, seen, visit);
    walk(select->ifTrue, seen, visit);
    walk(select->ifFalse, seen, visit);
  } else if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node)) {
    walk(reduce->domain, seen, visit);
    walk(reduce->body, seen, visit);
  }
}

ExprPtr resolveIn(ExprPtr const &expr, SizeSolver &sizes, Memo &memo) {
  if (!expr)
    return expr;
  if (auto *size = std::get_if<Expr::SizeValue>(&expr->node)) {
    Size resolved = sizes.resolve(size->size);
    return resolved == size->size ? expr : build::size(resolved, expr->range);
  }
  auto [place, added] = memo.try_emplace(expr.get());
  if (!added)
    return place->second;
  ExprPtr result = mapChildren(expr, [&](ExprPtr const &child) { return resolveIn(child, sizes, memo); });
  memo[expr.get()] = result;
  return result;
}

} // namespace

void collectReads(ExprPtr const &expr, std::vector<Expr const *> &reads) {
  std::unordered_set<Expr const *> seen;
  walk(expr, seen, [&](ExprPtr const &node) {
    if (std::holds_alternative<Expr::Read>(node->node))
      reads.push_back(node.get());
  });
}

std::optional<int64_t> shiftFrom(ExprPtr const &expr, IndexId index) {
  if (auto *plain = std::get_if<Expr::IndexValue>(&expr->node))
    return plain->index == index ? std::optional<int64_t>(0) : std::nullopt;
  auto *binary = std::get_if<Expr::Binary>(&expr->node);
  if (!binary || (binary->op != BinaryOp::Add && binary->op != BinaryOp::Subtract))
    return std::nullopt;
  auto constant = constantInt(binary->right);
  auto base = constant ? shiftFrom(binary->left, index) : std::nullopt;
  if (base)
    return binary->op == BinaryOp::Add ? *base + *constant : *base - *constant;
  constant = binary->op == BinaryOp::Add ? constantInt(binary->left) : std::nullopt;
  base = constant ? shiftFrom(binary->right, index) : std::nullopt;
  return base ? std::optional(*base + *constant) : std::nullopt;
}

/// Whether the size is not known and no index has been reported for that.
bool Scheduler::isNewUnknown(Size const &size) {
  if (e.sizes.isKnown(size))
    return false;
  allKnown = false;
  bool isNew = false;
  for (Size::Term const &term : e.sizes.resolve(size).terms)
    isNew |= term.dim >= program.dims.size() && unknowns.insert(term.dim).second;
  return isNew;
}

bool Scheduler::checkRanges(ExprPtr const &expr, Emitted const &owner) {
  bool ok = true;
  std::unordered_set<Expr const *> seen;
  walk(expr, seen, [&](ExprPtr const &node) {
    auto *reduce = std::get_if<Expr::Reduce>(&node->node);
    if (!reduce)
      return;
    for (IndexId id : reduce->indices)
      if (ok && isNewUnknown(program.indices[id].size)) {
        e.error(Code::H0401, node->range,
                fmt::format("index '{}' has no range: it subscripts no axis directly", program.indices[id].name),
                std::nullopt, owner.instance);
        ok = false;
      }
  });
  return ok;
}

bool Scheduler::resolveSizes() {
  for (IndexVariable &index : program.indices)
    index.size = e.sizes.resolve(index.size);
  for (heed::Tensor &tensor : program.tensors)
    for (Size &size : tensor.shape)
      size = e.sizes.resolve(size);
  for (Emitted &item : e.emitted) {
    Memo memo;
    item.definition.value = resolveIn(item.definition.value, e.sizes, memo);
    item.definition.domain = resolveIn(item.definition.domain, e.sizes, memo);
    item.until = resolveIn(item.until, e.sizes, memo);
  }
  for (auto &[tensor, list] : e.starts)
    for (EmittedStart &item : list) {
      Memo memo;
      item.start.value = resolveIn(item.start.value, e.sizes, memo);
      item.position = e.sizes.resolve(item.position);
    }
  for (Emitted &item : e.emitted) {
    bool ok = true;
    for (IndexId id : item.definition.indices)
      if (ok && isNewUnknown(program.indices[id].size)) {
        e.error(Code::H0401, item.range,
                fmt::format("index '{}' has no range: it subscripts no axis directly", program.indices[id].name),
                Note{item.range, fmt::format("write its bound on the left side, as in {}[{} < n]",
                                             program.tensors[item.definition.tensor].name, program.indices[id].name)},
                item.instance);
        ok = false;
      }
    ok = ok && checkRanges(item.definition.value, item) && checkRanges(item.definition.domain, item);
  }
  return allKnown;
}

/// Every run-time size is one that an input shows, or the number of steps that `until` leaves.
void Scheduler::checkDims() {
  std::vector<bool> shown(program.dims.size()), used(program.dims.size());
  for (TensorId input : program.inputs)
    for (Size const &size : program.tensors[input].shape)
      if (size.terms.size() == 1)
        shown[size.terms.front().dim] = true;
  for (Emitted *item : definitions)
    for (Size const &size : program.tensors[item->definition.tensor].shape)
      for (Size::Term const &term : size.terms)
        used[term.dim] = true;
  for (size_t k = 0; k < program.dims.size(); ++k) {
    Dim &dim = program.dims[k];
    if (dim.fromUntil && shown[k])
      e.error(Code::H0505, dim.range,
              fmt::format("'until' sets the size '{}', but it is the size of an input", dim.name), std::nullopt,
              nullptr);
    if (!dim.fromUntil && !shown[k] && used[k])
      e.error(Code::H0609, dim.range,
              fmt::format("nothing sets the run-time size '{}': no input has it, and no 'until' ends it", dim.name),
              std::nullopt, nullptr);
  }
}

void Scheduler::reportCycle(std::vector<size_t> const &members) {
  // A shortest cycle through the first member, by breadth first search.
  size_t first = members.front();
  std::map<size_t, size_t> from;
  std::vector<size_t> queue = {first};
  for (size_t k = 0; k < queue.size(); ++k)
    for (Read const &read : reads[queue[k]])
      if (std::find(members.begin(), members.end(), read.target) != members.end() &&
          from.try_emplace(read.target, queue[k]).second)
        queue.push_back(read.target);
  std::string text = program.tensors[definitions[first]->definition.tensor].name;
  for (size_t node = from.contains(first) ? from.at(first) : first, steps = 0; node != first && steps < members.size();
       node = from.at(node), ++steps)
    text = program.tensors[definitions[node]->definition.tensor].name + " -> " + text;
  std::string name = program.tensors[definitions[first]->definition.tensor].name;
  e.error(Code::H0501, definitions[first]->range,
          fmt::format("'{}' depends on itself without an earlier index: {} -> {}", name, name, text), std::nullopt,
          definitions[first]->instance);
}

bool Scheduler::findTimeAxes(std::vector<size_t> const &members, std::map<size_t, int> &axes) {
  for (size_t k : members)
    if (auto list = e.starts.find(definitions[k]->definition.tensor); list != e.starts.end())
      axes[k] = int(list->second.front().axis);
  auto inside = [&](size_t k) { return std::find(members.begin(), members.end(), k) != members.end(); };
  for (size_t k : members)
    for (Read const &read : reads[k])
      for (size_t p = 0; axes.empty() && inside(read.target) && p < read.read->subscripts.size(); ++p)
        for (size_t a = 0; a < definitions[k]->definition.indices.size(); ++a)
          if (auto shift = shiftFrom(read.read->subscripts[p], definitions[k]->definition.indices[a]);
              shift && *shift != 0) {
            axes[k] = int(a);
            axes[read.target] = int(p);
          }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t k : members)
      for (Read const &read : reads[k]) {
        if (!inside(read.target))
          continue;
        auto &indices = definitions[k]->definition.indices;
        bool mine = axes.contains(k), theirs = axes.contains(read.target);
        if (mine && !theirs)
          for (size_t p = 0; p < read.read->subscripts.size() && !axes.contains(read.target); ++p)
            if (shiftFrom(read.read->subscripts[p], indices[size_t(axes[k])])) {
              axes[read.target] = int(p);
              changed = true;
            }
        if (!mine && theirs)
          for (size_t a = 0; a < indices.size() && !axes.contains(k); ++a)
            if (shiftFrom(read.read->subscripts[size_t(axes[read.target])], indices[a])) {
              axes[k] = int(a);
              changed = true;
            }
      }
  }
  return axes.size() == members.size();
}

bool Scheduler::orderMembers(std::vector<size_t> const &members, std::map<size_t, int> const &axes,
                             std::vector<size_t> &order, bool &backward) {
  std::map<size_t, size_t> position;
  for (size_t k = 0; k < members.size(); ++k)
    position[members[k]] = k;
  std::vector<std::vector<size_t>> edges(members.size());
  ast::Range earlier, later;
  for (size_t k : members)
    for (Read const &read : reads[k]) {
      if (!position.contains(read.target) || !read.ordered)
        continue;
      IndexId time = definitions[k]->definition.indices[size_t(axes.at(k))];
      auto shift = shiftFrom(read.read->subscripts[size_t(axes.at(read.target))], time);
      std::string name = program.tensors[definitions[read.target]->definition.tensor].name;
      if (!shift) {
        bool arithmetic = dependsOn(read.read->subscripts[size_t(axes.at(read.target))], time);
        if (arithmetic) {
          e.error(Code::H0506, read.range,
                  fmt::format("'{}' is read at a step that is not a constant distance from '{}'", name,
                              program.indices[time].name),
                  std::nullopt, definitions[k]->instance);
          return false;
        }
        e.error(Code::H0501, read.range,
                fmt::format("'{}' depends on itself, and is read here at other steps than an earlier one of '{}'", name,
                            program.indices[time].name),
                std::nullopt, definitions[k]->instance);
        return false;
      }
      if (*shift == 0)
        edges[position[k]].push_back(position[read.target]);
      if (*shift < 0)
        earlier = read.range;
      if (*shift > 0)
        later = read.range;
    }
  if (!earlier.empty() && !later.empty()) {
    e.error(Code::H0504, later, "this reads a later step",
            Note{earlier, "but this reads an earlier step of the same recurrence"},
            definitions[members.front()]->instance);
    return false;
  }
  backward = earlier.empty() && !later.empty();
  for (auto const &component : components(edges)) {
    bool self = std::find(edges[component.front()].begin(), edges[component.front()].end(), component.front()) !=
                edges[component.front()].end();
    if (component.size() > 1 || self) {
      std::vector<size_t> cycle;
      for (size_t k : component)
        cycle.push_back(members[k]);
      reportCycle(cycle);
      return false;
    }
    order.push_back(members[component.front()]);
  }
  return true;
}

void Scheduler::setUntil(Recurrence &recurrence, Emitted &member, IndexMap const &renaming) {
  if (!member.until)
    return;
  if (recurrence.until) {
    e.error(Code::H0505, member.until->range, "a recurrence has one 'until'",
            Note{recurrence.until->range, "the other is here"}, member.instance);
    return;
  }
  recurrence.until = substitute(member.until, renaming);
  Size const &length = recurrence.length;
  if (length.constant != 0 || length.terms.size() != 1 || length.terms.front().coefficient != 1) {
    e.error(Code::H0505, member.until->range,
            fmt::format("'until' needs a run-time size to set, but the recurrence has {} steps", e.sizes.print(length)),
            std::nullopt, member.instance);
    return;
  }
  recurrence.lengthDim = length.terms.front().dim;
  Dim &dim = program.dims[recurrence.lengthDim];
  dim.fromUntil = true;
  if (dim.maximum < 0)
    e.error(Code::H0505, member.until->range, fmt::format("the size '{}' that 'until' sets needs a bound", dim.name),
            Note{dim.range, fmt::format("write dim {} <= 64", dim.name)}, member.instance);
}

void Scheduler::makeRecurrence(std::vector<size_t> const &members) {
  std::map<size_t, int> axes;
  if (!findTimeAxes(members, axes))
    return reportCycle(members);
  std::vector<size_t> order;
  Recurrence recurrence;
  if (!orderMembers(members, axes, order, recurrence.backward))
    return;
  size_t first = order.back();
  for (size_t k : members)
    if (e.starts.contains(definitions[k]->definition.tensor))
      first = k;
  IndexId named = definitions[first]->definition.indices[size_t(axes[first])];
  recurrence.length = program.indices[named].size;
  program.indices.push_back({program.indices[named].name, recurrence.length});
  recurrence.step = IndexId(program.indices.size() - 1);
  for (size_t k : order) {
    Emitted &item = *definitions[k];
    Definition definition = item.definition;
    IndexId time = definition.indices[size_t(axes[k])];
    if (!(program.indices[time].size == recurrence.length)) {
      e.error(Code::H0402, item.range,
              fmt::format("'{}' has {} steps, but the definitions it depends on have {}",
                          program.tensors[definition.tensor].name, e.sizes.print(program.indices[time].size),
                          e.sizes.print(recurrence.length)),
              std::nullopt, item.instance);
      return;
    }
    IndexMap renaming = {{time, build::index(recurrence.step)}};
    definition.value = substitute(definition.value, renaming);
    definition.domain = substitute(definition.domain, renaming);
    definition.indices[size_t(axes[k])] = recurrence.step;
    definition.timeAxis = axes[k];
    setUntil(recurrence, item, renaming);
    recurrence.members.push_back(std::move(definition));
    auto list = e.starts.find(definition.tensor);
    if (list == e.starts.end())
      continue;
    for (EmittedStart &start : list->second) {
      std::string name = program.tensors[start.start.tensor].name;
      Size beyond = subtract(start.position, recurrence.length);
      bool before = start.position.isConstant() && start.position.constant < 0;
      bool after = beyond.isConstant() && beyond.constant >= 0;
      if (!(recurrence.backward ? after : before)) {
        e.error(Code::H0503, start.range,
                fmt::format("'{}' runs {}, so it starts at {}, not at position {}", name,
                            recurrence.backward ? "backward" : "forward",
                            recurrence.backward ? e.sizes.print(recurrence.length) : "-1",
                            e.sizes.print(start.position)),
                std::nullopt, start.instance);
        return;
      }
      start.start.offset = recurrence.backward ? beyond.constant : start.position.constant;
      for (Start const &other : recurrence.starts)
        if (other.tensor == start.start.tensor && other.offset == start.start.offset)
          e.error(Code::H0302, start.range,
                  fmt::format("the start of '{}' at {} is given twice", name, e.sizes.print(start.position)),
                  std::nullopt, start.instance);
      std::vector<Expr const *> startReads;
      collectReads(start.start.value, startReads);
      for (Expr const *read : startReads)
        for (size_t member : members)
          if (std::get<Expr::Read>(read->node).tensor == definitions[member]->definition.tensor) {
            e.error(Code::H0501, read->range, fmt::format("the start of '{}' reads the recurrence it starts", name),
                    std::nullopt, start.instance);
            return;
          }
      recurrence.starts.push_back(start.start);
    }
  }
  program.steps.push_back(std::move(recurrence));
}

void Scheduler::run() {
  if (!resolveSizes())
    return;
  std::vector<Emitted *> byTensor(program.tensors.size());
  origins.assign(program.tensors.size(), nullptr);
  for (Emitted &item : e.emitted) {
    byTensor[item.definition.tensor] = &item;
    origins[item.definition.tensor] = &item;
  }
  // What the outputs need, in the order of elaboration.
  std::vector<bool> live(program.tensors.size());
  std::vector<TensorId> work(program.outputs);
  for (Elaborator::Probe const &probe : e.probes)
    work.push_back(probe.tensor);
  std::vector<std::vector<std::pair<Expr const *, bool>>> readsOf(program.tensors.size());
  for (TensorId output : work)
    live[output] = true;
  while (!work.empty()) {
    TensorId tensor = work.back();
    work.pop_back();
    Emitted *item = byTensor[tensor];
    if (!item)
      continue;
    std::vector<Expr const *> ordered, unordered;
    collectReads(item->definition.value, ordered);
    collectReads(item->definition.domain, ordered);
    collectReads(item->until, unordered);
    if (auto list = e.starts.find(tensor); list != e.starts.end())
      for (EmittedStart const &start : list->second)
        collectReads(start.start.value, unordered);
    for (auto *list : {&ordered, &unordered})
      for (Expr const *read : *list) {
        readsOf[tensor].emplace_back(read, list == &ordered);
        TensorId other = std::get<Expr::Read>(read->node).tensor;
        if (!live[other]) {
          live[other] = true;
          work.push_back(other);
        }
      }
  }
  std::vector<size_t> position(program.tensors.size(), SIZE_MAX);
  for (Emitted &item : e.emitted)
    if (live[item.definition.tensor]) {
      position[item.definition.tensor] = definitions.size();
      definitions.push_back(&item);
    }
  reads.resize(definitions.size());
  std::vector<std::vector<size_t>> edges(definitions.size());
  for (size_t k = 0; k < definitions.size(); ++k) {
    for (auto &[expr, ordered] : readsOf[definitions[k]->definition.tensor]) {
      auto &read = std::get<Expr::Read>(expr->node);
      size_t target = position[read.tensor];
      if (target == SIZE_MAX)
        continue;
      reads[k].push_back({target, &read, expr->range, ordered});
      if (ordered || target != k) // an `until` that looks at its own step makes no recurrence
        edges[k].push_back(target);
      // What reads another step of a recurrence may meet its start, so it is computed with it.
      auto list = e.starts.find(read.tensor);
      if (list == e.starts.end() || !ordered)
        continue;
      for (IndexId index : definitions[k]->definition.indices)
        if (auto shift = shiftFrom(read.subscripts[list->second.front().axis], index);
            shift && *shift != 0 && target != k)
          edges[target].push_back(k);
    }
  }
  for (std::vector<size_t> const &component : components(edges)) {
    Emitted &item = *definitions[component.front()];
    bool self = std::find(edges[component.front()].begin(), edges[component.front()].end(), component.front()) !=
                edges[component.front()].end();
    if (component.size() > 1 || self) {
      makeRecurrence(component);
      continue;
    }
    if (item.until)
      e.error(Code::H0505, item.until->range,
              fmt::format("'until' ends a recurrence, but '{}' reads no earlier step",
                          program.tensors[item.definition.tensor].name),
              std::nullopt, item.instance);
    program.steps.push_back(item.definition);
  }
  checkDims();
}

} // namespace heed::elaborate
