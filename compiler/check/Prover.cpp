// Prover.cpp - proofs about indices and sizes, by refutation.

#include "compiler/check/Prover.h"

#include <algorithm>
#include <numeric>

namespace heed::elaborate {

namespace {

constexpr size_t maximumRows = 400;
constexpr unsigned maximumCases = 300;

/// sum of coefficient * variable + constant >= 0
struct Row {
  std::map<unsigned, int64_t> terms;
  int64_t constant = 0;
};

struct Overflow {};

int64_t plus(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result))
    throw Overflow();
  return result;
}
int64_t times(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result))
    throw Overflow();
  return result;
}

Row sum(Row const &a, Row const &b, int64_t factor) {
  Row result = a;
  result.constant = plus(result.constant, times(b.constant, factor));
  for (auto &[variable, coefficient] : b.terms) {
    int64_t &mine = result.terms[variable];
    mine = plus(mine, times(coefficient, factor));
    if (mine == 0)
      result.terms.erase(variable);
  }
  return result;
}
Row constantRow(int64_t value) { return {{}, value}; }
Row scaled(Row const &row, int64_t factor) { return sum(Row{}, row, factor); }

/// What an assumption says: rows, all of several, or one of several.
struct Formula {
  enum Kind { All, Any } kind = All;
  std::vector<Row> rows; // of All
  std::vector<Formula> parts;
};
Formula says(Row row) { return {Formula::All, {std::move(row)}, {}}; }
Formula nothing() { return {}; }
Formula impossible() { return says(constantRow(-1)); }

/// Divides by the common factor of the coefficients, rounding the constant down: sound for integers.
void tighten(Row &row) {
  int64_t divisor = 0;
  for (auto &[variable, coefficient] : row.terms)
    divisor = std::gcd(divisor, coefficient);
  if (divisor <= 1)
    return;
  for (auto &[variable, coefficient] : row.terms)
    coefficient /= divisor;
  row.constant = floorDivide(row.constant, divisor);
}

/// Adds the constant bounds of variables that follow by propagation with integer rounding: elimination alone is
/// rational and would not see that a quotient of a number that is not negative is not negative.
void propagateBounds(std::vector<Row> &rows) {
  struct Bounds {
    std::optional<int64_t> low, high;
  };
  std::map<unsigned, Bounds> bounds;
  for (unsigned round = 0; round < 6; ++round) {
    bool changed = false;
    for (Row const &row : rows)
      for (auto &[variable, coefficient] : row.terms) {
        // coefficient * variable >= -(constant + the largest that the others can be)
        int64_t rest = row.constant;
        bool bounded = true;
        for (auto &[other, factor] : row.terms) {
          if (other == variable)
            continue;
          auto known = bounds.find(other);
          auto limit = known == bounds.end() ? std::nullopt : factor > 0 ? known->second.high : known->second.low;
          if (!limit) {
            bounded = false;
            break;
          }
          rest = plus(rest, times(factor, *limit));
        }
        if (!bounded)
          continue;
        Bounds &mine = bounds[variable];
        if (coefficient > 0) {
          int64_t low = -floorDivide(rest, coefficient);
          if (!mine.low || low > *mine.low) {
            mine.low = low;
            changed = true;
          }
        } else {
          int64_t high = floorDivide(rest, -coefficient);
          if (!mine.high || high < *mine.high) {
            mine.high = high;
            changed = true;
          }
        }
      }
    if (!changed)
      break;
  }
  for (auto &[variable, known] : bounds) {
    if (known.low)
      rows.push_back({{{variable, 1}}, times(*known.low, -1)});
    if (known.high)
      rows.push_back({{{variable, -1}}, *known.high});
  }
}

bool infeasible(std::vector<Row> rows) {
  propagateBounds(rows);
  for (Row &row : rows)
    tighten(row);
  for (;;) {
    std::map<unsigned, std::pair<size_t, size_t>> signs;
    for (Row const &row : rows) {
      if (row.terms.empty() && row.constant < 0)
        return true;
      for (auto &[variable, coefficient] : row.terms)
        ++(coefficient > 0 ? signs[variable].first : signs[variable].second);
    }
    if (signs.empty() || rows.size() > maximumRows)
      return false;
    auto cost = [](auto const &entry) { return entry.second.first * entry.second.second; };
    auto best =
        std::min_element(signs.begin(), signs.end(), [&](auto const &a, auto const &b) { return cost(a) < cost(b); });
    unsigned variable = best->first;
    std::vector<Row> next, above, below;
    for (Row &row : rows) {
      auto term = row.terms.find(variable);
      if (term == row.terms.end())
        next.push_back(std::move(row));
      else
        (term->second > 0 ? below : above).push_back(std::move(row));
    }
    for (Row const &low : below)
      for (Row const &high : above) {
        int64_t a = low.terms.at(variable), b = -high.terms.at(variable);
        int64_t common = std::gcd(a, b);
        Row combined = sum(scaled(low, b / common), high, a / common);
        tighten(combined);
        if (combined.terms.empty() && combined.constant >= 0)
          continue;
        bool known = std::any_of(next.begin(), next.end(), [&](Row const &other) {
          return other.terms == combined.terms && other.constant <= combined.constant;
        });
        if (!known)
          next.push_back(std::move(combined));
      }
    rows = std::move(next);
  }
}

} // namespace

