// Alphabet.cpp - text to values of an alphabet and back: character k of the alphabet is the value k.
#include "Error.h"
#include "Utf8.h"

#include <cstring>
#include <initializer_list>

using namespace heed::runtime;

namespace {

/// The position of a character in an alphabet; -1: not in it; -2: the alphabet is not UTF-8. The first of equal
/// characters counts.
int32_t valueOf(const char *alphabet, const char *end, int32_t point) {
  int32_t value = 0;
  for (const char *p = alphabet; p < end; ++value) {
    int32_t candidate = decodeUtf8(p, end);
    if (candidate < 0)
      return -2;
    if (candidate == point)
      return value;
  }
  return -1;
}

} // namespace

HEED_EXPORT heed_status heed_encode_text(const char *alphabet, const char *text, int32_t *values, int64_t *count) {
  if (!alphabet || !text || !count || (!values && *count > 0))
    return fail(HEED_E_NULL, "heed_encode_text: %s is null",
                !alphabet ? "alphabet"
                : !text   ? "text"
                : !count  ? "count"
                          : "values");
  const char *alphabetEnd = alphabet + std::strlen(alphabet), *end = text + std::strlen(text);
  // Two rounds, so that nothing is written unless all of it can be.
  int64_t needed = 0;
  for (bool write : {false, true}) {
    int64_t i = 0;
    for (const char *p = text; p < end; ++i) {
      const char *first = p;
      int32_t point = decodeUtf8(p, end);
      if (point < 0)
        return fail(HEED_E_TEXT, "text is not UTF-8 at byte %lld", static_cast<long long>(first - text));
      int32_t value = valueOf(alphabet, alphabetEnd, point);
      if (value == -2)
        return fail(HEED_E_TEXT, "the alphabet is not UTF-8");
      if (value < 0)
        return fail(HEED_E_TEXT, "character %lld of the text, '%.*s', is not in the alphabet",
                    static_cast<long long>(i + 1), static_cast<int>(p - first), first);
      if (write)
        values[i] = value;
    }
    needed = i;
    if (!write && needed > *count) {
      long long room = *count;
      *count = needed;
      return fail(HEED_E_SHAPE, "the text has %lld characters, there is room for %lld", static_cast<long long>(needed),
                  room);
    }
  }
  *count = needed;
  return HEED_OK;
}

HEED_EXPORT heed_status heed_decode_text(const char *alphabet, const int32_t *values, int64_t count, char *text,
                                         size_t room) {
  if (!alphabet || (!values && count > 0) || !text)
    return fail(HEED_E_NULL, "heed_decode_text: %s is null", !alphabet ? "alphabet" : !text ? "text" : "values");
  if (count < 0)
    return fail(HEED_E_ARGUMENT, "heed_decode_text: count is %lld, expected 0 or more", static_cast<long long>(count));
  const char *end = alphabet + std::strlen(alphabet);
  size_t needed = 0;
  for (bool write : {false, true}) {
    size_t length = 0;
    for (int64_t i = 0; i < count; ++i) {
      const char *first = alphabet, *p = alphabet;
      int32_t reached = -1;
      for (; p < end && reached < values[i]; ++reached) {
        first = p;
        if (decodeUtf8(p, end) < 0)
          return fail(HEED_E_TEXT, "the alphabet is not UTF-8");
      }
      if (values[i] < 0 || reached != values[i])
        return fail(HEED_E_TEXT, "value %d at position %lld is not in the alphabet", values[i],
                    static_cast<long long>(i));
      size_t size = static_cast<size_t>(p - first);
      if (write)
        std::memcpy(text + length, first, size);
      length += size;
    }
    needed = length;
    if (!write && (needed >= room))
      return fail(HEED_E_SHAPE, "the text needs %llu bytes, there is room for %llu",
                  static_cast<unsigned long long>(needed + 1), static_cast<unsigned long long>(room));
  }
  text[needed] = 0;
  return HEED_OK;
}
