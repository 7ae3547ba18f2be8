// Pending.cpp - stands in for libraries that are not in the tree yet.
#include "compiler/check/Check.h"
#include "compiler/frontend/Parse.h"

namespace heed {
#ifndef HAVE_HEEDFRONTEND
std::string_view codeName(Code) { return "H0000"; }
std::string_view codeSummary(Code) { return ""; }
std::string_view codeExplanation(Code) { return ""; }
std::optional<Code> codeFromName(std::string_view) { return std::nullopt; }
void Diagnostics::error(Code code, ast::Range range, std::string text, std::optional<Note> note) {
  list.push_back({code, range, text, note});
}
std::string Diagnostics::print(bool) const { return ""; }
uint32_t SourceManager::add(std::string, std::string) { return 1; }
std::string_view SourceManager::textAt(uint32_t) const { return ""; }
LineColumn SourceManager::locate(uint32_t) const { return {}; }
ast::File parse(SourceManager const &, uint32_t, Diagnostics &) { return {}; }
std::string print(ast::File const &) { return ""; }
#endif
#ifndef HAVE_HEEDCHECK
std::optional<Program> check(ast::File const &, std::string_view, SourceManager &, Diagnostics &diagnostics,
                             CheckOptions const &) {
  return std::nullopt;
}
std::string print(Program const &) { return ""; }
std::vector<LibraryFile> const &standardLibrary() {
  static std::vector<LibraryFile> const none;
  return none;
}
#endif
} // namespace heed
