// Expectations.cpp - compares messages with the `expected-...` comments of a file.
#include "compiler/pipeline/Expectations.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace heed {
namespace {

using Severity = Message::Severity;

struct Expectation {
  Severity severity;
  unsigned line; // 0: no place
  StringRef text;
  unsigned writtenAt;
  bool met = false;
};

StringRef wordOf(Severity severity) {
  switch (severity) {
  case Severity::Error:
    return "error";
  case Severity::Warning:
    return "warning";
  case Severity::Note:
    return "note";
  case Severity::Remark:
    return "remark";
  }
  llvm_unreachable("unknown severity");
}

std::optional<Severity> takeSeverity(StringRef &rest) {
  for (Severity severity : {Severity::Error, Severity::Warning, Severity::Note, Severity::Remark})
    if (rest.consume_front(wordOf(severity)))
      return severity;
  return std::nullopt;
}

/// Reads `@below` and its kin; `line` is where the comment stands.
std::optional<unsigned> takeLine(StringRef &rest, unsigned line) {
  rest = rest.ltrim();
  if (!rest.consume_front("@"))
    return line;
  unsigned distance = 0;
  if (rest.consume_front("above"))
    return line - 1;
  if (rest.consume_front("below"))
    return line + 1;
  if (rest.consume_front("unknown"))
    return 0;
  if (rest.consume_front("+") && !rest.consumeInteger(10, distance))
    return line + distance;
  if (rest.consume_front("-") && !rest.consumeInteger(10, distance) && distance < line)
    return line - distance;
  return std::nullopt;
}

std::string place(unsigned line) { return line ? "line " + std::to_string(line) : "no line"; }

} // namespace

std::string checkExpectations(StringRef text, StringRef name, std::vector<Message> const &messages) {
  std::string problems;
  auto problem = [&](unsigned line, Twine const &what) {
    problems += (name + ":" + Twine(line) + ": " + what + "\n").str();
  };

  SmallVector<Expectation> expectations;
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (auto [index, content] : llvm::enumerate(lines)) {
    unsigned number = index + 1;
    StringRef rest = content;
    for (size_t at = rest.find("expected-"); at != StringRef::npos; at = rest.find("expected-")) {
      rest = rest.drop_front(at + StringRef("expected-").size());
      std::optional<Severity> severity = takeSeverity(rest);
      if (!severity)
        continue;
      std::optional<unsigned> line = takeLine(rest, number);
      rest = rest.ltrim();
      size_t end = rest.find("}}");
      if (!line || !rest.starts_with("{{") || end == StringRef::npos) {
        problem(number, "malformed expectation; write: expected-error @below {{text}}");
        continue;
      }
      expectations.push_back({*severity, *line, rest.slice(2, end), number});
      rest = rest.drop_front(end);
    }
  }

  for (Message const &message : messages) {
    unsigned line = message.file == name ? message.line : 0;
    auto met = llvm::find_if(expectations, [&](Expectation const &expectation) {
      return !expectation.met && expectation.severity == message.severity && expectation.line == line &&
             StringRef(message.text).contains(expectation.text);
    });
    if (met != expectations.end())
      met->met = true;
    else if (message.severity != Severity::Note)
      problem(line, "unexpected " + wordOf(message.severity) + ": " + message.text);
  }
  for (Expectation const &expectation : expectations)
    if (!expectation.met)
      problem(expectation.writtenAt, "expected " + wordOf(expectation.severity) + " on " + place(expectation.line) +
                                         " was not produced: " + expectation.text);
  return problems;
}

} // namespace heed
