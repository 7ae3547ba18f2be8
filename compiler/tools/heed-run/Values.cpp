// Values.cpp - the values on the command line as arrays.
#include "compiler/tools/heed-run/Values.h"

#include "compiler/tools/heed-run/Generated.h"
#include "compiler/tools/heed-run/Inline.h"
#include "heed/heed.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace heed::run {

namespace {

using Sizes = std::vector<std::optional<int64_t>>;

size_t find(std::vector<TensorSignature> const &tensors, std::string const &name, char const *what) {
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].name == name)
      return i;
  throw Failure(fmt::format("the model has no {} '{}'; it has: {}", what, name, namesOf(tensors)));
}

/// That every value is one of the element type's.
void checkElements(TensorSignature const &tensor, Array const &array) {
  if (tensor.isReal())
    return;
  double low = tensor.dtype == HEED_I32 ? INT32_MIN : tensor.dtype == HEED_I8 ? INT8_MIN : 0;
  double high = tensor.dtype == HEED_I32 ? INT32_MAX : tensor.dtype == HEED_I8 ? INT8_MAX : 1;
  for (double value : array.data)
    if (!(value >= low && value <= high) || value != std::floor(value))
      throw Failure(fmt::format("'{}' is {}, and {} is none", tensor.name, typeName(tensor.dtype), value));
}

Array encode(TensorSignature const &tensor, std::string const &text) {
  if (!tensor.isText())
    throw Failure(fmt::format("'{}' has no alphabet; give numbers with --input {}=...", tensor.name, tensor.name));
  std::vector<int32_t> values(text.size());
  int64_t count = int64_t(values.size());
  int32_t none = 0;
  if (heed_encode_text(tensor.alphabet.c_str(), text.c_str(), values.empty() ? &none : values.data(), &count))
    throw Failure(fmt::format("'{}': {}", tensor.name, heed_last_error()));
  return {{count}, std::vector<double>(values.begin(), values.begin() + count)};
}

/// What is written or read, as opposed to generated for a shape.
Array readConcrete(TensorSignature const &tensor, Assignment const &value) {
  Array array;
  if (value.isText) {
    array = encode(tensor, value.value);
  } else if (isInline(value.value)) {
    array = parseInline(tensor.name, value.value);
  } else {
    bool integral = false;
    array = readNpy(value.value, integral);
    if (tensor.isReal() && integral)
      throw Failure(fmt::format("{}: integers, expected {}", value.value, typeName(tensor.dtype)));
  }
  checkElements(tensor, array);
  return array;
}

int64_t evaluate(Signature const &signature, TensorSignature const &tensor, Size const &size, Sizes const &sizes) {
  int64_t value = size.constant;
  for (Size::Term const &term : size.terms) {
    Dim const &dim = signature.dims[term.dim];
    if (!sizes[term.dim])
      throw Failure(fmt::format("the size {} of '{}' is not known; give --size {}=N", dim.name, tensor.name, dim.name));
    int64_t product = 0;
    if (__builtin_mul_overflow(term.coefficient, *sizes[term.dim], &product) ||
        __builtin_add_overflow(value, product, &value))
      throw Failure(fmt::format("'{}' is too large", tensor.name));
  }
  return value;
}

Array generate(Signature const &signature, TensorSignature const &tensor, std::string const &value, Sizes const &sizes,
               uint64_t example) {
  std::vector<int64_t> shape;
  int64_t count = 1;
  for (Size const &size : tensor.shape) {
    shape.push_back(evaluate(signature, tensor, size, sizes));
    if (shape.back() < 0 || __builtin_mul_overflow(count, shape.back(), &count) || count > int64_t(1) << 32)
      throw Failure(fmt::format("'{}' is negative in size or too large", describe(signature, tensor)));
  }
  Array array = generateValues(tensor, value, std::move(shape), example);
  checkElements(tensor, array);
  return array;
}

/// Sizes that an array of known shape determines, in rounds: each axis with one unknown gives it.
bool solve(TensorSignature const &tensor, Array const &array, Sizes &sizes) {
  bool progress = false;
  for (size_t axis = 0; axis < tensor.shape.size() && axis < array.shape.size(); ++axis) {
    int64_t left = array.shape[axis] - tensor.shape[axis].constant, unknowns = 0;
    Size::Term last{};
    for (Size::Term const &term : tensor.shape[axis].terms) {
      if (sizes[term.dim])
        left -= term.coefficient * *sizes[term.dim];
      else
        last = term, ++unknowns;
    }
    if (unknowns == 1 && left % last.coefficient == 0) {
      sizes[last.dim] = left / last.coefficient;
      progress = true;
    }
  }
  return progress;
}

