// Print.cpp - results as text and as JSON.
#include "compiler/tools/heed-run/Print.h"

#include <cmath>
#include <fmt/format.h>

namespace heed::run {

namespace {

std::string join(std::vector<std::string> const &parts) {
  std::string result;
  for (std::string const &part : parts)
    result += part;
  return result;
}

/// As few digits as give the same value back.
std::string number(double value, heed_dtype dtype) {
  if (dtype == HEED_BOOL)
    return value != 0 ? "true" : "false";
  if (std::isnan(value))
    return "nan"; // whatever its sign, which differs between machines
  if (dtype == HEED_I32 || dtype == HEED_I8)
    return fmt::format("{}", static_cast<int64_t>(value));
  if (dtype == HEED_F64 || double(float(value)) != value)
    return fmt::format("{}", value);
  return fmt::format("{}", float(value));
}

std::string jsonNumber(double value, heed_dtype dtype) {
  if (std::isnan(value))
    return "\"NaN\"";
  if (std::isinf(value))
    return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  return number(value, dtype);
}

std::string jsonString(std::string const &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += fmt::format("\\{}", c);
    else if (uint8_t(c) < 0x20 || c == 0x7F)
      result += fmt::format("\\u{:04x}", int(c));
    else
      result += c;
  }
  return result + "\"";
}

void nested(Array const &array, size_t axis, size_t offset, bool lines, std::string (*format)(double, heed_dtype),
            heed_dtype dtype, std::string &text) {
  if (axis == array.shape.size()) {
    text += format(array.data[offset], dtype);
    return;
  }
  text += "[";
  for (int64_t i = 0; i < array.shape[axis]; ++i) {
    if (i > 0)
      text += lines && axis + 1 < array.shape.size() ? ",\n" + std::string(axis + 1, ' ') : ", ";
    nested(array, axis + 1, offset * size_t(array.shape[axis]) + size_t(i), lines, format, dtype, text);
  }
  text += "]";
}

std::string shapeText(Array const &array) {
  std::string text;
  for (size_t axis = 0; axis < array.shape.size(); ++axis)
    text += fmt::format("{}{}", axis ? ", " : "[", array.shape[axis]);
  return text.empty() ? text : text + "]";
}

} // namespace

std::string shownText(TensorSignature const &tensor, Array const &values) {
  std::vector<std::string> characters = decode(tensor.alphabet, values);
  auto isControl = [](std::string const &c) { return c.size() == 1 && (uint8_t(c[0]) < 0x20 || c[0] == 0x7F); };
  while (!characters.empty() && isControl(characters.back()))
    characters.pop_back();
  for (std::string &character : characters)
    if (isControl(character))
      character = fmt::format("\\x{:02x}", int(character[0]));
  return join(characters);
}

std::string valuesText(TensorSignature const &tensor, Array const &values, bool lines) {
  std::string text;
  nested(values, 0, 0, lines, number, tensor.dtype, text);
  return text;
}

std::string summary(Array const &values, TensorSignature const &tensor) {
  if (values.data.size() <= 12)
    return valuesText(tensor, values, false);
  double low = INFINITY, high = -INFINITY, sum = 0;
  size_t special = 0;
  for (double value : values.data) {
    if (!std::isfinite(value)) {
      ++special;
      continue;
    }
    low = std::fmin(low, value);
    high = std::fmax(high, value);
    sum += value;
  }
  std::string text = fmt::format("{}{}", typeName(tensor.dtype), shapeText(values));
  if (special < values.data.size())
    text += fmt::format(", {:.6g} to {:.6g}, mean {:.6g}", low, high, sum / double(values.data.size() - special));
  return special ? text + fmt::format(", {} not finite", special) : text;
}

std::string json(Signature const &signature, std::vector<Example> const &results) {
  std::string text = fmt::format("{{\"model\": {}, \"examples\": [", jsonString(signature.name));
  for (size_t b = 0; b < results.size(); ++b) {
    text += b ? ",\n  {" : "\n  {";
    for (size_t i = 0; i < signature.outputs.size(); ++i) {
      TensorSignature const &tensor = signature.outputs[i];
      Array const &array = results[b][i];
      text += fmt::format("{}{}: {{\"type\": \"{}\", \"shape\": [", i ? ",\n   " : "", jsonString(tensor.name),
                          typeName(tensor.dtype));
      for (size_t axis = 0; axis < array.shape.size(); ++axis)
        text += fmt::format("{}{}", axis ? ", " : "", array.shape[axis]);
      text += "], \"values\": ";
      nested(array, 0, 0, false, jsonNumber, tensor.dtype, text);
      if (tensor.isText())
        text += ", \"text\": " + jsonString(join(decode(tensor.alphabet, array)));
      text += "}";
    }
    text += "}";
  }
  return text + "\n]}\n";
}

} // namespace heed::run
