// Matrix.cpp - a result as something to draw.
#include "compiler/tools/heed-run/Matrix.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace heed::run {

namespace {

/// The text whose characters lie along an axis of this size: a result that is text, else an input.
struct TextAlong {
  TensorSignature const *signature = nullptr;
  Array const *values = nullptr;
};
TextAlong textAlong(Signature const &signature, Size const &size, Example const *inputs, Example const *outputs) {
  for (auto [tensors, arrays] : {std::pair{&signature.outputs, outputs}, {&signature.inputs, inputs}})
    for (size_t i = 0; i < tensors->size(); ++i) {
      TensorSignature const &tensor = (*tensors)[i];
      if (tensor.isText() && tensor.shape.size() == 1 && tensor.shape[0] == size && !size.isConstant())
        return {&tensor, arrays ? &(*arrays)[i] : nullptr};
    }
  return {};
}

Axis axisOf(Signature const &signature, Size const &size, int64_t count, Example const &inputs,
            Example const &outputs) {
  Axis axis;
  TextAlong text = textAlong(signature, size, &inputs, &outputs);
  if (text.values && int64_t(text.values->data.size()) == count) {
    axis.name = text.signature->name;
    axis.labels = decode(text.signature->alphabet, *text.values);
  } else if (size.terms.size() == 1 && size.terms[0].coefficient == 1 && size.constant == 0) {
    axis.name = signature.dims[size.terms[0].dim].name;
  }
  return axis;
}

/// `name[1, 2]` to name and numbers.
std::pair<std::string, std::vector<size_t>> splitName(std::string const &text) {
  size_t bracket = text.find('[');
  if (bracket == std::string::npos)
    return {text, {}};
  std::vector<size_t> numbers;
  char const *p = text.data() + bracket, *end = text.data() + text.size();
  bool good = end[-1] == ']';
  while (good && p + 1 < end) {
    for (++p; p < end && *p == ' ';)
      ++p;
    size_t value = 0;
    auto [next, problem] = std::from_chars(p, end, value);
    good = problem == std::errc() && next < end && (*next == ',' || (*next == ']' && next + 1 == end));
    numbers.push_back(value);
    p = next;
  }
  if (!good)
    throw Failure(fmt::format("expected NAME or NAME[0], found '{}'", text));
  return {text.substr(0, bracket), numbers};
}

} // namespace

Matrix matrixOf(Signature const &signature, Example const &inputs, Example const &outputs, std::string const &text) {
  auto [name, leading] = splitName(text);
  auto found = std::find_if(signature.outputs.begin(), signature.outputs.end(),
                            [&, &n = name](TensorSignature const &tensor) { return tensor.name == n; });
  if (found == signature.outputs.end())
    throw Failure(fmt::format("the model has no result '{}'; it has: {}", name, namesOf(signature.outputs)));
  Array const &array = outputs[size_t(found - signature.outputs.begin())];
  size_t rank = array.shape.size();
  if (rank != leading.size() + 2)
    throw Failure(fmt::format("{} is no matrix; {}", describe(signature, *found),
                              rank < 2 ? "only results with two axes or more can be drawn"
                                       : fmt::format("give {} positions in brackets", rank - 2)));
  size_t offset = 0;
  for (size_t axis = 0; axis < leading.size(); ++axis) {
    if (leading[axis] >= size_t(array.shape[axis]))
      throw Failure(
          fmt::format("position {} of '{}' is outside its axis of {}", leading[axis], name, array.shape[axis]));
    offset = offset * size_t(array.shape[axis]) + leading[axis];
  }
  Matrix matrix;
  matrix.title = text;
  matrix.rowCount = size_t(array.shape[rank - 2]);
  matrix.columnCount = size_t(array.shape[rank - 1]);
  matrix.rows = axisOf(signature, found->shape[rank - 2], array.shape[rank - 2], inputs, outputs);
  matrix.columns = axisOf(signature, found->shape[rank - 1], array.shape[rank - 1], inputs, outputs);
  auto first = array.data.begin() + std::ptrdiff_t(offset * matrix.rowCount * matrix.columnCount);
  matrix.values.assign(first, first + std::ptrdiff_t(matrix.rowCount * matrix.columnCount));
  return matrix;
}

bool runsAlongTexts(Signature const &signature, TensorSignature const &output) {
  return output.isReal() && output.shape.size() == 2 &&
         textAlong(signature, output.shape[0], nullptr, nullptr).signature &&
         textAlong(signature, output.shape[1], nullptr, nullptr).signature;
}

} // namespace heed::run
