// Json.h - reads JSON in one pass, in place, strictly.
#pragma once

#include <cstdint>

namespace heed::runtime {

struct Slice {
  const char *data = nullptr;
  int64_t size = 0;
  bool equals(const char *text) const;
};

/// A reader over a modifiable text: escapes are resolved where they stand. Every function returns false after an error;
/// `error` then says what was expected. The depth of nested values is limited.
class JsonReader {
public:
  JsonReader(char *begin, char *end) : next(begin), begin(begin), end(end) {}

  /// Calls member(Slice key) -> bool for each member; it must read the value.
  template <typename F>
  bool object(F member) {
    if (!open('{'))
      return false;
    if (close('}'))
      return true;
    for (;;) {
      Slice key;
      if (!string(key) || !expect(':') || !member(key))
        return false;
      if (close('}'))
        return true;
      if (!expect(','))
        return false;
    }
  }
  /// Calls element() -> bool for each element; it must read it.
  template <typename F>
  bool array(F element) {
    if (!open('['))
      return false;
    if (close(']'))
      return true;
    for (;;) {
      if (!element())
        return false;
      if (close(']'))
        return true;
      if (!expect(','))
        return false;
    }
  }
  bool string(Slice &value);
  /// A number without sign, fraction and exponent.
  bool integer(uint64_t &value);
  bool skipValue();
  /// Nothing but white space is left.
  bool atEnd();

  bool failBecause(const char *what) {
    if (!error)
      error = what;
    return false;
  }
  const char *position() const { return next; }
  int64_t offset() const { return next - begin; }
  const char *error = nullptr;

private:
  static constexpr int maximumDepth = 4;

  void skipSpace();
  bool expect(char c);
  bool open(char c);
  bool close(char c);
  bool literal(const char *word);
  bool number();
  bool escape(char *&out);
  bool hex4(uint32_t &value);

  char *next, *begin, *end;
  int depth = 0;
};

} // namespace heed::runtime
