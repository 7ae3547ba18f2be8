// Domains.cpp - completes the domains of a scheduled program and proves that its reads are inside.

#include "compiler/check/Domains.h"
#include "compiler/check/Intervals.h"
#include "compiler/check/Prover.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_set>

namespace heed::elaborate {

namespace {

using Conditions = std::vector<ExprPtr>;

void addOnce(Conditions &list, ExprPtr const &condition) {
  if (constantBool(condition) == true)
    return;
  if (std::none_of(list.begin(), list.end(), [&](ExprPtr const &other) { return sameExpr(other, condition); }))
    list.push_back(condition);
}
ExprPtr negated(ExprPtr const &condition) { return build::unary(UnaryOp::Not, condition, condition->range); }

class DomainPass {
public:
  DomainPass(Elaborator &elaborator, Scheduler const &scheduler)
      : e(elaborator), program(elaborator.program), scheduler(scheduler), intervals(program),
        prover(
            program, [this](TensorId tensor) { return intervals.of(tensor); },
            [this](Expr::Read const &read) { return countAt(read); }),
        definitions(program.tensors.size()),
        firstStep(program.tensors.size(), 0) {}

  void run() {
    for (Step &step : program.steps)
      if (auto *definition = std::get_if<Definition>(&step))
        checkSizes(definition->tensor);
      else
        for (Definition const &member : std::get<Recurrence>(step).members)
          checkSizes(member.tensor);
    for (Step &step : program.steps) {
      if (auto *definition = std::get_if<Definition>(&step))
        complete(*definition);
      else
        completeRecurrence(std::get<Recurrence>(step));
    }
    for (TensorId output : program.outputs)
      checkDefinedEverywhere(output);
  }

private:
  Elaborator &e;
  Program &program;
  Scheduler const &scheduler;
  Intervals intervals;
  Prover prover;
  std::vector<Definition const *> definitions; // of the tensors that are complete so far
  std::vector<int64_t> firstStep;              // recurrence members: how many steps before the first may be read
  Recurrence const *recurrence = nullptr;      // that is being completed
  Instance const *instance = nullptr;
  std::unordered_map<Expr const *, Conditions> definedMemo;

  /// No axis has a negative size, whatever the inputs: a size like n - 2 asks for inputs that long.
  void checkSizes(TensorId tensor) {
    Emitted const *origin = scheduler.origins[tensor];
    for (Size const &size : program.tensors[tensor].shape) {
      if (size.isConstant())
        continue;
      ExprPtr condition = build::binary(BinaryOp::GreaterEqual, build::size(size), build::integer(0));
      if (!prover.holds(condition, {}) && !raiseMinimum(condition) && origin)
        e.error(Code::H0207, origin->range,
                fmt::format("the size {} of '{}' can be negative", e.sizes.print(size), nameOf(tensor)), std::nullopt,
                origin->instance);
    }
  }

  // ---- definedness

  /// The condition under which element `subscripts` of a tensor has a value, or null.
  ExprPtr domainAt(Expr::Read const &read, ExprPtr const &domain, Definition const &definition) {
    IndexMap map;
    for (size_t k = 0; k < definition.indices.size(); ++k)
      map[definition.indices[k]] = read.subscripts[k];
    ExprPtr condition = substitute(domain, map);
    if (recurrence && definition.timeAxis >= 0 && firstStep[read.tensor] > 0) {
      // Before the first step the starts are read, and these are defined.
      ExprPtr const &time = read.subscripts[size_t(definition.timeAxis)];
      bool member = std::any_of(recurrence->members.begin(), recurrence->members.end(),
                                [&](Definition const &m) { return m.tensor == read.tensor; });
      if (member && !std::holds_alternative<Expr::IndexValue>(time->node)) {
        ExprPtr before = recurrence->backward
                             ? build::binary(BinaryOp::GreaterEqual, time, build::size(recurrence->length))
                             : build::binary(BinaryOp::Less, time, build::integer(0));
        condition = build::binary(BinaryOp::Or, before, condition);
      }
    }
    return condition;
  }