/// One question: variables are numbered as they are met, and what is known of each is noted.
class Query {
public:
  explicit Query(Prover const &prover) : prover(prover) {}

  void assume(ExprPtr const &condition, bool positive) { pending.push_back(formula(condition, positive)); }

  bool refuted() {
    // Noting what is known of a variable may meet new variables.
    std::vector<Formula> open = std::move(pending);
    open.insert(open.end(), known.begin(), known.end());
    return refute({}, std::move(open));
  }

private:
  Prover const &prover;
  std::map<IndexId, unsigned> indices;
  std::map<DimId, unsigned> dims;
  std::vector<std::pair<ExprPtr, unsigned>> opaque;
  std::vector<Formula> pending, known;
  unsigned count = 0, cases = 0;

  Row variable(unsigned id) { return {{{id, 1}}, 0}; }
  void note(Row row) { known.push_back(says(std::move(row))); }

  Row sizeRow(Size const &size) {
    Row row = constantRow(size.constant);
    for (Size::Term const &term : size.terms) {
      auto [place, added] = dims.try_emplace(term.dim, count);
      if (added) {
        ++count;
        Dim const &dim = prover.program.dims[term.dim];
        note(sum(variable(place->second), constantRow(dim.minimum), -1));
        if (dim.maximum >= 0)
          note(sum(constantRow(dim.maximum), variable(place->second), -1));
      }
      row = sum(row, variable(place->second), term.coefficient);
    }
    return row;
  }

  Row indexRow(IndexId id) {
    auto [place, added] = indices.try_emplace(id, count);
    if (added) {
      ++count;
      unsigned mine = place->second;
      note(variable(mine));
      Row size = sizeRow(prover.program.indices[id].size);
      note(sum(sum(size, constantRow(1), -1), variable(mine), -1));
      return variable(mine);
    }
    return variable(place->second);
  }

  /// Equal but for the names of the indices they bind: a count that a model writes down is the one a selection needs.
  bool sameReduction(ExprPtr const &left, ExprPtr const &right) const {
    auto *a = std::get_if<Expr::Reduce>(&left->node), *b = std::get_if<Expr::Reduce>(&right->node);
    if (!a || !b || a->kind != b->kind || a->indices.size() != b->indices.size() || a->rank || b->rank ||
        !a->domain != !b->domain)
      return false;
    IndexMap map;
    for (size_t k = 0; k < a->indices.size(); ++k) {
      if (!(prover.program.indices[a->indices[k]].size == prover.program.indices[b->indices[k]].size))
        return false;
      map[b->indices[k]] = build::index(a->indices[k]);
    }
    std::vector<ExprPtr> mine, theirs;
    splitConjunction(a->domain, mine);
    splitConjunction(substitute(b->domain, map), theirs);
    return sameExpr(a->body, substitute(b->body, map)) && mine.size() == theirs.size() &&
           std::all_of(mine.begin(), mine.end(), [&](ExprPtr const &part) {
             return std::any_of(theirs.begin(), theirs.end(),
                                [&](ExprPtr const &other) { return sameExpr(part, other); });
           });
  }

  /// The variable of a term that is not linear; `isNew` if nothing is known of it yet.
  unsigned opaqueVariable(ExprPtr const &expr, bool &isNew) {
    for (auto &[other, id] : opaque)
      if (sameExpr(other, expr) || sameReduction(other, expr)) {
        isNew = false;
        return id;
      }
    isNew = true;
    opaque.emplace_back(expr, count);
    return count++;
  }

