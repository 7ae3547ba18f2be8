// Literals.cpp - the values of numbers and strings, names of tokens.

#include "compiler/frontend/grammar/Lexical.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace heed::grammar {

static constexpr size_t longestNumber = 64, longestName = 128;

bool isWordCharacter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
}

bool isKeyword(std::string_view word) {
  // 'layer' and 'model' start items only, so they can name things (a repeat's counter is often called layer).
  static constexpr std::string_view words[] = {"and", "as", "const", "dim",    "false", "fn",   "from",  "import",
                                               "not", "or", "param", "repeat", "text",  "true", "until", "where"};
  return std::binary_search(std::begin(words), std::end(words), word);
}

void checkName(Session &session, Iterator first, Iterator last) {
  if (last - first > static_cast<ptrdiff_t>(longestName))
    session.diagnostics.error(Code::H0705, session.range(first, last),
                              fmt::format("name of {} characters; at most {} are allowed", last - first, longestName));
}

ast::Expr makeNumber(Session &session, Iterator first, Iterator last) {
  std::string_view text(first, last - first);
  bool real = text.find_first_of(".eE") != text.npos;
  ast::Range range = session.range(first, last);
  ast::Integer integer{{range}, 0};
  ast::Real number{{range}, 0};
  if (last != session.end && isWordCharacter(*last)) {
    Iterator end = std::find_if_not(last, session.end, isWordCharacter);
    std::string_view whole(first, std::min<size_t>(end - first, longestNumber));
    throw SyntaxError(first, end, Code::H0103, fmt::format("malformed number '{}'", whole));
  }
  if (text.size() > longestNumber) {
    session.diagnostics.error(
        Code::H0705, range, fmt::format("number of {} characters; at most {} are allowed", text.size(), longestNumber));
  } else if (real ? std::from_chars(first, last, number.value).ec != std::errc()
                  : std::from_chars(first, last, integer.value).ec != std::errc()) {
    session.diagnostics.error(Code::H0706, range, fmt::format("number {} is out of range", text));
  }
  return real ? ast::Expr(number) : ast::Expr(integer);
}

static void appendUtf8(std::string &out, uint32_t code) {
  if (code < 0x80)
    out += static_cast<char>(code);
  else if (code < 0x800)
    out += {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
  else if (code < 0x10000)
    out += {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
            static_cast<char>(0x80 | (code & 0x3F))};
  else
    out += {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
            static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
}

/// Reads what follows a backslash and returns the place after it, or null if it is no escape.
static Iterator readEscape(Iterator at, Iterator last, std::string &out) {
  switch (*at) {
  case 'n':
    out += '\n';
    return at + 1;
  case 't':
    out += '\t';
    return at + 1;
  case '\\':
  case '"':
    out += *at;
    return at + 1;
  case 'u':
    break;
  default:
    return nullptr;
  }
  uint32_t code = 0;
  if (last - at < 3 || at[1] != '{')
    return nullptr;
  auto [end, error] = std::from_chars(at + 2, last, code, 16);
  bool surrogate = code >= 0xD800 && code < 0xE000;
  if (error != std::errc() || end == last || *end != '}' || end - at > 8 || code > 0x10FFFF || surrogate)
    return nullptr;
  appendUtf8(out, code);
  return end + 1;
}

ast::Text makeText(Session &session, Iterator first, Iterator last) {
  ast::Text text;
  text.range = session.range(first, last);
  bool closed = last - first >= 2 && last[-1] == '"';
  if (!closed)
    throw SyntaxError(first, last, Code::H0102, "string is not closed on its line");
  for (Iterator at = first + 1, end = last - 1; at < end;) {
    if (*at != '\\') {
      text.value += *at++;
      continue;
    }
    Iterator after = readEscape(at + 1, end, text.value);
    if (!after) {
      session.diagnostics.error(Code::H0102, session.range(at, std::min(at + 2, end)), "unknown escape in a string",
                                Note{{}, "the escapes are \\n, \\t, \\\\, \\\" and \\u{...}"});
      after = at + 2;
    }
    at = after;
  }
  return text;
}

Iterator skipSpace(Iterator at, Iterator end) {
  for (; at != end; ++at) {
    if (*at == '#')
      at = std::find_if(at, end, [](char byte) { return byte == '\n' || byte == '\r'; });
    if (at == end || !(*at == ' ' || (*at >= '\t' && *at <= '\r')))
      break;
  }
  return at;
}

Found tokenAt(Iterator at, Iterator end) {
  if (at == end)
    return {at, "the end of the file"};
  if (isWordCharacter(*at)) {
    Iterator last = std::find_if_not(at, end, isWordCharacter);
    std::string_view word(at, last - at);
    std::string shown = word.size() > 40 ? fmt::format("'{}...'", word.substr(0, 40)) : fmt::format("'{}'", word);
    return {last, isKeyword(word) ? "keyword " + shown : shown};
  }
  if (*at == '"') {
    Iterator last = std::find_if(at + 1, end, [](char byte) { return byte == '"' || byte == '\n' || byte == '\r'; });
    return {last == end || *last != '"' ? last : last + 1, "a string"};
  }
  for (std::string_view two : {"->", "<=", ">=", "==", "!="})
    if (std::string_view(at, end - at).starts_with(two))
      return {at + 2, fmt::format("'{}'", two)};
  Iterator last = at + 1;
  while (last != end && (*last & 0xC0) == 0x80)
    ++last;
  return {last, fmt::format("'{}'", std::string_view(at, last - at))};
}

} // namespace heed::grammar
