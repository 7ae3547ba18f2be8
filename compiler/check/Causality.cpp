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
// It is an error if, under a condition that bounds j by i, something aligned with a sequence at i meets something at j
// that is mixed along the same sequence and not aligned with it.

#include "compiler/check/Causality.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace heed::elaborate {

namespace {

/// A sequence: a run-time size, or a constant size at an axis of the inputs.
using Sequence = std::pair<std::string, size_t>;
using Sequences = std::set<Sequence>;

struct Flow {
  std::vector<Sequences> aligned;       // per axis
  std::map<Sequence, ast::Range> mixed; // and where
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
      return {std::to_string(size.constant), axis};
    return {program.dims[size.terms.front().dim].name, SIZE_MAX};
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
      forEachRead(part, relations, seen,
                  [&](Expr::Read const &read, ast::Range range, std::vector<Relation> const &around) {
                    Flow const source = flows[read.tensor];
                    flow.mixed.insert(source.mixed.begin(), source.mixed.end());
                    for (size_t axis = 0; axis < read.subscripts.size(); ++axis) {
                      if (source.aligned[axis].empty())
                        continue;
                      std::set<IndexId> reached = reach(read.subscripts[axis], around);
                      bool positioned = false;
                      for (size_t own = 0; own < definition.indices.size(); ++own)
                        if (reached.contains(definition.indices[own])) {
                          flow.aligned[own].insert(source.aligned[axis].begin(), source.aligned[axis].end());
                          positioned = true;
                        }
                      for (Relation const &relation : around)
                        if (!positioned && dependsOn(read.subscripts[axis], relation.index)) {
                          for (Sequence const &sequence : source.aligned[axis])
                            flow.mixed.emplace(sequence, relation.range);
                        }
                    }
                  });
    }
  }

  /// The pairs (i, j) for which a condition says that j is at most i, up to a constant.
  static std::vector<std::pair<IndexId, IndexId>> causalPairs(ExprPtr const &condition) {
    std::vector<std::pair<IndexId, IndexId>> pairs;
    std::vector<ExprPtr> parts;
    splitConjunction(condition, parts);
    for (ExprPtr const &part : parts) {
      auto *binary = std::get_if<Expr::Binary>(&part->node);
      if (!binary || binary->left->type != Scalar::Int)
        continue;
      bool less = binary->op == BinaryOp::Less || binary->op == BinaryOp::LessEqual;
      if (!less && binary->op != BinaryOp::Greater && binary->op != BinaryOp::GreaterEqual)
        continue;
      std::map<IndexId, int64_t> coefficients;
      if (!linear(binary->left, less ? 1 : -1, coefficients) || !linear(binary->right, less ? -1 : 1, coefficients))
        continue;
      for (auto &[j, a] : coefficients) // a j - b i <= ...
        for (auto &[i, b] : coefficients)
          if (a > 0 && b < 0)
            pairs.emplace_back(i, j);
    }
    return pairs;
  }

  static bool linear(ExprPtr const &expr, int64_t factor, std::map<IndexId, int64_t> &coefficients) {
    if (nodeOf(expr).free.empty())
      return true;
    if (auto *index = std::get_if<Expr::IndexValue>(&expr->node)) {
      coefficients[index->index] += factor;
      return true;
    }
    auto *binary = std::get_if<Expr::Binary>(&expr->node);
    if (!binary)
      return false;
    if (binary->op == BinaryOp::Add)
      return linear(binary->left, factor, coefficients) && linear(binary->right, factor, coefficients);
    if (binary->op == BinaryOp::Subtract)
      return linear(binary->left, factor, coefficients) && linear(binary->right, -factor, coefficients);
    if (binary->op == BinaryOp::Multiply)
      if (auto constant = constantInt(binary->right); constant && std::abs(*constant) < 1'000'000)
        return linear(binary->left, factor * *constant, coefficients);
    return false;
  }

  void inspect(Definition const &definition) {
    Emitted const *origin = scheduler.origins[definition.tensor];
    report(definition.domain, definition.value, origin);
    std::set<Expr const *> seen;
    inspectReductions(definition.value, seen, origin);
  }

  void inspectReductions(ExprPtr const &expr, std::set<Expr const *> &seen, Emitted const *origin) {
    if (!expr || !nodeOf(expr).reduces || !seen.insert(expr.get()).second)
      return;
    if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node))
      report(reduce->domain, reduce->body, origin);
    mapChildren(expr, [&](ExprPtr const &child) {
      inspectReductions(child, seen, origin);
      return child;
    });
  }

  std::set<uint32_t> refused; // a domain is passed on to what reads the definition, but reported once

  void report(ExprPtr const &domain, ExprPtr const &value, Emitted const *origin) {
    if (!domain || refused.contains(domain->range.first))
      return;
    for (auto [i, j] : causalPairs(domain)) {
      Sequences rows;
      struct Key {
        TensorId tensor;
        std::map<Sequence, ast::Range> mixed;
        Sequences aligned;
      };
      std::vector<Key> keys;
      std::vector<Relation> relations;
      std::set<Expr const *> seen;
      forEachRead(value, relations, seen,
                  [&, i = i, j = j](Expr::Read const &read, ast::Range, std::vector<Relation> const &) {
                    Flow const &flow = flows[read.tensor];
                    Key key{read.tensor, flow.mixed, {}};
                    bool atKey = false;
                    for (size_t axis = 0; axis < read.subscripts.size(); ++axis) {
                      if (dependsOn(read.subscripts[axis], i))
                        rows.insert(flow.aligned[axis].begin(), flow.aligned[axis].end());
                      if (dependsOn(read.subscripts[axis], j)) {
                        atKey = true;
                        key.aligned.insert(flow.aligned[axis].begin(), flow.aligned[axis].end());
                      }
                    }
                    if (atKey)
                      keys.push_back(std::move(key));
                  });
      for (Key const &key : keys)
        for (auto &[sequence, place] : key.mixed) {
          if (!rows.contains(sequence) || key.aligned.contains(sequence))
            continue;
          std::string const &row = program.indices[i].name, &column = program.indices[j].name,
                            &tensor = program.tensors[key.tensor].name;
          refused.insert(domain->range.first);
          e.error(Code::H0408, domain->range.empty() && origin ? origin->range : domain->range,
                  fmt::format("'{}' is no position of the sequence '{}': every '{}[{}]' depends on all of it, so "
                              "bounding {} by {} hides nothing",
                              column, sequence.first, tensor, column, column, row),
                  Note{place, fmt::format("'{}' is mixed along '{}' here", tensor, sequence.first)},
                  origin ? origin->instance : nullptr);
          return;
        }
    }
  }
};

} // namespace

void checkCausality(Elaborator &elaborator, Scheduler const &scheduler) { Causality(elaborator, scheduler).run(); }

} // namespace heed::elaborate