  Formula equal(Row const &a, Row const &b) { return {Formula::All, {sum(a, b, -1), sum(b, a, -1)}, {}}; }
  Formula atLeast(Row const &a, Row const &b) { return says(sum(a, b, -1)); }
  static Formula both(Formula a, Formula b) { return {Formula::All, {}, {std::move(a), std::move(b)}}; }
  static Formula either(Formula a, Formula b) { return {Formula::Any, {}, {std::move(a), std::move(b)}}; }

  Row linear(ExprPtr const &expr) {
    if (auto *constant = std::get_if<Expr::IntConstant>(&expr->node))
      return constantRow(constant->value);
    if (auto *size = std::get_if<Expr::SizeValue>(&expr->node))
      return sizeRow(size->size);
    if (auto *index = std::get_if<Expr::IndexValue>(&expr->node))
      return indexRow(index->index);
    if (auto *unary = std::get_if<Expr::Unary>(&expr->node)) {
      if (unary->op == UnaryOp::Negate)
        return scaled(linear(unary->operand), -1);
      bool isNew = false;
      Row v = variable(opaqueVariable(expr, isNew));
      if (isNew && unary->op == UnaryOp::Abs) {
        Row a = linear(unary->operand);
        note(sum(v, a, -1));
        note(sum(v, a, 1));
        known.push_back(either(both(equal(v, a), says(a)), both(equal(v, scaled(a, -1)), says(scaled(a, -1)))));
      }
      if (isNew && unary->op == UnaryOp::ToInt && unary->operand->type == Scalar::Bool) {
        note(v);
        note(sum(constantRow(1), v, -1));
      }
      return v;
    }
    if (auto *binary = std::get_if<Expr::Binary>(&expr->node))
      return linearBinary(expr, *binary);
    if (auto *read = std::get_if<Expr::Read>(&expr->node))
      if (ExprPtr count = prover.count(*read))
        return linear(count);
    bool isNew = false;
    Row v = variable(opaqueVariable(expr, isNew));
    if (!isNew)
      return v;
    if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
      Row a = linear(select->ifTrue), b = linear(select->ifFalse);
      known.push_back(either(both(formula(select->condition, true), equal(v, a)),
                             both(formula(select->condition, false), equal(v, b))));
    } else if (auto *read = std::get_if<Expr::Read>(&expr->node)) {
      Interval bounds = prover.interval(read->tensor);
      if (bounds.low)
        note(sum(v, sizeRow(*bounds.low), -1));
      if (bounds.high)
        note(sum(sizeRow(*bounds.high), v, -1));
    } else if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node)) {
      if (reduce->kind == ReduceKind::TopK) { // where it has a value, there is such a position
        note(v);
        note(sum(sizeRow(prover.program.indices[reduce->indices.front()].size), sum(v, constantRow(1), 1), -1));
      } else if (reduce->kind == ReduceKind::Sum && reduce->indices.size() == 1 && constantInt(reduce->body) == 1) {
        note(v); // a count
        note(sum(sizeRow(prover.program.indices[reduce->indices.front()].size), v, -1));
      } else if (reduce->kind == ReduceKind::ArgMax || reduce->kind == ReduceKind::ArgMin) {
        note(v);
        Size const &size = prover.program.indices[reduce->indices.front()].size;
        if (size.isConstant() && size.constant >= 1) // over nothing the position is 0
          note(sum(constantRow(size.constant - 1), v, -1));
      }
    }
    return v;
  }

  Row linearBinary(ExprPtr const &expr, Expr::Binary const &binary) {
    Row a = linear(binary.left), b = linear(binary.right);
    bool constantRight = b.terms.empty();
    switch (binary.op) {
    case BinaryOp::Add:
      return sum(a, b, 1);
    case BinaryOp::Subtract:
      return sum(a, b, -1);
    case BinaryOp::Multiply:
      if (constantRight)
        return scaled(a, b.constant);
      if (a.terms.empty())
        return scaled(b, a.constant);
      break;
    case BinaryOp::Divide:
    case BinaryOp::Remainder:
      if (constantRight && b.constant > 0) { // a = c q + r, 0 <= r < c
        bool isNew = false;
        ExprPtr quotient =
            binary.op == BinaryOp::Divide ? expr : build::binary(BinaryOp::Divide, binary.left, binary.right);
        Row q = variable(opaqueVariable(quotient, isNew));
        Row remainder = sum(a, q, -b.constant);
        if (isNew) {
          note(remainder);
          note(sum(constantRow(b.constant - 1), remainder, -1));
        }
        return binary.op == BinaryOp::Divide ? q : remainder;
      }
      break;
    default:
      break;
    }
    bool isNew = false;
    Row v = variable(opaqueVariable(expr, isNew));
    if (!isNew)
      return v;
    if (binary.op == BinaryOp::Minimum || binary.op == BinaryOp::Maximum) {
      int64_t sign = binary.op == BinaryOp::Minimum ? 1 : -1;
      Row below = sum(scaled(a, sign), v, -sign), underToo = sum(scaled(b, sign), v, -sign);
      note(below);
      note(underToo);
      known.push_back(either(equal(v, a), equal(v, b)));
    }
    if (binary.op == BinaryOp::Remainder)
      known.push_back(either(says(scaled(b, -1)), both(says(v), says(sum(sum(b, constantRow(1), -1), v, -1)))));
    if (binary.op == BinaryOp::Multiply && sameExpr(binary.left, binary.right))
      note(v);
    return v;
  }

  Formula formula(ExprPtr const &condition, bool positive) {
    if (auto *constant = std::get_if<Expr::BoolConstant>(&condition->node))
      return constant->value == positive ? nothing() : impossible();
    if (auto *unary = std::get_if<Expr::Unary>(&condition->node); unary && unary->op == UnaryOp::Not)
      return formula(unary->operand, !positive);
    if (auto *binary = std::get_if<Expr::Binary>(&condition->node)) {
      if (binary->op == BinaryOp::And || binary->op == BinaryOp::Or) {
        Formula a = formula(binary->left, positive), b = formula(binary->right, positive);
        return (binary->op == BinaryOp::And) == positive ? both(std::move(a), std::move(b))
                                                         : either(std::move(a), std::move(b));
      }
      if (binary->left->type == Scalar::Int)
        return comparison(binary->op, linear(binary->left), linear(binary->right), positive);
    }
    // Anything else is a number that is 0 or 1.
    bool isNew = false;
    Row v = variable(opaqueVariable(condition, isNew));
    if (isNew) {
      note(v);
      note(sum(constantRow(1), v, -1));
    }
    return positive ? says(sum(v, constantRow(1), -1)) : says(scaled(v, -1));
  }

  Formula comparison(BinaryOp op, Row const &a, Row const &b, bool positive) {
    Row one = constantRow(1);
    auto less = [&](Row const &x, Row const &y) { return says(sum(sum(y, x, -1), one, -1)); }; // x < y
    switch (op) {
    case BinaryOp::Less:
      return positive ? less(a, b) : atLeast(a, b);
    case BinaryOp::LessEqual:
      return positive ? atLeast(b, a) : less(b, a);
    case BinaryOp::Greater:
      return positive ? less(b, a) : atLeast(b, a);
    case BinaryOp::GreaterEqual:
      return positive ? atLeast(a, b) : less(a, b);
    case BinaryOp::Equal:
    case BinaryOp::NotEqual:
      return positive == (op == BinaryOp::Equal) ? equal(a, b) : either(less(a, b), less(b, a));
    default:
      return nothing();
    }
  }

  bool refute(std::vector<Row> rows, std::vector<Formula> open) {
    std::vector<Formula> choices;
    while (!open.empty()) {
      Formula next = std::move(open.back());
      open.pop_back();
      if (next.kind == Formula::Any) {
        choices.push_back(std::move(next));
        continue;
      }
      rows.insert(rows.end(), next.rows.begin(), next.rows.end());
      for (Formula &part : next.parts)
        open.push_back(std::move(part));
    }
    if (++cases > maximumCases)
      return false;
    if (infeasible(rows))
      return true;
    if (choices.empty())
      return false;
    Formula choice = std::move(choices.back());
    choices.pop_back();
    for (Formula &part : choice.parts) {
      std::vector<Formula> rest = choices;
      rest.push_back(part);
      if (!refute(rows, std::move(rest)))
        return false;
    }
    return true;
  }
};

bool Prover::holds(ExprPtr const &condition, std::vector<ExprPtr> const &facts) const {
  if (constantBool(condition) == true)
    return true;
  for (ExprPtr const &fact : facts)
    if (sameExpr(fact, condition))
      return true;
  try {
    Query query(*this);
    for (ExprPtr const &fact : facts)
      query.assume(fact, true);
    query.assume(condition, false);
    return query.refuted();
  } catch (Overflow const &) {
    return false;
  }
}

bool Prover::contradictory(std::vector<ExprPtr> const &facts) const {
  try {
    Query query(*this);
    for (ExprPtr const &fact : facts)
      query.assume(fact, true);
    return query.refuted();
  } catch (Overflow const &) {
    return false;
  }
}

} // namespace heed::elaborate
