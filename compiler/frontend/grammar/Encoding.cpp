// Encoding.cpp - size limit, UTF-8, NUL and bidirectional controls.

#include "compiler/frontend/grammar/Encoding.h"

#include <fmt/format.h>

namespace heed::grammar {

static constexpr size_t largestText = 16u << 20;

/// Decodes the code point at `at` and returns its length in bytes; 0 if it is malformed (overlong and surrogate forms
/// are).
static int decode(Iterator at, Iterator end, uint32_t &code) {
  auto byte = [&](int index) { return static_cast<unsigned char>(at[index]); };
  int length = byte(0) < 0x80   ? 1
               : byte(0) < 0xC2 ? 0
               : byte(0) < 0xE0 ? 2
               : byte(0) < 0xF0 ? 3
               : byte(0) < 0xF5 ? 4
                                : 0;
  if (length == 0 || end - at < length)
    return 0;
  code = length == 1 ? byte(0) : byte(0) & (0x7F >> length);
  for (int index = 1; index < length; ++index) {
    if ((byte(index) & 0xC0) != 0x80)
      return 0;
    code = code << 6 | (byte(index) & 0x3F);
  }
  static constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = code >= 0xD800 && code < 0xE000;
  return code < least[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

static bool isBidirectionalControl(uint32_t code) {
  return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

bool acceptable(Session const &session) {
  Iterator at = session.begin, end = session.end;
  if (static_cast<size_t>(end - at) > largestText) {
    session.diagnostics.error(Code::H0702, session.range(at, at), "text is larger than 16 MiB");
    return false;
  }
  for (int length = 0; at != end; at += length) {
    uint32_t code = 0;
    length = decode(at, end, code);
    if (length == 0) {
      session.diagnostics.error(Code::H0703, session.range(at, at + 1),
                                fmt::format("byte 0x{:02X} is no UTF-8", static_cast<unsigned char>(*at)));
      return false;
    }
    if (code == 0 || isBidirectionalControl(code)) {
      session.diagnostics.error(Code::H0704, session.range(at, at + length),
                                fmt::format("control character U+{:04X} in a source text", code),
                                Note{{}, "in a string, write \\u{...}"});
      return false;
    }
  }
  return true;
}

} // namespace heed::grammar