  Conditions const &defined(ExprPtr const &expr) {
    static Conditions const none;
    if (!expr || !nodeOf(expr).reads)
      return none;
    auto [place, added] = definedMemo.try_emplace(expr.get());
    if (!added)
      return place->second;
    Conditions result;
    auto addAll = [&](ExprPtr const &child) {
      for (ExprPtr const &condition : defined(child))
        addOnce(result, condition);
    };
    if (auto *read = std::get_if<Expr::Read>(&expr->node)) {
      for (ExprPtr const &subscript : read->subscripts)
        addAll(subscript);
      if (Definition const *definition = definitions[read->tensor]; definition && definition->domain) {
        Conditions parts;
        splitConjunction(domainAt(*read, definition->domain, *definition), parts);
        for (ExprPtr const &part : parts)
          addOnce(result, part);
      }
    } else if (auto *unary = std::get_if<Expr::Unary>(&expr->node)) {
      addAll(unary->operand);
    } else if (auto *binary = std::get_if<Expr::Binary>(&expr->node)) {
      addAll(binary->left);
      if (binary->op == BinaryOp::And || binary->op == BinaryOp::Or) {
        ExprPtr decided = binary->op == BinaryOp::And ? negated(binary->left) : binary->left;
        for (ExprPtr const &condition : defined(binary->right))
          addOnce(result, build::binary(BinaryOp::Or, decided, condition));
      } else {
        addAll(binary->right);
      }
    } else if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
      addAll(select->condition);
      for (ExprPtr const &condition : defined(select->ifTrue))
        addOnce(result, build::binary(BinaryOp::Or, negated(select->condition), condition));
      for (ExprPtr const &condition : defined(select->ifFalse))
        addOnce(result, build::binary(BinaryOp::Or, select->condition, condition));
    } else if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node)) {
      if (reduce->kind == ReduceKind::TopK)
        addOnce(result, build::binary(BinaryOp::Less, reduce->rank, countOf(expr, *reduce), expr->range));
      if (nodeOf(expr).whole)
        for (ExprPtr const &condition : defined(reduce->body))
          if (!dependsOnAny(condition, reduce->indices))
            addOnce(result, condition);
    } // any other reduction is always defined
    return definedMemo[expr.get()] = std::move(result);
  }

  /// The count that an element holds if its definition is one: count[i] = sum[j](1 where j <= i).
  ExprPtr countAt(Expr::Read const &read) const {
    Definition const *definition = definitions[read.tensor];
    if (!definition || definition->domain || definition->timeAxis >= 0)
      return nullptr;
    auto *reduce = std::get_if<Expr::Reduce>(&definition->value->node);
    if (!reduce || reduce->kind != ReduceKind::Sum || constantInt(reduce->body) != 1)
      return nullptr;
    IndexMap map;
    for (size_t k = 0; k < definition->indices.size(); ++k)
      map[definition->indices[k]] = read.subscripts[k];
    return substitute(definition->value, map);
  }

  /// How many positions a selection chooses from.
  ExprPtr countOf(ExprPtr const &expr, Expr::Reduce const &reduce) {
    Conditions where;
    splitConjunction(reduce.domain, where);
    Conditions inside = closure(where, {reduce.body}, {});
    IndexId id = reduce.indices.front();
    if (inside.empty())
      return build::size(program.indices[id].size, expr->range);
    return build::reduce(ReduceKind::Sum, {id}, joinConjunction(inside), build::integer(1), expr->range);
  }

  /// `where` and the definedness of all that is evaluated under it, without what follows from the rest. Conditions on
  /// indices come first: they make the reads of the others safe.
  Conditions closure(Conditions const &where, std::vector<ExprPtr> const &evaluated, Conditions const &facts) {
    Conditions all;
    for (ExprPtr const &condition : where) {
      for (ExprPtr const &needed : defined(condition))
        addOnce(all, needed);
      addOnce(all, condition);
    }
    for (ExprPtr const &expr : evaluated)
      for (ExprPtr const &needed : defined(expr))
        addOnce(all, needed);
    std::stable_sort(all.begin(), all.end(),
                     [](ExprPtr const &a, ExprPtr const &b) { return nodeOf(a).reads < nodeOf(b).reads; });
    Conditions kept, context = facts;
    for (ExprPtr const &condition : all)
      if (!prover.holds(condition, context)) {
        kept.push_back(condition);
        context.push_back(condition);
      }
    return kept;
  }

  // ---- reads

  /// Facts that hold at a place, and what has been rewritten under them. What needs no more than the outer facts is
  /// shared there.
  struct Level {
    Level *outer = nullptr;
    Conditions facts;
    Memo memo;
    std::unordered_set<Expr const *> failed;
  };

  ExprPtr visit(ExprPtr const &expr, Level &level, bool silent) {
    if (!expr || (!nodeOf(expr).reads && !nodeOf(expr).reduces))
      return expr;
    if (auto known = level.memo.find(expr.get()); known != level.memo.end())
      return known->second;
    if (level.outer)
      if (ExprPtr shared = visit(expr, *level.outer, true))
        return shared;
    if (silent && level.failed.contains(expr.get()))
      return nullptr;
    ExprPtr result = visitHere(expr, level, silent);
    if (result)
      level.memo[expr.get()] = result;
    else
      level.failed.insert(expr.get());
    return result;
  }

  ExprPtr visitUnder(ExprPtr const &expr, ExprPtr const &condition, Level &level, bool silent) {
    if (ExprPtr shared = visit(expr, level, true))
      return shared;
    Level inner;
    inner.outer = &level;
    inner.facts = level.facts;
    splitConjunction(condition, inner.facts);
    return visit(expr, inner, silent);
  }

  ExprPtr visitHere(ExprPtr const &expr, Level &level, bool silent) {
    if (auto *read = std::get_if<Expr::Read>(&expr->node))
      return visitRead(expr, *read, level, silent);
    if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node))
      return visitReduce(expr, *reduce, level, silent);
    if (auto *binary = std::get_if<Expr::Binary>(&expr->node);
        binary && (binary->op == BinaryOp::And || binary->op == BinaryOp::Or)) {
      ExprPtr left = visit(binary->left, level, silent);
      ExprPtr right =
          left ? visitUnder(binary->right, binary->op == BinaryOp::And ? binary->left : negated(binary->left), level,
                            silent)
               : nullptr;
      return right ? build::binary(binary->op, left, right, expr->range) : nullptr;
    }
    if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
      ExprPtr condition = visit(select->condition, level, silent);
      ExprPtr ifTrue = condition ? visitUnder(select->ifTrue, select->condition, level, silent) : nullptr;
      ExprPtr ifFalse = ifTrue ? visitUnder(select->ifFalse, negated(select->condition), level, silent) : nullptr;
      return ifFalse ? build::select(condition, ifTrue, ifFalse, expr->range) : nullptr;
    }
    bool ok = true;
    ExprPtr result = mapChildren(expr, [&](ExprPtr const &child) {
      ExprPtr visited = ok ? visit(child, level, silent) : nullptr;
      ok &= visited != nullptr;
      return visited ? visited : child;
    });
    return ok ? result : nullptr;
  }

  ExprPtr visitReduce(ExprPtr const &expr, Expr::Reduce const &reduce, Level &level, bool silent) {
    Conditions where;
    splitConjunction(reduce.domain, where);
    ExprPtr const &guard = nodeOf(expr).guard;
    Conditions conditions = closure(where, {reduce.body, guard}, level.facts);
    if (guard && conditions.empty()) { // a count of everything
      ExprPtr count = build::integer(1);
      for (IndexId id : reduce.indices)
        count = build::binary(BinaryOp::Multiply, count, build::size(program.indices[id].size), expr->range);
      return count;
    }
    Conditions visited;
    if (!visitConditions(conditions, level, visited, silent))
      return nullptr;
    Level inner;
    inner.outer = &level;
    inner.facts = level.facts;
    inner.facts.insert(inner.facts.end(), conditions.begin(), conditions.end());
    ExprPtr body = visit(reduce.body, inner, silent);
    if (!body)
      return nullptr;
    return build::reduce(reduce, joinConjunction(visited), body, expr->range);
  }

  /// Each condition is evaluated under those before it.
  bool visitConditions(Conditions const &conditions, Level &level, Conditions &visited, bool silent) {
    Level inner;
    inner.outer = &level;
    inner.facts = level.facts;
    for (ExprPtr const &condition : conditions) {
      ExprPtr result = visit(condition, inner, silent);
      if (!result)
        return false;
      visited.push_back(result);
      inner.facts.push_back(condition);
      inner.memo.clear();
      inner.failed.clear();
    }
    return true;
  }

  static bool dependsOnData(ExprPtr const &expr) {
    Node const &node = nodeOf(expr);
    if (node.reads || node.reduces)
      return true;
    if (auto *unary = std::get_if<Expr::Unary>(&expr->node))
      return (unary->op == UnaryOp::ToInt && unary->operand->type == Scalar::Real) || dependsOnData(unary->operand);
    if (auto *binary = std::get_if<Expr::Binary>(&expr->node))
      return dependsOnData(binary->left) || dependsOnData(binary->right);
    if (auto *select = std::get_if<Expr::Select>(&expr->node))
      return dependsOnData(select->condition) || dependsOnData(select->ifTrue) || dependsOnData(select->ifFalse);
    return false;
  }

  ExprPtr visitRead(ExprPtr const &expr, Expr::Read const &read, Level &level, bool silent) {
    std::vector<ExprPtr> subscripts;
    for (ExprPtr const &subscript : read.subscripts) {
      subscripts.push_back(visit(subscript, level, silent));
      if (!subscripts.back())
        return nullptr;
    }
    heed::Tensor const &tensor = program.tensors[read.tensor];
    bool checked = false;
    for (size_t axis = 0; axis < read.subscripts.size(); ++axis) {
      ExprPtr const &subscript = read.subscripts[axis];
      Size const &size = tensor.shape[axis];
      if (auto *index = std::get_if<Expr::IndexValue>(&subscript->node);
          index && program.indices[index->index].size == size)
        continue;
      ExprPtr first = build::integer(0), end = build::size(size);
      Definition const *definition = definitions[read.tensor];
      bool member = recurrence && definition && definition->timeAxis == int(axis) && isMember(read.tensor);
      if (member && !recurrence->backward)
        first = build::integer(-firstStep[read.tensor]);
      if (member && recurrence->backward)
        end = build::size(add(size, Size{firstStep[read.tensor], {}}));
      ExprPtr low = build::binary(BinaryOp::GreaterEqual, subscript, first),
              high = build::binary(BinaryOp::Less, subscript, end);
      bool lowHolds = prover.holds(low, level.facts), highHolds = prover.holds(high, level.facts);
      if (lowHolds && highHolds)
        continue;
      if (silent)
        return nullptr;
      if (dependsOnData(subscript)) {
        checked = true;
        continue;
      }
      if (!member && raiseMinimum(low) && raiseMinimum(high))
        continue;
      reportRead(expr, read.tensor, axis, subscript, lowHolds ? high : low, !lowHolds, member, level);
      return expr;
    }
    return build::read(read.tensor, std::move(subscripts), expr->type, expr->range, checked);
  }

  bool isMember(TensorId tensor) const {
    return std::any_of(recurrence->members.begin(), recurrence->members.end(),
                       [&](Definition const &m) { return m.tensor == tensor; });
  }

  /// Makes a condition on sizes alone hold by asking for longer inputs.
  bool raiseMinimum(ExprPtr const &condition) {
    if (constantBool(condition) == true)
      return true;
    auto *binary = std::get_if<Expr::Binary>(&condition->node);
    if (!binary || !nodeOf(condition).free.empty())
      return false;
    auto sizeOf = [](ExprPtr const &expr) -> std::optional<Size> {
      if (auto *constant = std::get_if<Expr::IntConstant>(&expr->node))
        return Size{constant->value, {}};
      if (auto *value = std::get_if<Expr::SizeValue>(&expr->node))
        return value->size;
      return std::nullopt;
    };
    auto left = sizeOf(binary->left), right = sizeOf(binary->right);
    if (!left || !right)
      return false;
    // needed >= 0
    Size needed =
        binary->op == BinaryOp::GreaterEqual ? subtract(*left, *right) : subtract(subtract(*right, *left), Size{1, {}});
    if (needed.terms.size() != 1 || needed.terms.front().coefficient <= 0)
      return needed.isConstant() && needed.constant >= 0;
    Dim &dim = program.dims[needed.terms.front().dim];
    int64_t minimum = -floorDivide(needed.constant, needed.terms.front().coefficient);
    if (dim.fromUntil || (dim.maximum >= 0 && minimum > dim.maximum))
      return false;
    dim.minimum = std::max(dim.minimum, minimum);
    return true;
  }

  std::string nameOf(TensorId tensor) const { return program.tensors[tensor].name; }

  void reportRead(ExprPtr const &expr, TensorId tensor, size_t axis, ExprPtr const &subscript, ExprPtr const &condition,
                  bool low, bool member, Level const &level) {
    Size const &size = program.tensors[tensor].shape[axis];
    ast::Range range = subscript->range.empty() ? expr->range : expr->range;
    std::string text = e.textOf(subscript->range);
    if (text.empty())
      text = "the subscript";
    bool startMissing = member && low != recurrence->backward;
    int64_t there = 0;
    auto witness = findWitness(program, condition, level.facts, subscript, &there);
    std::string position = e.sizes.print(size);
    if (startMissing) {
      std::string first = recurrence->backward ? position : "-1";
      e.error(Code::H0502, range,
              witness ? fmt::format("the first step reads '{}' at position {}, which nothing defines", nameOf(tensor),
                                    there)
                      : fmt::format("'{}' is read before its first step, where nothing defines it", nameOf(tensor)),
              Note{program.tensors[tensor].range,
                   fmt::format("give its value before the first step: {}[{}] = ...", nameOf(tensor), first)},
              instance);
      return;
    }
    std::string remedy = low ? fmt::format("exclude it, as in ... where {} >= 0", text)
                             : fmt::format("exclude it, as in ... where {} < {}", text, position);
    e.error(Code::H0405, range,
            witness ? fmt::format("'{}' is read at position {} of an axis of {} elements{}", nameOf(tensor), there,
                                  position, witness->empty() ? std::string() : ", for " + *witness)
                    : fmt::format("cannot prove that {} {} in '{}', whose axis {} has {} elements", text,
                                  low ? ">= 0" : "< " + position, nameOf(tensor), axis, position),
            Note{subscript->range.empty() ? range : subscript->range, remedy}, instance);
  }

  // ---- definitions

  void complete(Definition &definition) {
    definedMemo.clear();
    Emitted const *origin = scheduler.origins[definition.tensor];
    instance = origin ? origin->instance : nullptr;
    Conditions where;
    splitConjunction(definition.domain, where);
    Conditions conditions = closure(where, {definition.value}, {});
    if (conditions.size() > where.size() && !prover.contradictory(where) && prover.contradictory(conditions)) {
      e.error(Code::H0407, origin ? origin->range : definition.value->range,
              fmt::format("'{}' is defined nowhere: what it reads has no value where it is read",
                          nameOf(definition.tensor)),
              std::nullopt, instance);
      return;
    }
    rewrite(definition, conditions);
    definitions[definition.tensor] = &definition;
  }

  void rewrite(Definition &definition, Conditions const &conditions) {
    Level outermost, level;
    Conditions visited;
    visitConditions(conditions, outermost, visited, false);
    level.facts = conditions;
    definition.value = visit(definition.value, level, false);
    definition.domain = joinConjunction(visited);
  }

  /// The domains of members depend on each other: from "everywhere", shrink until nothing changes.
  void completeRecurrence(Recurrence &r) {
    recurrence = &r;
    std::map<TensorId, std::set<int64_t>> offsets;
    for (Start const &start : r.starts)
      offsets[start.tensor].insert(start.offset);
    for (auto &[tensor, set] : offsets) {
      int64_t depth = 0;
      while (set.contains(r.backward ? depth : -1 - depth))
        ++depth;
      firstStep[tensor] = depth;
    }
    for (Start &start : r.starts)
      completeStart(start);
    std::vector<ExprPtr> wheres;
    for (Definition &member : r.members) {
      wheres.push_back(member.domain);
      member.domain = nullptr;
      definitions[member.tensor] = &member;
    }
    std::vector<Conditions> conditions(r.members.size());
    bool stable = false;
    for (unsigned round = 0; !stable && round < 6; ++round) {
      stable = true;
      for (size_t k = 0; k < r.members.size(); ++k) {
        definedMemo.clear();
        Conditions where;
        splitConjunction(wheres[k], where);
        conditions[k] = closure(where, {r.members[k].value}, {});
        ExprPtr domain = joinConjunction(conditions[k]);
        stable &=
            domain && r.members[k].domain ? sameExpr(domain, r.members[k].domain) : !domain && !r.members[k].domain;
        r.members[k].domain = domain;
      }
    }
    for (size_t k = 0; k < r.members.size(); ++k) {
      Emitted const *origin = scheduler.origins[r.members[k].tensor];
      instance = origin ? origin->instance : nullptr;
      Conditions where;
      splitConjunction(wheres[k], where);
      if (!stable || (conditions[k].size() > where.size() && !prover.contradictory(where) &&
                      prover.contradictory(conditions[k]))) {
        e.error(
            Code::H0502, origin->range,
            fmt::format("'{}' has no first step that is defined", nameOf(r.members[k].tensor)),
            Note{origin->range, fmt::format("give its value before the first step: {}[{}] = ...",
                                            nameOf(r.members[k].tensor), r.backward ? e.sizes.print(r.length) : "-1")},
            instance);
        recurrence = nullptr;
        return;
      }
    }
    for (size_t k = 0; k < r.members.size(); ++k) {
      Emitted const *origin = scheduler.origins[r.members[k].tensor];
      instance = origin ? origin->instance : nullptr;
      definedMemo.clear();
      rewrite(r.members[k], conditions[k]);
    }
    if (r.until) {
      definedMemo.clear();
      Level level;
      Conditions needed = closure({}, {r.until}, {}), visited;
      visitConditions(needed, level, visited, false);
      Level inner;
      inner.outer = &level;
      inner.facts = needed;
      r.until = build::both(joinConjunction(visited), visit(r.until, inner, false));
    }
    recurrence = nullptr;
  }

  void completeStart(Start &start) {
    definedMemo.clear();
    Emitted const *origin = scheduler.origins[start.tensor];
    instance = origin ? origin->instance : nullptr;
    for (ExprPtr const &condition : closure({}, {start.value}, {})) {
      e.error(Code::H0406, start.value->range,
              fmt::format("the start of '{}' reads what is not defined everywhere", nameOf(start.tensor)),
              Note{condition->range, "it has no value outside this condition"}, instance);
      return;
    }
    Level level;
    start.value = visit(start.value, level, false);
  }

  void checkDefinedEverywhere(TensorId output) {
    Definition const *definition = definitions[output];
    if (!definition || !definition->domain)
      return;
    Emitted const *origin = scheduler.origins[output];
    auto witness = findWitness(program, definition->domain, {});
    Conditions parts;
    splitConjunction(definition->domain, parts);
    e.error(Code::H0406, program.tensors[output].range,
            witness
                ? fmt::format("result '{}' is not defined everywhere: it has no value at {}", nameOf(output), *witness)
                : fmt::format("cannot prove that result '{}' is defined everywhere", nameOf(output)),
            Note{parts.front()->range.empty() && origin ? origin->range : parts.front()->range,
                 "it is defined only under this condition"},
            nullptr);
  }
};

} // namespace

void completeDomains(Elaborator &elaborator, Scheduler const &scheduler) { DomainPass(elaborator, scheduler).run(); }

} // namespace heed::elaborate
