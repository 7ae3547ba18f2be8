// Elements.cpp - numbers in f64 to elements of arrays in memory and files, and back.
#include "compiler/tools/heed-run/Elements.h"

#include <cmath>
#include <cstring>

namespace heed::run {

namespace {

double halfToDouble(uint16_t bits, int fractionBits, int bias) {
  int exponent = bits >> fractionBits & ((1 << (15 - fractionBits)) - 1), maximum = (1 << (15 - fractionBits)) - 1;
  double fraction = bits & ((1 << fractionBits) - 1), magnitude;
  if (exponent == maximum)
    magnitude = fraction != 0 ? NAN : INFINITY;
  else if (exponent == 0)
    magnitude = std::ldexp(fraction, 1 - bias - fractionBits);
  else
    magnitude = std::ldexp(fraction + (1 << fractionBits), exponent - bias - fractionBits);
  return bits & 0x8000 ? -magnitude : magnitude;
}

uint16_t doubleToHalf(double value, int fractionBits, int bias) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0,
           infinity = uint16_t(((1 << (15 - fractionBits)) - 1) << fractionBits);
  double magnitude = std::fabs(value);
  if (std::isnan(value))
    return uint16_t(sign | infinity | 1 << (fractionBits - 1));
  if (std::isinf(value))
    return sign | infinity;
  // In units of the last place of the value's binade, where nearbyint rounds to even; a carry steps the exponent.
  int exponent = magnitude == 0 ? 1 - bias : std::max(std::ilogb(magnitude), 1 - bias);
  double units = std::nearbyint(std::ldexp(magnitude, fractionBits - exponent));
  double bits = double(exponent + bias - 1) * (1 << fractionBits) + units;
  return sign | (bits >= infinity ? infinity : uint16_t(bits));
}

template <typename T>
double load(char const *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return double(value);
}
double loadHalf(char const *bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof bits);
  return halfToDouble(bits, 10, 15);
}

template <typename T, typename F>
void store(std::string &bytes, std::vector<double> const &values, F convert) {
  for (size_t i = 0; i < values.size(); ++i) {
    T value = convert(values[i]);
    std::memcpy(&bytes[i * sizeof value], &value, sizeof value);
  }
}

} // namespace

size_t elementSize(heed_dtype dtype) {
  static size_t const sizes[] = {4, 8, 2, 2, 4, 1, 1};
  return sizes[dtype];
}

std::string toBytes(std::vector<double> const &values, heed_dtype dtype) {
  std::string bytes(values.size() * elementSize(dtype), '\0');
  switch (dtype) {
  case HEED_F32:
    store<float>(bytes, values, [](double v) { return float(v); });
    break;
  case HEED_F64:
    store<double>(bytes, values, [](double v) { return v; });
    break;
  case HEED_F16:
    store<uint16_t>(bytes, values, [](double v) { return doubleToHalf(v, 10, 15); });
    break;
  case HEED_BF16:
    store<uint16_t>(bytes, values, [](double v) { return doubleToHalf(v, 7, 127); });
    break;
  case HEED_I32:
    store<int32_t>(bytes, values, [](double v) { return int32_t(v); });
    break;
  case HEED_I8:
    store<int8_t>(bytes, values, [](double v) { return int8_t(v); });
    break;
  case HEED_BOOL:
    store<uint8_t>(bytes, values, [](double v) { return uint8_t(v != 0); });
    break;
  }
  return bytes;
}

std::vector<double> fromBytes(void const *data, size_t count, heed_dtype dtype) {
  std::vector<double> values(count);
  auto const *bytes = static_cast<char const *>(data);
  for (size_t i = 0; i < count; ++i) {
    char const *at = bytes + i * elementSize(dtype);
    uint16_t half = 0;
    if (dtype == HEED_BF16)
      std::memcpy(&half, at, sizeof half);
    values[i] = dtype == HEED_F32    ? load<float>(at)
                : dtype == HEED_F64  ? load<double>(at)
                : dtype == HEED_F16  ? loadHalf(at)
                : dtype == HEED_BF16 ? halfToDouble(half, 7, 127)
                : dtype == HEED_I32  ? load<int32_t>(at)
                                     : load<int8_t>(at);
  }
  return values;
}

FileElement const *findFileElement(std::string_view name) {
  static FileElement const elements[] = {
      {"f4", 4, false, load<float>},   {"f8", 8, false, load<double>},  {"f2", 2, false, loadHalf},
      {"i1", 1, true, load<int8_t>},   {"i2", 2, true, load<int16_t>},  {"i4", 4, true, load<int32_t>},
      {"i8", 8, true, load<int64_t>},  {"u1", 1, true, load<uint8_t>},  {"u2", 2, true, load<uint16_t>},
      {"u4", 4, true, load<uint32_t>}, {"u8", 8, true, load<uint64_t>}, {"b1", 1, true, load<uint8_t>}};
  for (FileElement const &element : elements)
    if (element.name == name)
      return &element;
  return nullptr;
}

} // namespace heed::run
