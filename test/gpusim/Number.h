// Number.h - the 16-bit floating-point formats, in software so that every host computes the same bits.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace gpusim {

inline float asFloat(std::uint32_t bits) { return std::bit_cast<float>(bits); }
inline std::uint32_t asBits(float value) { return std::bit_cast<std::uint32_t>(value); }
inline double asDouble(std::uint64_t bits) { return std::bit_cast<double>(bits); }
inline std::uint64_t asBits(double value) { return std::bit_cast<std::uint64_t>(value); }

inline float floatOfBfloat(std::uint16_t value) { return asFloat(std::uint32_t(value) << 16); }

/// To nearest, ties to even.
inline std::uint16_t bfloatOfFloat(float value) {
  std::uint32_t bits = asBits(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return 0x7fff;
  return std::uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline std::uint16_t bfloatOfFloatTowardsZero(float value) {
  std::uint32_t bits = asBits(value);
  return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fff : std::uint16_t(bits >> 16);
}

inline float floatOfHalf(std::uint16_t value) {
  std::uint32_t sign = std::uint32_t(value & 0x8000) << 16, magnitude = value & 0x7fff;
  if (magnitude >= 0x7c00)
    return asFloat(sign | 0x7f800000 | ((magnitude & 0x3ff) << 13));
  // The exponent of a half placed in a float is too small by 127 - 15; the product is exact for subnormals as well.
  float scaled = asFloat(magnitude << 13) * asFloat(0x77800000);
  return asFloat(asBits(scaled) | sign);
}

/// To nearest, ties to even, or towards zero.
inline std::uint16_t halfOfFloat(float value, bool towardsZero = false) {
  std::uint32_t bits = asBits(value), magnitude = bits & 0x7fffffff;
  auto sign = std::uint16_t(bits >> 16 & 0x8000);
  if (magnitude > 0x7f800000)
    return 0x7fff;
  if (magnitude == 0x7f800000)
    return sign | 0x7c00;
  int exponent = int(magnitude >> 23) - 127;
  if (exponent < -25)
    return sign;
  std::uint32_t significand = (magnitude & 0x7fffff) | 0x800000;
  // The bits that a half does not hold: 13, and more for a subnormal.
  int dropped = exponent < -14 ? 13 + (-14 - exponent) : 13;
  std::uint32_t kept = significand >> dropped, rest = significand & ((1u << dropped) - 1), half = 1u << (dropped - 1);
  if (!towardsZero && (rest > half || (rest == half && (kept & 1))))
    ++kept;
  std::uint32_t result = exponent < -14 ? kept : kept + (std::uint32_t(exponent + 14) << 10);
  if (result >= 0x7c00)
    return sign | (towardsZero ? 0x7bff : 0x7c00);
  return sign | std::uint16_t(result);
}

/// A float from which rounding to 16 bits gives what rounding the double itself would: an inexact one gets an odd last
/// bit.
inline float roundToOdd(double value) {
  float nearest = float(value);
  if (double(nearest) == value || std::isnan(value) || std::isinf(nearest))
    return nearest;
  float truncated = std::fabs(double(nearest)) > std::fabs(value) ? std::nextafter(nearest, 0.0f) : nearest;
  return asFloat(asBits(truncated) | 1);
}

/// tf32 keeps ten bits of the significand.
inline float truncatedToTf32(std::uint32_t bits) { return asFloat(bits & 0xffffe000); }

inline std::uint32_t tf32OfFloat(float value, bool tiesAway) {
  std::uint32_t bits = asBits(value);
  if ((bits & 0x7fffffff) >= 0x7f800000)
    return bits;
  std::uint32_t half = tiesAway ? 0x1000 : 0xfff + ((bits >> 13) & 1);
  return (bits + half) & 0xffffe000;
}

inline float flushed(float value) {
  return std::fabs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0f, value) : value;
}

} // namespace gpusim
