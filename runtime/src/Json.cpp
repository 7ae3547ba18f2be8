// Json.cpp - reads JSON in one pass, in place, strictly.
#include "Json.h"

#include "Utf8.h"

#include <cstring>

namespace heed::runtime {

bool Slice::equals(const char *text) const {
  return static_cast<int64_t>(std::strlen(text)) == size && std::memcmp(data, text, size) == 0;
}

void JsonReader::skipSpace() {
  while (next < end && (*next == ' ' || *next == '\t' || *next == '\n' || *next == '\r'))
    ++next;
}

bool JsonReader::expect(char c) {
  skipSpace();
  if (next < end && *next == c) {
    ++next;
    return true;
  }
  switch (c) {
  case ':':
    return failBecause("expected ':'");
  case ',':
    return failBecause("expected ',' or the end of the list");
  case '{':
    return failBecause("expected an object");
  default:
    return failBecause("expected an array");
  }
}

bool JsonReader::open(char c) {
  if (depth == maximumDepth)
    return failBecause("values are nested too deeply");
  if (!expect(c))
    return false;
  ++depth;
  return true;
}

bool JsonReader::close(char c) {
  skipSpace();
  if (next == end || *next != c)
    return false;
  ++next;
  --depth;
  return true;
}

bool JsonReader::hex4(uint32_t &value) {
  value = 0;
  if (end - next < 4)
    return false;
  for (int i = 0; i < 4; ++i) {
    char c = *next++;
    uint32_t digit = c >= '0' && c <= '9'   ? c - '0'
                     : c >= 'a' && c <= 'f' ? c - 'a' + 10
                     : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                            : 16;
    if (digit == 16)
      return false;
    value = value << 4 | digit;
  }
  return true;
}

/// Behind a backslash. What it stands for is never longer than the escape, so `out` stays behind `next`.
bool JsonReader::escape(char *&out) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (next == end)
    return false;
  char c = *next++;
  if (c != 'u') {
    const char *name = c ? std::strchr(names, c) : nullptr;
    if (name)
      *out++ = values[name - names];
    return name != nullptr;
  }
  uint32_t point, low;
  if (!hex4(point) || (point >= 0xDC00 && point < 0xE000))
    return false;
  if (point >= 0xD800 && point < 0xDC00) {
    if (end - next < 2 || next[0] != '\\' || next[1] != 'u')
      return false;
    next += 2;
    if (!hex4(low) || low < 0xDC00 || low >= 0xE000)
      return false;
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  out += encodeUtf8(static_cast<int32_t>(point), out);
  return true;
}

bool JsonReader::string(Slice &value) {
  skipSpace();
  if (next == end || *next != '"')
    return failBecause("expected a string");
  char *out = ++next;
  value.data = out;
  while (next < end && *next != '"') {
    if (static_cast<unsigned char>(*next) < 0x20)
      return failBecause("a control character in a string");
    if (*next != '\\') {
      *out++ = *next++;
      continue;
    }
    ++next;
    if (!escape(out))
      return failBecause("an invalid escape in a string");
  }
  if (next == end)
    return failBecause("a string without end");
  ++next;
  value.size = out - value.data;
  return true;
}

bool JsonReader::integer(uint64_t &value) {
  skipSpace();
  const char *first = next;
  value = 0;
  for (; next < end && *next >= '0' && *next <= '9'; ++next)
    if (__builtin_mul_overflow(value, 10u, &value) ||
        __builtin_add_overflow(value, static_cast<unsigned>(*next - '0'), &value))
      return failBecause("a number is too large");
  if (next == first || (*first == '0' && next - first > 1) ||
      (next < end && (*next == '.' || *next == 'e' || *next == 'E')))
    return failBecause("expected a whole number that is not negative");
  return true;
}

bool JsonReader::literal(const char *word) {
  int64_t length = static_cast<int64_t>(std::strlen(word));
  if (end - next < length || std::memcmp(next, word, length) != 0)
    return failBecause("expected a value");
  next += length;
  return true;
}

bool JsonReader::number() {
  auto digits = [&] {
    char *first = next;
    while (next < end && *next >= '0' && *next <= '9')
      ++next;
    return next - first;
  };
  if (*next == '-')
    ++next;
  bool zero = next < end && *next == '0';
  auto whole = digits();
  bool good = whole > 0 && !(zero && whole > 1);
  if (good && next < end && *next == '.') {
    ++next;
    good = digits() > 0;
  }
  if (good && next < end && (*next == 'e' || *next == 'E')) {
    ++next;
    if (next < end && (*next == '+' || *next == '-'))
      ++next;
    good = digits() > 0;
  }
  return good || failBecause("an invalid number");
}

bool JsonReader::skipValue() {
  skipSpace();
  if (next == end)
    return failBecause("expected a value");
  Slice ignored;
  switch (*next) {
  case '{':
    return object([&](Slice) { return skipValue(); });
  case '[':
    return array([&] { return skipValue(); });
  case '"':
    return string(ignored);
  case 't':
    return literal("true");
  case 'f':
    return literal("false");
  case 'n':
    return literal("null");
  default:
    return number();
  }
}

bool JsonReader::atEnd() {
  skipSpace();
  return next == end || failBecause("text after the end");
}

} // namespace heed::runtime
