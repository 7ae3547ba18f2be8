// Causality.cpp - a causal domain over keys that were mixed along the sequence.
//
// `where j <= i` promises that row i depends on positions up to i. The promise is about positions, so it is empty if
// position j of the keys is no position of the sequence: if every key depends on the whole sequence, and none on a
// place of it that has to do with j. For every tensor we follow, from the inputs on:
//   aligned(axis): the sequences along which an index of that axis is a position (a subscript of the sequence depends
//   on it, or the
//                  condition of a reduction along the sequence does);
//   mixed:         the sequences that every element depends on as a whole (a reduction along it whose condition relates
//   it to nothing).
//   crossed:       the sequences along which weights that are causal along another one were mixed, when they were
//   applied to values
//                  that are aligned with both: an element at a position of each sequence now depends on all of one.
// It is an error if, under a condition that bounds j by i, something aligned with a sequence at i meets something at j
// that is mixed along the same sequence and not aligned with it; or something that is crossed along it.
//
// A subscript of two indices (x[i * b + y]) splits a sequence into two, whose digits the indices are.

#include "compiler/check/Causality.h"
#include "compiler/check/LinearForms.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace heed::elaborate {

namespace {

/// A run-time size, or a constant size at an axis of the inputs; and which digit of a position, if it was split.
struct Sequence {
  std::string name;
  size_t axis = 0;
  std::string digit;

  friend auto operator<=>(Sequence const &, Sequence const &) = default;
  bool sameWhole(Sequence const &other) const { return name == other.name && axis == other.axis; }
};
using Sequences = std::set<Sequence>;

bool containsWhole(Sequences const &sequences, Sequence const &wanted) {
  return std::any_of(sequences.begin(), sequences.end(), [&](Sequence const &one) { return one.sameWhole(wanted); });
}

struct Flow {
  std::vector<Sequences> aligned;                // per axis
  std::map<Sequence, ast::Range> mixed, crossed; // and where
};

/// Indices of an enclosing reduction and those that its condition relates them to.
struct Relation {
  IndexId index;
  std::set<IndexId> related;
  ast::Range range;
};

class Causality {
public:
  Causality(Elaborator &elaborator, Scheduler const &scheduler)
      : e(elaborator), program(elaborator.program), scheduler(scheduler), flows(program.tensors.size()) {}

  void run() {
    for (size_t id = 0; id < program.tensors.size(); ++id) {
      heed::Tensor const &tensor = program.tensors[id];
      flows[id].aligned.resize(tensor.shape.size());
      if (tensor.kind != TensorKind::Input)
        continue;
      for (size_t axis = 0; axis < tensor.shape.size(); ++axis)
        flows[id].aligned[axis] = {sequenceOf(tensor.shape[axis], axis)};
    }
    for (Step const &step : program.steps) {
      if (auto *definition = std::get_if<Definition>(&step)) {
        follow(*definition);
        inspect(*definition);
        continue;
      }
      auto &recurrence = std::get<Recurrence>(step);
      for (int round = 0; round < 2; ++round)
        for (Definition const &member : recurrence.members)
          follow(member);
      for (Definition const &member : recurrence.members)
        inspect(member);
    }
  }

private:
  Elaborator &e;
  Program &program;
  Scheduler const &scheduler;
  std::vector<Flow> flows;

  Sequence sequenceOf(Size const &size, size_t axis) const {
    if (size.isConstant())
      return {std::to_string(size.constant), axis, ""};
    return {program.dims[size.terms.front().dim].name, SIZE_MAX, ""};
  }

