// Machine.cpp - the interpreter's inner loop: one switch over flat instructions, no recursion.
#include "compiler/reference/Machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <type_traits>

namespace heed::reference {

[[noreturn]] static void fail(Program const &program, Code const &code, std::string const &text,
                              bool internal = false) {
  std::vector<int64_t> element;
  for (auto [index, place] : code.indices)
    element.push_back(code.registers[place].integer);
  throw EvaluationError(fmt::format("{}{}, in '{}'[{}]", internal ? "internal error: " : "", text,
                                    program.tensors[code.tensor].name, fmt::join(element, ", ")));
}

[[noreturn]] static void failCheck(Program const &program, Code const &code, Check const &check, int64_t subscript) {
  int64_t size = check.high - check.low;
  fail(program, code,
       fmt::format("index {} is out of range for axis {} of '{}', which has size {}", subscript, check.axis,
                   program.tensors[check.tensor].name, size),
       !check.dataDependent);
}

static int64_t evaluate(Linear const &linear, Code const &code, Value const *registers) {
  uint64_t sum = linear.constant;
  for (uint32_t term = linear.first; term < linear.last; ++term)
    sum += static_cast<uint64_t>(code.terms[term].coefficient) * registers[code.terms[term].index].integer;
  return sum;
}

/// The values of an i32 or i8 tensor must fit: compiled code would wrap silently.
static void checkFits(Program const &program, Code const &code, Element element, int64_t value) {
  int64_t limit = element == Element::I8 ? 0x80 : 0x80000000;
  if (value < -limit || value >= limit)
    fail(program, code, fmt::format("{} does not fit into {} bits", value, element == Element::I8 ? 8 : 32));
}

template <typename Number>
static bool better(ReduceKind kind, Number value, Number best) {
  return kind == ReduceKind::ArgMax ? value > best : value < best;
}

/// Larger values come first, NaN last.
static bool comesBefore(double value, double other) {
  return value > other || (std::isnan(other) && !std::isnan(value));
}
static bool comesBefore(int64_t value, int64_t other) { return value > other; }

/// Positions arrive in ascending order, so an equal value goes behind those that are there.
template <typename Number>
static void putInOrder(std::vector<Choice> &choices, Number Value::*of, Value value, int64_t position) {
  auto place = std::upper_bound(choices.begin(), choices.end(), value, [&](Value const &x, Choice const &y) {
    return comesBefore(x.*of, y.value.*of);
  });
  choices.insert(place, {value, position});
}

template <typename Arithmetic>
static double foldReal(Arithmetic &arithmetic, ReduceKind kind, double sum, double value) {
  switch (kind) {
  case ReduceKind::Sum:
    return arithmetic.round(sum + value);
  case ReduceKind::Product:
    return arithmetic.round(sum * value);
  case ReduceKind::Max:
    return larger(sum, value);
  default:
    return smaller(sum, value);
  }
}

static int64_t foldInteger(ReduceKind kind, int64_t sum, int64_t value) {
  switch (kind) {
  case ReduceKind::Sum:
    return static_cast<uint64_t>(sum) + value;
  case ReduceKind::Product:
    return static_cast<uint64_t>(sum) * value;
  case ReduceKind::Max:
    return std::max(sum, value);
  case ReduceKind::Min:
    return std::min(sum, value);
  case ReduceKind::Any:
    return sum | value;
  default:
    return sum & value;
  }
}

template <typename Arithmetic>
Value execute(Program const &program, Code &code, Arithmetic &arithmetic, int64_t step) {
  constexpr bool exact = std::is_same_v<Arithmetic, ExactArithmetic>;
  if (code.registers.empty())
    return {};
  Value *const r = code.registers.data();
  if (code.step)
    r[code.step].integer = step;
  auto stamp = [&](Memo const &memo) { return memo.perStep ? static_cast<uint32_t>(step + 1) : 1u; };
  Instruction const *const first = code.instructions.data();
  for (Instruction const *now = first;; ++now) {
    Value &result = r[now->result];
    switch (now->op) {
    case Op::Move:
      result = r[now->a];
      break;
    case Op::Linear:
      result.integer = evaluate(code.linears[now->a], code, r);
      break;
    case Op::Check: {
      Check const &check = code.checks[now->b];
      int64_t subscript = r[now->a].integer;
      if (subscript < check.low || subscript >= check.high)
        failCheck(program, code, check, subscript);
      break;
    }
    case Op::Read:
    case Op::ReadInt: {
      Access const &read = code.reads[now->a];
      int64_t position = evaluate(read.position, code, r);
      if (read.defined && !read.defined[position])
        fail(program, code,
             fmt::format("'{}' is read at element {} (row-major), which is not defined",
                         program.tensors[read.tensor].name, position),
             true);
      if (now->op == Op::Read)
        result.real = read.data[position];
      else
        result.integer = static_cast<int64_t>(read.data[position]);
      break;
    }
    case Op::RealUnary:
      result.real = arithmetic.unary(static_cast<UnaryOp>(now->kind), r[now->a].real);
      break;
    case Op::IntUnary:
      result.integer = integerUnary(static_cast<UnaryOp>(now->kind), r[now->a].integer);
      break;
    case Op::Not:
      result.integer = !r[now->a].integer;
      break;
    case Op::ToReal:
      result.real = arithmetic.round(static_cast<double>(r[now->a].integer));
      break;
    case Op::ToInt: {
      double value = std::trunc(r[now->a].real);
      if (!(value >= -0x1p31 && value < 0x1p31))
        fail(program, code, fmt::format("{} has no integer value", r[now->a].real));
      result.integer = static_cast<int64_t>(value);
      break;
    }
    case Op::RealBinary:
      result.real = arithmetic.binary(static_cast<BinaryOp>(now->kind), r[now->a].real, r[now->b].real);
      break;
    case Op::IntBinary: {
      char const *failure = nullptr;
      result.integer = integerBinary(static_cast<BinaryOp>(now->kind), r[now->a].integer, r[now->b].integer, failure);
      if (failure)
        fail(program, code, failure);
      break;
    }
    case Op::RealCompare:
      result.integer = compare(static_cast<BinaryOp>(now->kind), r[now->a].real, r[now->b].real);
      break;
    case Op::IntCompare:
      result.integer = compare(static_cast<BinaryOp>(now->kind), r[now->a].integer, r[now->b].integer);
      break;
    case Op::Jump:
      now = first + now->b - 1;
      break;
    case Op::JumpIfFalse:
      if (!r[now->a].integer)
        now = first + now->b - 1;
      break;
    case Op::JumpIfTrue:
      if (r[now->a].integer)
        now = first + now->b - 1;
      break;
    case Op::Next:
      if (++result.integer < r[now->a].integer)
        now = first + now->b - 1;
      break;
    case Op::FoldReal:
      result.real = foldReal(arithmetic, static_cast<ReduceKind>(now->kind), result.real, r[now->a].real);
      break;
    case Op::FoldInt:
      result.integer = foldInteger(static_cast<ReduceKind>(now->kind), result.integer, r[now->a].integer);
      break;
    case Op::FoldPlaceReal:
    case Op::FoldPlaceInt: {
      Value &best = r[now->result + 1], &found = r[now->result + 2], value = r[now->a];
      ReduceKind kind = static_cast<ReduceKind>(now->kind);
      bool wins = now->op == Op::FoldPlaceReal ? better(kind, value.real, best.real)
                                               : better(kind, value.integer, best.integer);
      if (!found.integer || wins)
        result = r[now->b], best = value, found.integer = 1;
      break;
    }
    case Op::SelectBegin:
      code.choices.clear();
      break;
    case Op::SelectReal:
      putInOrder(code.choices, &Value::real, r[now->a], r[now->b].integer);
      break;
    case Op::SelectInt:
      putInOrder(code.choices, &Value::integer, r[now->a], r[now->b].integer);
      break;
    case Op::Selected: {
      int64_t rank = r[now->a].integer;
      if (rank < 0 || rank >= static_cast<int64_t>(code.choices.size()))
        fail(program, code, fmt::format("{} positions have no place {}", code.choices.size(), rank), true);
      result.integer = code.choices[rank].position;
      break;
    }
    case Op::Dot: {
      Dot const &dot = code.dots[now->a];
      double const *x = dot.left + evaluate(dot.leftPosition, code, r);
      double const *y = dot.right + evaluate(dot.rightPosition, code, r);
      double sum = 0;
      for (int64_t index = 0; index < dot.length; ++index)
        sum = arithmetic.round(sum + arithmetic.round(x[index * dot.leftStride] * y[index * dot.rightStride]));
      result.real = sum;
      break;
    }
    case Op::Recall: {
      Memo const &memo = code.memos[now->a];
      int64_t key = evaluate(memo.key, code, r);
      if (memo.stamps[key] != stamp(memo))
        break;
      result = memo.values[key];
      now = first + now->b - 1;
      break;
    }
    case Op::Remember: {
      Memo &memo = code.memos[now->a];
      int64_t key = evaluate(memo.key, code, r);
      memo.values[key] = result;
      memo.stamps[key] = stamp(memo);
      break;
    }
    case Op::Store: {
      Access const &store = code.stores[0];
      Element element = static_cast<Element>(now->kind);
      int64_t position = evaluate(store.position, code, r);
      if (element == Element::I32 || element == Element::I8)
        checkFits(program, code, element, r[now->a].integer);
      if (element == Element::I32 || element == Element::I8 || element == Element::Bool)
        store.data[position] = static_cast<double>(r[now->a].integer);
      else
        store.data[position] = exact ? r[now->a].real : roundTo(element, r[now->a].real);
      if (store.defined)
        store.defined[position] = 1;
      break;
    }
    case Op::End:
      return r[code.result];
    }
  }
}

template Value execute(Program const &, Code &, ExactArithmetic &, int64_t);
template Value execute(Program const &, Code &, SingleArithmetic &, int64_t);
template Value execute(Program const &, Code &, RandomArithmetic &, int64_t);

} // namespace heed::reference