Sizes givenSizes(Signature const &signature, Arguments const &arguments) {
  Sizes sizes(signature.dims.size());
  for (auto const &[name, value] : arguments.sizes) {
    bool found = false;
    std::string names;
    for (size_t i = 0; i < signature.dims.size(); ++i) {
      names += (names.empty() ? "" : ", ") + signature.dims[i].name;
      if (signature.dims[i].name == name)
        sizes[i] = value, found = true;
    }
    if (!found)
      throw Failure(fmt::format("the model has no size '{}'; it has: {}", name, names.empty() ? "none" : names));
  }
  return sizes;
}

} // namespace

std::vector<Example> readInputs(Signature const &signature, Arguments const &arguments) {
  std::vector<std::vector<Assignment const *>> given(signature.inputs.size());
  for (Assignment const &input : arguments.inputs)
    given[find(signature.inputs, input.name, "input")].push_back(&input);
  size_t batch = 1;
  for (size_t i = 0; i < given.size(); ++i) {
    TensorSignature const &tensor = signature.inputs[i];
    if (given[i].empty())
      throw Failure(fmt::format("input {} has no value; give --{} {}=...", describe(signature, tensor),
                                tensor.isText() ? "text" : "input", tensor.name));
    batch = std::max(batch, given[i].size());
  }
  for (size_t i = 0; i < given.size(); ++i)
    if (given[i].size() != 1 && given[i].size() != batch)
      throw Failure(fmt::format("'{}' has {} values, expected 1 or {}, one for each example", signature.inputs[i].name,
                                given[i].size(), batch));
  Sizes const fromOptions = givenSizes(signature, arguments);
  std::vector<Example> examples(batch, Example(given.size()));
  for (size_t b = 0; b < batch; ++b) {
    Sizes sizes(signature.dims.size());
    std::vector<bool> concrete(given.size());
    auto valueOf = [&](size_t i) -> Assignment const & { return *given[i][given[i].size() == 1 ? 0 : b]; };
    for (size_t i = 0; i < given.size(); ++i) {
      concrete[i] = valueOf(i).isText || !isGenerated(valueOf(i).value);
      if (concrete[i])
        examples[b][i] = readConcrete(signature.inputs[i], valueOf(i));
    }
    for (bool progress = true; progress;) {
      progress = false;
      for (size_t i = 0; i < given.size(); ++i)
        progress |= concrete[i] && solve(signature.inputs[i], examples[b][i], sizes);
    }
    for (size_t dim = 0; dim < sizes.size(); ++dim) {
      if (sizes[dim] && fromOptions[dim] && *sizes[dim] != *fromOptions[dim])
        throw Failure(fmt::format("--size says {} = {}, the given values say {}", signature.dims[dim].name,
                                  *fromOptions[dim], *sizes[dim]));
      if (!sizes[dim])
        sizes[dim] = fromOptions[dim];
    }
    for (size_t i = 0; i < given.size(); ++i)
      if (!concrete[i])
        examples[b][i] = generate(signature, signature.inputs[i], valueOf(i).value, sizes, b);
  }
  return examples;
}

std::vector<std::pair<size_t, Array>> readParams(Signature const &signature, Arguments const &arguments,
                                                 bool allBound) {
  std::vector<bool> bound(signature.params.size(), allBound);
  std::vector<std::pair<size_t, Array>> result;
  auto add = [&](size_t i, Assignment const &value) {
    bound[i] = true;
    result.emplace_back(i, isGenerated(value.value) ? generate(signature, signature.params[i], value.value, {}, 0)
                                                    : readConcrete(signature.params[i], value));
  };
  for (Assignment const &param : arguments.params)
    if (param.name != "*")
      add(find(signature.params, param.name, "parameter"), param);
  for (Assignment const &param : arguments.params)
    for (size_t i = 0; param.name == "*" && i < bound.size(); ++i)
      if (!bound[i])
        add(i, param);
  return result;
}

std::vector<std::string> charactersOf(std::string const &alphabet) {
  std::vector<std::string> result;
  for (char c : alphabet) {
    if ((uint8_t(c) & 0xC0) == 0x80 && !result.empty())
      result.back() += c;
    else
      result.emplace_back(1, c);
  }
  return result;
}

std::vector<std::string> decode(std::string const &alphabet, Array const &values) {
  std::vector<std::string> characters = charactersOf(alphabet), result;
  for (double value : values.data)
    result.push_back(value >= 0 && value < double(characters.size()) ? characters[size_t(value)] : "\xEF\xBF\xBD");
  return result;
}

} // namespace heed::run
