// Sizes.cpp - sizes that are affine in the run-time dims, with unknowns that are solved by unification.

#include "compiler/check/Sizes.h"
#include "compiler/check/Build.h"

#include <fmt/format.h>

namespace heed::elaborate {

namespace {

constexpr DimId unknownBit = 0x80000000;

int64_t checkedAdd(int64_t left, int64_t right) {
  int64_t result = 0;
  if (__builtin_add_overflow(left, right, &result))
    throw LimitReached("a size is larger than 64 bits can hold");
  return result;
}
int64_t checkedMultiply(int64_t left, int64_t right) {
  int64_t result = 0;
  if (__builtin_mul_overflow(left, right, &result))
    throw LimitReached("a size is larger than 64 bits can hold");
  return result;
}

} // namespace

Size add(Size const &left, Size const &right) {
  Size sum;
  sum.constant = checkedAdd(left.constant, right.constant);
  auto a = left.terms.begin(), b = right.terms.begin();
  while (a != left.terms.end() || b != right.terms.end()) {
    if (b == right.terms.end() || (a != left.terms.end() && a->dim < b->dim)) {
      sum.terms.push_back(*a++);
    } else if (a == left.terms.end() || b->dim < a->dim) {
      sum.terms.push_back(*b++);
    } else {
      if (int64_t coefficient = checkedAdd(a->coefficient, b->coefficient))
        sum.terms.push_back({a->dim, coefficient});
      ++a, ++b;
    }
  }
  return sum;
}

Size scale(Size const &size, int64_t factor) {
  Size result;
  if (factor == 0)
    return result;
  result.constant = checkedMultiply(size.constant, factor);
  for (Size::Term const &term : size.terms)
    result.terms.push_back({term.dim, checkedMultiply(term.coefficient, factor)});
  return result;
}

Size subtract(Size const &left, Size const &right) { return add(left, scale(right, -1)); }

std::optional<Size> divideExactly(Size const &left, Size const &right) {
  if (right.isConstant()) {
    int64_t divisor = right.constant;
    if (divisor == 0 || left.constant % divisor != 0)
      return std::nullopt;
    Size result;
    result.constant = left.constant / divisor;
    for (Size::Term const &term : left.terms) {
      if (term.coefficient % divisor != 0)
        return std::nullopt;
      result.terms.push_back({term.dim, term.coefficient / divisor});
    }
    return result;
  }
  if (left.terms.empty() || left.terms.front().coefficient % right.terms.front().coefficient != 0)
    return std::nullopt;
  int64_t ratio = left.terms.front().coefficient / right.terms.front().coefficient;
  return scale(right, ratio) == left ? std::optional(Size{ratio, {}}) : std::nullopt;
}

Size SizeSolver::unknown() {
  if (solutions.size() >= 4'000'000)
    throw LimitReached("the program has too many dimensions");
  solutions.emplace_back();
  return Size{0, {{DimId(solutions.size() - 1) | unknownBit, 1}}};
}

Size SizeSolver::resolve(Size const &size) {
  Size current = size;
  for (;;) {
    Size next{current.constant, {}};
    bool changed = false;
    for (Size::Term const &term : current.terms) {
      if ((term.dim & unknownBit) && solutions[term.dim & ~unknownBit]) {
        next = add(next, scale(*solutions[term.dim & ~unknownBit], term.coefficient));
        changed = true;
      } else {
        next = add(next, Size{0, {term}});
      }
    }
    if (!changed)
      return current;
    current = std::move(next);
  }
}

bool SizeSolver::isKnown(Size const &size) {
  Size resolved = resolve(size);
  return resolved.terms.empty() || !(resolved.terms.back().dim & unknownBit);
}

bool SizeSolver::unify(Size const &left, Size const &right) {
  Size difference = subtract(resolve(left), resolve(right));
  if (difference == Size{})
    return true;
  for (auto term = difference.terms.rbegin(); term != difference.terms.rend() && (term->dim & unknownBit); ++term) {
    Size others = subtract(difference, Size{0, {*term}});
    if (auto solution = divideExactly(scale(others, -1), Size{term->coefficient, {}})) {
      solutions[term->dim & ~unknownBit] = *solution;
      return true;
    }
  }
  return false;
}

std::string SizeSolver::print(Size const &unresolved) {
  Size size = resolve(unresolved);
  std::string text;
  for (Size::Term const &term : size.terms) {
    std::string name = (term.dim & unknownBit) ? "?" : dims[term.dim].name;
    int64_t coefficient = term.coefficient;
    if (!text.empty()) {
      text += coefficient < 0 ? " - " : " + ";
      coefficient = coefficient < 0 ? -coefficient : coefficient;
    }
    text += coefficient == 1 ? name : coefficient == -1 ? "-" + name : fmt::format("{} * {}", coefficient, name);
  }
  if (text.empty())
    return std::to_string(size.constant);
  if (size.constant > 0)
    text += fmt::format(" + {}", size.constant);
  if (size.constant < 0)
    text += fmt::format(" - {}", -size.constant);
  return text;
}

std::string SizeSolver::print(std::vector<Size> const &shape) {
  std::string text = "[";
  for (size_t k = 0; k < shape.size(); ++k)
    text += (k ? ", " : "") + print(shape[k]);
  return text + "]";
}

} // namespace heed::elaborate
