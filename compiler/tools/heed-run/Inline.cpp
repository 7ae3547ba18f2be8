// Inline.cpp - arrays written out on the command line: `2.5`, `[1, 2]`, `[[true], [false]]`.
#include "compiler/tools/heed-run/Inline.h"

#include "compiler/tools/heed-run/Arguments.h"

#include <charconv>
#include <fmt/format.h>

namespace heed::run {

namespace {

class Reader {
public:
  Reader(std::string const &name, std::string const &text) : name(name), text(text) {}

  Array read() {
    element(0);
    skip();
    if (at != text.size())
      bad("the end");
    return std::move(array);
  }

private:
  [[noreturn]] void bad(char const *expected) const {
    throw Failure(fmt::format("value of '{}': expected {} at column {}: '{}'", name, expected, at + 1, text));
  }
  void skip() {
    while (at < text.size() && text[at] == ' ')
      ++at;
  }
  bool accept(char c) {
    skip();
    if (at == text.size() || text[at] != c)
      return false;
    ++at;
    return true;
  }

  void element(size_t depth) {
    if (depth == HEED_MAX_RANK)
      bad("at most 8 levels of lists");
    if (accept('['))
      return list(depth);
    // The first number fixes the depth, as the first list of each level fixes its length.
    if (!rankKnown) {
      rankKnown = true;
      rank = depth;
    } else if (rank != depth) {
      bad("lists of the same depth everywhere");
    }
    array.data.push_back(number());
  }

  void list(size_t depth) {
    bool first = array.shape.size() == depth;
    if (first)
      array.shape.push_back(-1);
    int64_t count = 0;
    if (!accept(']')) {
      do {
        element(depth + 1);
        ++count;
      } while (accept(','));
      if (!accept(']'))
        bad("',' or ']'");
    }
    if (array.shape[depth] >= 0 && array.shape[depth] != count)
      bad("lists of the same length at each level");
    if (rankKnown && depth >= rank)
      bad("lists of the same depth everywhere");
    array.shape[depth] = count;
  }

  double number() {
    skip();
    for (auto [word, value] : {std::pair<std::string_view, double>{"true", 1}, {"false", 0}})
      if (std::string_view(text).substr(at, word.size()) == word) {
        at += word.size();
        return value;
      }
    double value = 0;
    char const *begin = text.data() + at + (at < text.size() && text[at] == '+');
    auto [end, problem] = std::from_chars(begin, text.data() + text.size(), value);
    if (problem != std::errc())
      bad("a number");
    at = size_t(end - text.data());
    return value;
  }

  std::string const &name, &text;
  size_t at = 0, rank = 0;
  bool rankKnown = false;
  Array array;
};

} // namespace

bool isInline(std::string const &value) {
  if (value.empty() || value[0] == '[')
    return true;
  for (char const *word : {"true", "false", "inf", "-inf", "nan"})
    if (value == word)
      return true;
  size_t start = value[0] == '-' || value[0] == '+';
  return value.find_first_not_of("0123456789.eE+-") == std::string::npos &&
         value.find_first_of("0123456789", start) != std::string::npos;
}

Array parseInline(std::string const &name, std::string const &value) { return Reader(name, value).read(); }

} // namespace heed::run