  /// Calls f(read, relations) for every read; relations of the reductions around it. Each expression once per
  /// reduction.
  template <typename F>
  void forEachRead(ExprPtr const &expr, std::vector<Relation> &relations, std::set<Expr const *> &seen, F const &f) {
    if (!expr || !nodeOf(expr).reads || !seen.insert(expr.get()).second)
      return;
    if (auto *read = std::get_if<Expr::Read>(&expr->node))
      f(*read, expr->range, relations);
    if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node)) {
      for (IndexId id : reduce->indices) {
        Relation relation{id, {}, expr->range};
        std::vector<ExprPtr> parts;
        splitConjunction(reduce->domain, parts);
        for (ExprPtr const &part : parts)
          if (dependsOn(part, id))
            relation.related.insert(nodeOf(part).free.begin(), nodeOf(part).free.end());
        relation.related.erase(id);
        relations.push_back(std::move(relation));
      }
      std::set<Expr const *> inner;
      forEachRead(reduce->domain, relations, inner, f);
      forEachRead(reduce->body, relations, inner, f);
      relations.resize(relations.size() - reduce->indices.size());
      return;
    }
    mapChildren(expr, [&](ExprPtr const &child) {
      forEachRead(child, relations, seen, f);
      return child;
    });
  }

  /// The free indices of a subscript, and those to which reductions relate them.
  static std::set<IndexId> reach(ExprPtr const &subscript, std::vector<Relation> const &relations) {
    std::set<IndexId> result(nodeOf(subscript).free.begin(), nodeOf(subscript).free.end());
    for (size_t round = 0; round <= relations.size(); ++round)
      for (Relation const &relation : relations)
        if (result.contains(relation.index))
          result.insert(relation.related.begin(), relation.related.end());
    return result;
  }

  void follow(Definition const &definition) {
    Flow &flow = flows[definition.tensor];
    std::vector<Relation> relations;
    for (ExprPtr const &part : {definition.value, definition.domain}) {
      std::set<Expr const *> seen;
      forEachRead(
          part, relations, seen, [&](Expr::Read const &read, ast::Range range, std::vector<Relation> const &around) {
            Flow const source = flows[read.tensor];
            flow.mixed.insert(source.mixed.begin(), source.mixed.end());
            flow.crossed.insert(source.crossed.begin(), source.crossed.end());
            for (size_t axis = 0; axis < read.subscripts.size(); ++axis) {
              if (source.aligned[axis].empty())
                continue;
              std::set<IndexId> reached = reach(read.subscripts[axis], around);
              bool positioned = false;
              for (size_t own = 0; own < definition.indices.size(); ++own)
                if (reached.contains(definition.indices[own])) {
                  for (Sequence const &sequence : source.aligned[axis])
                    flow.aligned[own].insert(digitOf(sequence, read.subscripts[axis], definition.indices[own]));
                  positioned = true;
                }
              for (Relation const &relation : around)
                if (!positioned && dependsOn(read.subscripts[axis], relation.index)) {
                  for (Sequence const &sequence : source.aligned[axis])
                    flow.mixed.emplace(digitOf(sequence, read.subscripts[axis], relation.index), relation.range);
                }
            }
          });
    }
    forEachCondition(definition.value, definition.domain,
                     [&](ExprPtr const &condition, ExprPtr const &value) { cross(flow, condition, value); });
  }

  /// The sequence whose positions an index of a subscript counts: all of it, or the digit that the index is.
  static Sequence digitOf(Sequence sequence, ExprPtr const &subscript, IndexId index) {
    if (nodeOf(subscript).free.size() < 2 || !dependsOn(subscript, index))
      return sequence;
    std::map<IndexId, int64_t> coefficients;
    // Of a factor that is no constant we only know that it is there.
    std::string factor = linear(subscript, 1, coefficients) ? std::to_string(coefficients[index]) : "";
    if (factor.empty())
      factor = isTerm(subscript, index) ? "1" : "?";
    sequence.digit += "*" + factor;
    return sequence;
  }

  /// Calls f(condition, value under it) for the definition and for every reduction in it.
  template <typename F>
  void forEachCondition(ExprPtr const &value, ExprPtr const &domain, F const &f) {
    f(domain, value);
    std::set<Expr const *> seen;
    forEachReduction(value, seen, f);
  }
  template <typename F>
  void forEachReduction(ExprPtr const &expr, std::set<Expr const *> &seen, F const &f) {
    if (!expr || !nodeOf(expr).reduces || !seen.insert(expr.get()).second)
      return;
    if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node))
      f(reduce->domain, reduce->body);
    mapChildren(expr, [&](ExprPtr const &child) {
      forEachReduction(child, seen, f);
      return child;
    });
  }

  /// Calls f(i, j, what is aligned with i) for the pairs of a causal condition.
  template <typename F>
  void forEachCausalPair(ExprPtr const &condition, ExprPtr const &value, F const &f) {
    if (!condition)
      return;
    for (auto [i, j] : causalPairs(condition)) {
      Sequences rows;
      std::vector<Relation> relations;
      std::set<Expr const *> seen;
      forEachRead(value, relations, seen,
                  [&, i = i](Expr::Read const &read, ast::Range, std::vector<Relation> const &) {
                    for (size_t axis = 0; axis < read.subscripts.size(); ++axis)
                      if (dependsOn(read.subscripts[axis], i))
                        rows.insert(flows[read.tensor].aligned[axis].begin(), flows[read.tensor].aligned[axis].end());
                  });
      f(i, j, rows);
    }
  }

  /// Weights that are causal along one sequence and mixed along another, for values at a position of both.
  void cross(Flow &flow, ExprPtr const &condition, ExprPtr const &value) {
    forEachCausalPair(condition, value, [&](IndexId i, IndexId, Sequences const &rows) {
      Sequences positions;
      for (Sequences const &axis : flow.aligned)
        positions.insert(axis.begin(), axis.end());
      std::vector<Relation> relations;
      std::set<Expr const *> seen;
      forEachRead(value, relations, seen, [&](Expr::Read const &read, ast::Range, std::vector<Relation> const &) {
        Flow const &weights = flows[read.tensor];
        bool atRow = std::any_of(read.subscripts.begin(), read.subscripts.end(),
                                 [&](ExprPtr const &subscript) { return dependsOn(subscript, i); });
        for (auto &[sequence, place] : weights.mixed) {
          bool aligned = std::any_of(weights.aligned.begin(), weights.aligned.end(),
                                     [&](Sequences const &axis) { return axis.contains(sequence); });
          if (atRow && !aligned && !rows.contains(sequence) && positions.contains(sequence))
            flow.crossed.emplace(sequence, place);
        }
      });
    });
  }

  void inspect(Definition const &definition) {
    Emitted const *origin = scheduler.origins[definition.tensor];
    forEachCondition(definition.value, definition.domain,
                     [&](ExprPtr const &condition, ExprPtr const &value) { report(condition, value, origin); });
  }

  std::set<uint32_t> refused; // a domain is passed on to what reads the definition, but reported once

  void report(ExprPtr const &domain, ExprPtr const &value, Emitted const *origin) {
    if (!domain || refused.contains(domain->range.first))
      return;
    forEachCausalPair(domain, value, [&](IndexId i, IndexId j, Sequences const &rows) {
      std::string const &row = program.indices[i].name, &column = program.indices[j].name;
      std::vector<Relation> relations;
      std::set<Expr const *> seen;
      forEachRead(value, relations, seen, [&](Expr::Read const &read, ast::Range, std::vector<Relation> const &) {
        Flow const &flow = flows[read.tensor];
        std::string const &tensor = program.tensors[read.tensor].name;
        Sequences aligned;
        bool atKey = false;
        for (size_t axis = 0; axis < read.subscripts.size(); ++axis)
          if (dependsOn(read.subscripts[axis], j)) {
            atKey = true;
            aligned.insert(flow.aligned[axis].begin(), flow.aligned[axis].end());
          }
        if (!atKey || refused.contains(domain->range.first))
          return;
        for (auto &[sequence, place] : flow.mixed)
          if (containsWhole(rows, sequence) && !containsWhole(aligned, sequence))
            return refuse(
                domain, origin,
                fmt::format("'{}' is no position of the sequence '{}': every '{}[{}]' depends on all of it, so "
                            "bounding {} by {} hides nothing",
                            column, sequence.name, tensor, column, column, row),
                {place, fmt::format("'{}' is mixed along '{}' here", tensor, sequence.name)});
        for (auto &[sequence, place] : flow.crossed)
          if (rows.contains(sequence))
            return refuse(
                domain, origin,
                fmt::format("bounding {} by {} hides nothing: every '{}[{}]' depends on all of '{}', by weights "
                            "that are causal along another axis only",
                            column, row, tensor, column, sequence.name),
                {place, fmt::format("these weights are a sum along '{}'", sequence.name)});
      });
    });
  }

  void refuse(ExprPtr const &domain, Emitted const *origin, std::string const &text, Note note) {
    refused.insert(domain->range.first);
    e.error(Code::H0408, domain->range.empty() && origin ? origin->range : domain->range, text, std::move(note),
            origin ? origin->instance : nullptr);
  }
};

} // namespace

void checkCausality(Elaborator &elaborator, Scheduler const &scheduler) { Causality(elaborator, scheduler).run(); }

} // namespace heed::elaborate
