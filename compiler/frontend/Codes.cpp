// Codes.cpp - names and texts of the error codes.

#include "compiler/frontend/Diagnostic.h"

#include <array>

namespace heed {

namespace {
struct Entry {
  std::string_view name, summary, explanation;
};

constexpr Entry table[] = {
#define CODE(name, summary, explanation) {#name, summary, explanation},
#include "compiler/frontend/Codes.def"
};

Entry const &entry(Code code) { return table[static_cast<unsigned>(code)]; }
} // namespace

std::string_view codeName(Code code) { return entry(code).name; }

std::string_view codeSummary(Code code) { return entry(code).summary; }

std::string_view codeExplanation(Code code) {
  std::string_view text = entry(code).explanation;
  text.remove_prefix(text.starts_with('\n'));
  return text;
}

std::optional<Code> codeFromName(std::string_view name) {
  for (unsigned index = 0; index < std::size(table); ++index)
    if (table[index].name == name)
      return static_cast<Code>(index);
  return {};
}

} // namespace heed
