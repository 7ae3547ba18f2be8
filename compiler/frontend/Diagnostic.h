// Diagnostic.h - user errors: collected, never thrown past the library that found them, printed in one shape.
//
//   dates.heed:12:9: error: expected 128 columns, found 64 [H0203]
//     s[-1] = h[0] @ w0
//             ^~~~~~~~~
//   dates.heed:4:9: note: declared here as [64, 128]
#pragma once

#include "compiler/frontend/Ast.h"
#include "compiler/frontend/Source.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

/// The error codes: one line each in Codes.def, `CODE(H0203, "dimension mismatch", "explanation ...")`. `heedc explain
/// H0203` prints the explanation. H01xx syntax, H02xx dimensions and types, H03xx names, H04xx domains and indices,
/// H05xx recurrences, H06xx layers and parameters, H07xx limits.
enum class Code : unsigned short {
#define CODE(name, summary, explanation) name,
#include "compiler/frontend/Codes.def"
};

std::string_view codeName(Code code);        // "H0203"
std::string_view codeSummary(Code code);     // one line
std::string_view codeExplanation(Code code); // a paragraph with a bad and a good example
std::optional<Code> codeFromName(std::string_view name);

struct Note {
  ast::Range range;
  std::string text;
};

struct Diagnostic {
  Code code;
  ast::Range range;
  std::string text;         // lower case, no final period: what was found, what was expected
  std::optional<Note> note; // at most one: the other place, or the remedy
};

/// Collects diagnostics in the order found. Stops recording after `limit` errors and says so once.
class Diagnostics {
public:
  explicit Diagnostics(SourceManager const &sources, size_t limit = 100) : sources(sources), limit(limit) {}

  void error(Code code, ast::Range range, std::string text, std::optional<Note> note = {});
  bool failed() const { return !list.empty(); }
  /// Whether the limit is reached, so that looking for more errors is idle.
  bool full() const { return list.size() > limit; }
  std::vector<Diagnostic> const &all() const { return list; }
  /// All diagnostics as text, in source order, with source line and caret; `color` adds ANSI colours.
  std::string print(bool color = false) const;

private:
  SourceManager const &sources;
  size_t limit;
  std::vector<Diagnostic> list;
};

} // namespace heed
