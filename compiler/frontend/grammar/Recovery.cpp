// Recovery.cpp - where to go on after a syntax error.
//
// Both searches are guided by lines: people break lines between statements, and an error rarely disturbs that.

#include "compiler/frontend/grammar/Recovery.h"

#include <fmt/format.h>

#include <algorithm>

namespace heed::grammar {

/// The end of the last token before `at`, which starts a token; the start of the text if there is none.
static Iterator endOfPrevious(Session const &session, Iterator at) {
  Iterator line = at, lineEnd = at;
  for (;; lineEnd = --line) {
    while (line != session.begin && line[-1] != '\n')
      --line;
    Iterator last = nullptr;
    for (Iterator token = skipSpace(line, lineEnd); token != lineEnd; token = skipSpace(last, lineEnd))
      last = tokenAt(token, lineEnd).last;
    if (last)
      return last;
    if (line == session.begin)
      return line;
  }
}

void report(Session &session, x3::expectation_failure<Iterator> const &failure) {
  if (auto *error = dynamic_cast<SyntaxError const *>(&failure)) {
    std::optional<Note> note;
    if (!error->remedy.empty())
      note = Note{{}, error->remedy};
    session.diagnostics.error(error->code, session.range(error->where(), error->last), error->which(), note);
    return;
  }
  Iterator at = skipSpace(failure.where(), session.end);
  Found found = tokenAt(at, session.end);
  std::string text = fmt::format("expected {}, found {}", failure.which(), found.text);
  Iterator missing = endOfPrevious(session, at);
  bool sameLine = std::find(missing, at, '\n') == at;
  bool alien =
      failure.which() == closeBrace.name || failure.which() == itemName; // nothing is missing: this is too much
  if (sameLine || missing == session.begin || (alien && at != session.end)) {
    session.diagnostics.error(Code::H0101, session.range(at, found.last), text);
    return;
  }
  // What is missing is missing where the text broke off, not where it went on.
  if (at != session.end)
    text += fmt::format(" on line {}", 1 + std::count(session.begin, at, '\n'));
  session.diagnostics.error(Code::H0101, session.range(missing, missing), text);
}

/// The first token of the line after the one that contains `at`.
static Iterator nextLine(Iterator at, Iterator end) { return skipSpace(std::find(at, end, '\n'), end); }

static std::string_view wordAt(Iterator at, Iterator end) {
  return std::string_view(at, std::find_if_not(at, end, isWordCharacter) - at);
}

bool startsItem(Iterator at, Iterator end) {
  std::string_view word = wordAt(at, end);
  Iterator after = skipSpace(at + word.size(), end);
  if (word == "import")
    return after != end && *after == '"';
  if (word != "fn" && word != "layer" && word != "model")
    return false;
  std::string_view name = wordAt(after, end);
  after = skipSpace(after + name.size(), end);
  return !name.empty() && after != end && *after == '(';
}

Iterator nextItem(Iterator at, Iterator end) {
  for (at = nextLine(at, end); at != end; at = nextLine(at, end)) {
    // A constant of the file is told from one of a body by standing at the margin.
    bool atMargin = at[-1] == '\n';
    if (startsItem(at, end) || (atMargin && wordAt(at, end) == "const"))
      break;
  }
  return at;
}

/// Whether a statement starts at `at`, the first token of a line: a keyword, or names with subscripts up to '='.
static bool startsStatement(Iterator at, Iterator end) {
  std::string_view word = wordAt(at, end);
  if (word == "dim" || word == "param" || word == "const" || word == "repeat")
    return true;
  if (word.empty() || isKeyword(word) || (*at >= '0' && *at <= '9'))
    return false;
  int depth = 0;
  for (; at != end && *at != '\n' && *at != '#' && depth >= 0; ++at) {
    if (*at == '[')
      ++depth;
    else if (*at == ']')
      --depth;
    else if (*at == '=' && depth == 0)
      return at + 1 == end || at[1] != '=';
    else if (depth == 0 && !isWordCharacter(*at) && *at != ' ' && *at != '\t' && *at != ',')
      return false;
  }
  return false;
}

Iterator nextStatement(Iterator at, Iterator end) {
  unsigned braces = 0;
  bool lineStart = false; // the failing token itself starts nothing
  while (at != end) {
    Iterator token = skipSpace(at, end);
    lineStart = lineStart || std::find(at, token, '\n') != token;
    if (token == end || (lineStart && startsItem(token, end)))
      return token;
    if (braces == 0 && (*token == '}' || (lineStart && startsStatement(token, end))))
      return token;
    braces += *token == '{' ? 1 : 0;
    braces -= *token == '}' ? 1 : 0;
    at = tokenAt(token, end).last;
    lineStart = false;
  }
  return end;
}

} // namespace heed::grammar
