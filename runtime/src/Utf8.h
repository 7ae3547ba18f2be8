// Utf8.h - strict UTF-8, one code point at a time.
#pragma once

#include <cstdint>

namespace heed::runtime {

/// The code point at `p`, which moves behind it; -1 for anything that is not well-formed UTF-8 (overlong forms and
/// surrogates included).
inline int32_t decodeUtf8(const char *&p, const char *end) {
  auto byte = [&](int i) { return static_cast<unsigned char>(p[i]); };
  unsigned char first = byte(0);
  if (first < 0x80) {
    ++p;
    return first;
  }
  int length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || end - p < length)
    return -1;
  int32_t point = first & (0xFF >> (length + 1));
  for (int i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80)
      return -1;
    point = point << 6 | (byte(i) & 0x3F);
  }
  if ((length == 3 && point < 0x800) || (length == 4 && point < 0x10000) || point > 0x10FFFF ||
      (point >= 0xD800 && point < 0xE000))
    return -1;
  p += length;
  return point;
}

/// Writes `point` and returns the number of bytes, at most 4.
inline int encodeUtf8(int32_t point, char *out) {
  if (point < 0x80) {
    out[0] = static_cast<char>(point);
    return 1;
  }
  int length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (int i = length - 1; i > 0; --i, point >>= 6)
    out[i] = static_cast<char>(0x80 | (point & 0x3F));
  out[0] = static_cast<char>((0xF00 >> length & 0xFF) | point);
  return length;
}

} // namespace heed::runtime
