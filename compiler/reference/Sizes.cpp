// Sizes.cpp - solves the shapes of the arguments for the dims.
#include "compiler/reference/Sizes.h"

#include "compiler/reference/Storage.h"

#include <fmt/format.h>

namespace heed::reference {

int64_t Sizes::of(Size const &size) const {
  int64_t value = size.constant, product;
  for (Size::Term const &term : size.terms) {
    if (term.dim >= dims.size() || dims[term.dim] < 0)
      throw EvaluationError("a size is not determined by the inputs");
    if (__builtin_mul_overflow(term.coefficient, dims[term.dim], &product) ||
        __builtin_add_overflow(value, product, &value))
      throw EvaluationError("a size is too large");
  }
  return value;
}

std::vector<int64_t> Sizes::of(std::vector<Size> const &shape) const {
  std::vector<int64_t> values;
  for (Size const &size : shape)
    values.push_back(of(size));
  return values;
}

std::string spell(Program const &program, Size const &size) {
  std::string text;
  for (Size::Term const &term : size.terms) {
    text += text.empty() ? (term.coefficient < 0 ? "-" : "") : (term.coefficient < 0 ? " - " : " + ");
    if (int64_t magnitude = std::abs(term.coefficient); magnitude != 1)
      text += fmt::format("{} * ", magnitude);
    text += program.dims[term.dim].name;
  }
  if (text.empty())
    return fmt::format("{}", size.constant);
  if (size.constant)
    text += fmt::format(" {} {}", size.constant < 0 ? '-' : '+', std::abs(size.constant));
  return text;
}

namespace {

class Binder {
public:
  explicit Binder(Program const &program) : program(program) {
    for (Dim const &dim : program.dims)
      sizes.dims.push_back(dim.fromUntil ? dim.maximum : -1);
  }

  void add(char const *kind, std::vector<TensorId> const &tensors, std::vector<std::vector<int64_t>> const &shapes) {
    if (shapes.size() != tensors.size())
      throw EvaluationError(fmt::format("'{}' has {} {}s, got {}", program.name, tensors.size(), kind, shapes.size()));
    for (size_t index = 0; index < tensors.size(); ++index) {
      Tensor const &tensor = program.tensors[tensors[index]];
      if (shapes[index].size() != tensor.shape.size())
        throw EvaluationError(fmt::format("{} '{}' has {} axes, expected {}", kind, tensor.name, shapes[index].size(),
                                          tensor.shape.size()));
      for (size_t axis = 0; axis < tensor.shape.size(); ++axis)
        equations.push_back({kind, &tensor, axis, shapes[index][axis]});
    }
  }

  Sizes solve() {
    for (bool progress = true; progress;) {
      progress = false;
      for (Equation const &equation : equations)
        progress |= solveFor(equation);
    }
    for (size_t dim = 0; dim < program.dims.size(); ++dim)
      checkRange(program.dims[dim], sizes.dims[dim]);
    for (Equation const &equation : equations)
      if (sizes.of(equation.size()) != equation.extent)
        complain(equation);
    return sizes;
  }

private:
  struct Equation {
    char const *kind;
    Tensor const *tensor;
    size_t axis;
    int64_t extent;
    Size const &size() const { return tensor->shape[axis]; }
  };

  /// Sets the dim of the only unknown term, if there is just one.
  bool solveFor(Equation const &equation) {
    Size rest{equation.size().constant, {}};
    std::optional<Size::Term> unknown;
    for (Size::Term const &term : equation.size().terms) {
      bool known = sizes.dims[term.dim] >= 0;
      if (known)
        rest.terms.push_back(term);
      else if (unknown)
        return false; // two unknowns: not yet
      else
        unknown = term;
    }
    if (!unknown)
      return false;
    int64_t difference;
    if (__builtin_sub_overflow(equation.extent, sizes.of(rest), &difference) || equation.extent < 0 ||
        difference % unknown->coefficient || difference / unknown->coefficient < 0)
      complain(equation);
    sizes.dims[unknown->dim] = difference / unknown->coefficient;
    return true;
  }

  [[noreturn]] void complain(Equation const &equation) {
    std::string expected = spell(program, equation.size());
    bool known = true;
    for (Size::Term const &term : equation.size().terms)
      known &= sizes.dims[term.dim] >= 0;
    if (known && !equation.size().isConstant())
      expected += fmt::format(" = {}", sizes.of(equation.size()));
    throw EvaluationError(fmt::format("axis {} of {} '{}' is {}, expected {}", equation.axis, equation.kind,
                                      equation.tensor->name, equation.extent, expected));
  }

  void checkRange(Dim const &dim, int64_t value) {
    if (value < 0)
      throw EvaluationError(fmt::format("no input determines '{}'", dim.name));
    if (dim.maximum >= 0 && value > dim.maximum)
      throw EvaluationError(fmt::format("'{}' is {}, at most {} is allowed", dim.name, value, dim.maximum));
    if (!dim.fromUntil && value < dim.minimum)
      throw EvaluationError(fmt::format("'{}' is {}, at least {} is needed", dim.name, value, dim.minimum));
  }

  Program const &program;
  Sizes sizes;
  std::vector<Equation> equations;
};

} // namespace

Sizes bindSizes(Program const &program, std::vector<std::vector<int64_t>> const &inputs,
                std::vector<std::vector<int64_t>> const &params) {
  Binder binder(program);
  binder.add("input", program.inputs, inputs);
  binder.add("parameter", program.params, params);
  return binder.solve();
}

} // namespace heed::reference
