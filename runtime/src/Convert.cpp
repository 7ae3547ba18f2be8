// Convert.cpp - element types of weights files to element types of programs.
#include "Convert.h"

#include "heed/program.h"

#include <cstring>

namespace heed::runtime {

namespace {

float floatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename T>
T load(const void *source, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const char *>(source) + i * int64_t(sizeof(T)), sizeof value);
  return value;
}

float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3FF;
  if (exponent == 31)
    return floatOf(sign | 0x7F800000 | fraction << 13);
  if (exponent)
    return floatOf(sign | (exponent + 112) << 23 | fraction << 13);
  float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

/// Rounds the magnitude in `value` (f64: both f32 and f64 sources are exact in it) to the format with `fractionBits`
/// and an exponent range that ends at 2^`maximum`, subnormals below 2^`minimum`. Returns the bits without sign.
uint32_t roundTo(double value, int fractionBits, int minimum, int maximum) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  uint32_t infinity = uint32_t(maximum - minimum + 2) << fractionBits;
  int exponent = static_cast<int>(bits >> 52 & 0x7FF) - 1023;
  uint64_t significand = (bits & 0xFFFFFFFFFFFFF) | 0x10000000000000;
  if (exponent == 1024)
    return (bits & 0xFFFFFFFFFFFFF) ? infinity | 1u << (fractionBits - 1) : infinity;
  if (exponent > maximum)
    return infinity;
  int shift = 52 - fractionBits + (exponent < minimum ? minimum - exponent : 0);
  if (shift > 54)
    return 0;
  uint64_t kept = significand >> shift, lost = significand & ((uint64_t(1) << shift) - 1),
           half = uint64_t(1) << (shift - 1);
  kept += lost > half || (lost == half && (kept & 1));
  // A carry out of the fraction steps the exponent, up to infinity, as it should.
  uint64_t base = exponent < minimum ? 0 : uint64_t(exponent - minimum) << fractionBits;
  return static_cast<uint32_t>(base + kept);
}

uint16_t toHalf(double value) {
  uint16_t sign = __builtin_signbit(value) ? 0x8000 : 0;
  return sign | static_cast<uint16_t>(roundTo(value, 10, -14, 15));
}
uint16_t toBrain(double value) {
  uint16_t sign = __builtin_signbit(value) ? 0x8000 : 0;
  return sign | static_cast<uint16_t>(roundTo(value, 7, -126, 127));
}

double loadReal(Stored from, const void *source, int64_t i) {
  switch (from) {
  case Stored::F64:
    return load<double>(source, i);
  case Stored::F32:
    return load<float>(source, i);
  case Stored::F16:
    return halfToFloat(load<uint16_t>(source, i));
  default:
    return floatOf(uint32_t(load<uint16_t>(source, i)) << 16);
  }
}

Stored storedForm(int32_t dtype) {
  switch (dtype) {
  case HEED_F32:
    return Stored::F32;
  case HEED_F64:
    return Stored::F64;
  case HEED_F16:
    return Stored::F16;
  case HEED_BF16:
    return Stored::BF16;
  case HEED_I32:
    return Stored::I32;
  case HEED_I8:
    return Stored::I8;
  default:
    return Stored::Bool;
  }
}

bool isReal(Stored type) { return type <= Stored::BF16; }

} // namespace

int64_t storedSize(Stored type) {
  static const int8_t sizes[] = {8, 4, 2, 2, 8, 4, 2, 1, 1, 1, 0};
  return sizes[static_cast<int>(type)];
}

bool canConvert(Stored from, int32_t to) {
  Stored target = storedForm(to);
  return from == target || (isReal(from) && isReal(target));
}

void convert(Stored from, const void *source, int32_t to, void *target, int64_t count) {
  if (from == storedForm(to)) {
    if (count > 0)
      std::memcpy(target, source, static_cast<size_t>(count * storedSize(from)));
    return;
  }
  switch (to) {
  case HEED_F32:
    for (int64_t i = 0; i < count; ++i)
      static_cast<float *>(target)[i] = static_cast<float>(loadReal(from, source, i));
    break;
  case HEED_F64:
    for (int64_t i = 0; i < count; ++i)
      static_cast<double *>(target)[i] = loadReal(from, source, i);
    break;
  case HEED_F16:
    for (int64_t i = 0; i < count; ++i)
      static_cast<uint16_t *>(target)[i] = toHalf(loadReal(from, source, i));
    break;
  case HEED_BF16:
    for (int64_t i = 0; i < count; ++i)
      static_cast<uint16_t *>(target)[i] = toBrain(loadReal(from, source, i));
    break;
  }
}

} // namespace heed::runtime
