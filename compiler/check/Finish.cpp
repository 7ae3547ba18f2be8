// Finish.cpp - the last touches: unused tensors dropped, every binder with its own index variables, everything numbered
// anew.

#include "compiler/check/Finish.h"
#include "compiler/check/Build.h"

#include <algorithm>
#include <unordered_map>

namespace heed::elaborate {

namespace {

class Renumbering {
public:
  explicit Renumbering(Program &program) : old(std::move(program)), program(program) {
    program = Program();
    program.name = old.name;
    program.dims = old.dims;
    tensorIds.assign(old.tensors.size(), UINT32_MAX);
  }

  void run() {
    for (TensorId input : old.inputs)
      program.inputs.push_back(tensor(input));
    std::vector<bool> read(old.tensors.size());
    for (Step &step : old.steps)
      forEachExpr(step, [&](ExprPtr const &expr) { markReads(expr, read); });
    for (TensorId param : old.params)
      if (read[param])
        program.params.push_back(tensor(param));
    for (Step &step : old.steps)
      std::visit([&](auto &s) { program.steps.push_back(convert(s)); }, step);
    for (TensorId output : old.outputs)
      program.outputs.push_back(tensor(output));
  }

private:
  Program old;
  Program &program;
  std::vector<TensorId> tensorIds;
  std::unordered_map<Expr const *, bool> marked;

  /// What index variables are called in the place being rewritten; a memo per place, since the same expression may
  /// stand in several.
  struct Place {
    Place *outer;
    std::vector<std::pair<IndexId, IndexId>> names;
    std::unordered_map<Expr const *, ExprPtr> memo;
  };

  template <typename F>
  void forEachExpr(Step &step, F const &f) {
    auto definition = [&](Definition &d) {
      f(d.value);
      f(d.domain);
    };
    if (auto *d = std::get_if<Definition>(&step))
      return definition(*d);
    auto &recurrence = std::get<Recurrence>(step);
    for (Start &start : recurrence.starts)
      f(start.value);
    for (Definition &d : recurrence.members)
      definition(d);
    f(recurrence.until);
  }

  void markReads(ExprPtr const &expr, std::vector<bool> &read) {
    if (!expr || !marked.try_emplace(expr.get(), true).second)
      return;
    if (auto *r = std::get_if<Expr::Read>(&expr->node))
      read[r->tensor] = true;
    mapChildren(expr, [&](ExprPtr const &child) {
      markReads(child, read);
      return child;
    });
  }

  TensorId tensor(TensorId id) {
    if (tensorIds[id] == UINT32_MAX) {
      tensorIds[id] = TensorId(program.tensors.size());
      program.tensors.push_back(old.tensors[id]);
    }
    return tensorIds[id];
  }

  IndexId index(IndexId id, Place &place) {
    IndexVariable variable = old.indices[id];
    program.indices.push_back(variable);
    place.names.emplace_back(id, IndexId(program.indices.size() - 1));
    return place.names.back().second;
  }

  /// The outermost place that binds none of the free indices further in: there the rewritten expression can be shared.
  ExprPtr rewrite(ExprPtr const &expr, Place &place) {
    if (!expr)
      return expr;
    Place *home = &place;
    while (home->outer && std::none_of(home->names.begin(), home->names.end(),
                                       [&](auto &name) { return dependsOn(expr, name.first); }))
      home = home->outer;
    if (auto known = home->memo.find(expr.get()); known != home->memo.end())
      return known->second;
    ExprPtr result = rewriteNew(expr, *home);
    home->memo[expr.get()] = result;
    return result;
  }

  ExprPtr rewriteNew(ExprPtr const &expr, Place &place) {
    if (auto *value = std::get_if<Expr::IndexValue>(&expr->node)) {
      for (Place *p = &place; p; p = p->outer)
        for (auto name = p->names.rbegin(); name != p->names.rend(); ++name)
          if (name->first == value->index)
            return build::index(name->second, expr->range);
      return expr;
    }
    if (auto *read = std::get_if<Expr::Read>(&expr->node)) {
      std::vector<ExprPtr> subscripts;
      for (ExprPtr const &subscript : read->subscripts)
        subscripts.push_back(rewrite(subscript, place));
      return build::read(tensor(read->tensor), std::move(subscripts), expr->type, expr->range, read->checked);
    }
    if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node)) {
      Place inner{&place, {}, {}};
      std::vector<IndexId> indices;
      for (IndexId id : reduce->indices)
        indices.push_back(index(id, inner));
      Expr::Reduce renamed = *reduce;
      renamed.indices = indices;
      renamed.rank = rewrite(reduce->rank, place);
      return build::reduce(renamed, rewrite(reduce->domain, inner), rewrite(reduce->body, inner), expr->range);
    }
    return mapChildren(expr, [&](ExprPtr const &child) { return rewrite(child, place); });
  }

  Definition convert(Definition &definition) {
    Place place{nullptr, {}, {}};
    Definition result = definition;
    for (IndexId &id : result.indices)
      id = index(id, place);
    result.tensor = tensor(definition.tensor);
    result.domain = rewrite(definition.domain, place);
    result.value = rewrite(definition.value, place);
    return result;
  }

  Recurrence convert(Recurrence &recurrence) {
    Recurrence result;
    Place outer{nullptr, {}, {}};
    result.length = recurrence.length;
    result.backward = recurrence.backward;
    result.lengthDim = recurrence.lengthDim;
    result.step = index(recurrence.step, outer);
    for (Start const &start : recurrence.starts) {
      Place place{nullptr, {}, {}};
      Start converted = start;
      for (IndexId &id : converted.indices)
        id = index(id, place);
      converted.tensor = tensor(start.tensor);
      converted.value = rewrite(start.value, place);
      result.starts.push_back(std::move(converted));
    }
    for (Definition &member : recurrence.members)
      result.members.push_back(convertMember(member, outer, recurrence.step));
    result.until = rewrite(recurrence.until, outer);
    return result;
  }

  Definition convertMember(Definition &member, Place &outer, IndexId step) {
    Place place{&outer, {}, {}};
    Definition result = member;
    for (IndexId &id : result.indices)
      id = id == step ? outer.names.front().second : index(id, place);
    result.tensor = tensor(member.tensor);
    result.domain = rewrite(member.domain, place);
    result.value = rewrite(member.value, place);
    return result;
  }
};

} // namespace

void finish(Program &program) { Renumbering(program).run(); }

} // namespace heed::elaborate
