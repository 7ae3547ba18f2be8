// Buffers.cpp - element conversions for the C ABI.
#include "compiler/reference/Buffers.h"

#include "compiler/reference/Storage.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace heed::reference {

heed_dtype dtypeOf(Element element) {
  switch (element) {
  case Element::F32:
    return HEED_F32;
  case Element::F64:
    return HEED_F64;
  case Element::F16:
    return HEED_F16;
  case Element::BF16:
    return HEED_BF16;
  case Element::I32:
    return HEED_I32;
  case Element::I8:
    return HEED_I8;
  case Element::Bool:
    return HEED_BOOL;
  }
  return HEED_F32;
}

static size_t widthOf(Element element) {
  switch (element) {
  case Element::F64:
    return 8;
  case Element::F32:
  case Element::I32:
    return 4;
  case Element::F16:
  case Element::BF16:
    return 2;
  default:
    return 1;
  }
}

static uint16_t toHalf(double value) {
  double rounded = roundTo(Element::F16, value);
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value))
    return sign | 0x7e00;
  if (std::isinf(rounded))
    return sign | 0x7c00;
  double magnitude = std::fabs(rounded);
  if (magnitude < 0x1p-14)
    return sign | static_cast<uint16_t>(magnitude * 0x1p24);
  int exponent = std::ilogb(magnitude);
  return sign | static_cast<uint16_t>((exponent + 15) << 10 |
                                      (static_cast<int>(std::ldexp(magnitude, 10 - exponent)) & 0x3ff));
}

static double fromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 0x3ff;
  double magnitude = exponent == 0    ? std::ldexp(mantissa, -24)
                     : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                      : std::ldexp(mantissa | 0x400, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

template <typename T>
static void put(unsigned char *to, T value) {
  std::memcpy(to, &value, sizeof value);
}
template <typename T>
static T get(unsigned char const *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

Buffer room(Element element, std::vector<int64_t> const &shape) {
  Buffer buffer;
  // Never empty, so that the pointer is not null.
  buffer.bytes.assign(elementCount("a buffer", shape) * widthOf(element) + 8, 0xA5);
  buffer.tensor.dtype = dtypeOf(element);
  buffer.tensor.rank = static_cast<int32_t>(shape.size());
  for (size_t axis = 0; axis < shape.size() && axis < HEED_MAX_RANK; ++axis)
    buffer.tensor.shape[axis] = shape[axis];
  buffer.tensor.data = buffer.bytes.data();
  return buffer;
}

Buffer encode(Element element, Array const &array) {
  Buffer buffer = room(element, array.shape);
  size_t width = widthOf(element);
  for (size_t index = 0; index < array.data.size(); ++index) {
    unsigned char *to = buffer.bytes.data() + index * width;
    double value = array.data[index];
    switch (element) {
    case Element::F64:
      put(to, value);
      break;
    case Element::F32:
      put(to, static_cast<float>(value));
      break;
    case Element::I32:
      put(to, static_cast<int32_t>(value));
      break;
    case Element::F16:
      put(to, toHalf(value));
      break;
    case Element::BF16:
      put(to, static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(roundTo(Element::BF16, value))) >> 16));
      break;
    case Element::I8:
      put(to, static_cast<int8_t>(value));
      break;
    case Element::Bool:
      put(to, static_cast<uint8_t>(value != 0));
      break;
    }
  }
  return buffer;
}

size_t usedBytes(Element element, Buffer const &buffer) {
  std::vector<int64_t> shape(buffer.tensor.shape, buffer.tensor.shape + buffer.tensor.rank);
  size_t used = elementCount("an output", shape) * widthOf(element);
  if (used > buffer.bytes.size())
    throw EvaluationError("the shape written for an output is larger than its room");
  return used;
}

Array decode(Element element, Buffer const &buffer) {
  Array array;
  array.shape.assign(buffer.tensor.shape, buffer.tensor.shape + buffer.tensor.rank);
  size_t width = widthOf(element), count = usedBytes(element, buffer) / width;
  array.data.resize(count);
  for (size_t index = 0; index < count; ++index) {
    unsigned char const *from = buffer.bytes.data() + index * width;
    double &value = array.data[index];
    switch (element) {
    case Element::F64:
      value = get<double>(from);
      break;
    case Element::F32:
      value = get<float>(from);
      break;
    case Element::I32:
      value = get<int32_t>(from);
      break;
    case Element::F16:
      value = fromHalf(get<uint16_t>(from));
      break;
    case Element::BF16:
      value = std::bit_cast<float>(static_cast<uint32_t>(get<uint16_t>(from)) << 16);
      break;
    case Element::I8:
      value = get<int8_t>(from);
      break;
    case Element::Bool:
      value = get<uint8_t>(from);
      break;
    }
  }
  return array;
}

} // namespace heed::reference
