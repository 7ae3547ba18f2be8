// Diagnostic.cpp - errors as text: place, message, source line, caret.

#include "compiler/frontend/Diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

namespace heed {

namespace {
constexpr size_t widest =
    160; // longer source lines are cut around the caret, so a text on one line gives short messages

bool continues(char byte) { return (byte & 0xC0) == 0x80; }

/// The source line with carets under [from, to), both byte offsets in the line.
std::string excerpt(std::string_view line, size_t from, size_t to, std::string_view caretOn, std::string_view off) {
  size_t begin = 0, end = line.size();
  if (line.size() > widest) {
    begin = from > widest / 2 ? from - widest / 2 : 0;
    end = std::min(line.size(), begin + widest);
    while (begin < from && continues(line[begin]))
      ++begin;
    while (end < line.size() && end > from && continues(line[end]))
      --end;
  }
  std::string_view shown = line.substr(begin, end - begin);
  std::string marks;
  for (size_t byte = begin; byte < std::min(from, end); ++byte)
    if (!continues(line[byte]))
      marks += line[byte] == '\t' ? '\t' : ' ';
  std::string carets = "^";
  for (size_t byte = from + 1; byte < std::min(to, end); ++byte)
    if (!continues(line[byte]))
      carets += '~';
  return fmt::format("{}\n{}{}{}{}\n", shown, marks, caretOn, carets, off);
}

std::string entry(SourceManager const &sources, ast::Range range, std::string_view kind, std::string_view text,
                  std::string_view code, bool color) {
  std::string_view bold = color ? "\033[1m" : "", off = color ? "\033[0m" : "", caretOn = color ? "\033[32m" : "";
  std::string_view tint = !color ? "" : kind == "error" ? "\033[1;31m" : "\033[1;36m";
  std::string suffix = code.empty() ? "" : fmt::format(" [{}]", code);
  LineColumn place = sources.locate(range.first);
  if (place.line == 0)
    return fmt::format("{}{}:{} {}{}{}{}\n", tint, kind, off, bold, text, off, suffix);
  std::string_view line = sources.lineAt(range.first), whole = sources.textAt(range.first);
  size_t start = line.data() - whole.data() + sources.baseAt(range.first);
  size_t from = std::min<size_t>(range.first - start, line.size());
  size_t to = std::max<size_t>(std::min<size_t>(range.last > start ? range.last - start : 0, line.size()), from);
  return fmt::format("{}{}:{}:{}: {}{}:{} {}{}{}{}\n", bold, place.file, place.line, place.column, tint, kind, off,
                     bold, text, off, suffix) +
         excerpt(line, from, to, caretOn, off);
}
} // namespace

void Diagnostics::error(Code code, ast::Range range, std::string text, std::optional<Note> note) {
  if (full())
    return;
  if (list.size() == limit) {
    list.push_back({Code::H0708, {}, fmt::format("more than {} errors; the rest is not shown", limit), {}});
    return;
  }
  list.push_back({code, range, std::move(text), std::move(note)});
}

std::string Diagnostics::print(bool color) const {
  std::vector<Diagnostic const *> sorted;
  for (Diagnostic const &diagnostic : list)
    sorted.push_back(&diagnostic);
  // Diagnostics without a position come last.
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](auto *left, auto *right) { return left->range.first - 1u < right->range.first - 1u; });
  std::string out;
  for (Diagnostic const *diagnostic : sorted) {
    out += entry(sources, diagnostic->range, "error", diagnostic->text, codeName(diagnostic->code), color);
    if (diagnostic->note)
      out += entry(sources, diagnostic->note->range, "note", diagnostic->note->text, "", color);
  }
  return out;
}

} // namespace heed
