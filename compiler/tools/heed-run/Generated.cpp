// Generated.cpp - values that are made for a shape: `random[:SEED[:LIMIT]]` and `sin:PHASE`.
#include "compiler/tools/heed-run/Generated.h"

#include "compiler/tools/heed-run/Arguments.h"
#include "compiler/tools/heed-run/Values.h"

#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace heed::run {

namespace {

/// splitmix64.
uint64_t nextRandom(uint64_t &state) {
  uint64_t z = state += 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

template <typename T>
T numberIn(std::string const &value, std::string_view text) {
  T number{};
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size())
    throw Failure(fmt::format("expected a number, found '{}' in '{}'", text, value));
  return number;
}

} // namespace

bool isGenerated(std::string const &value) {
  return value == "random" || value.rfind("random:", 0) == 0 || value.rfind("sin:", 0) == 0;
}

Array generateValues(TensorSignature const &tensor, std::string const &value, std::vector<int64_t> shape,
                     uint64_t example) {
  size_t count = 1;
  for (int64_t size : shape)
    count *= size_t(size);
  Array result{std::move(shape), std::vector<double>(count)};
  std::string_view rest = value;
  rest.remove_prefix(std::min(rest.find(':') + 1, rest.size()));
  if (value[0] == 's') {
    if (!tensor.isReal())
      throw Failure(fmt::format("'{}' is {}; sin gives reals", tensor.name, typeName(tensor.dtype)));
    double phase = numberIn<double>(value, rest);
    for (size_t i = 0; i < count; ++i)
      result.data[i] = std::sin(0.7 * double(i) + phase);
    return result;
  }
  if (value == "random")
    rest = "0";
  size_t colon = rest.find(':');
  uint64_t state = numberIn<uint64_t>(value, rest.substr(0, colon)) * 0xD1342543DE82EF95 + example;
  for (char c : tensor.name)
    state = state * 0x100000001B3 + uint8_t(c);
  double limit = tensor.isReal()             ? 1
                 : tensor.dtype == HEED_BOOL ? 2
                 : tensor.isText()           ? double(charactersOf(tensor.alphabet).size())
                                             : 10;
  if (colon != std::string_view::npos)
    limit = numberIn<double>(value, rest.substr(colon + 1));
  if (!(limit > 0) || limit > 1e300)
    throw Failure(fmt::format("expected a limit above 0 in '{}'", value));
  for (double &element : result.data) {
    double unit = double(nextRandom(state) >> 11) * 0x1p-53;
    element = tensor.isReal() ? (2 * unit - 1) * limit : std::floor(unit * limit);
  }
  return result;
}

} // namespace heed::run
