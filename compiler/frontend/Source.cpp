// Source.cpp - source texts in one offset space, and offsets as lines and columns.

#include "compiler/frontend/Source.h"

#include <algorithm>
#include <limits>

namespace heed {

uint32_t SourceManager::add(std::string name, std::string text) {
  // Offsets have 32 bits. The parser refuses texts over 16 MiB, so only the start of what does not fit is ever looked
  // at.
  size_t room = std::numeric_limits<uint32_t>::max() - next;
  if (text.size() >= room)
    text.resize(room > 0 ? room - 1 : 0);
  auto file = std::make_unique<File>();
  file->name = std::move(name);
  file->text = std::move(text);
  file->base = next;
  file->lineStarts.push_back(0);
  for (uint32_t offset = 0; offset < file->text.size(); ++offset)
    if (file->text[offset] == '\n')
      file->lineStarts.push_back(offset + 1);
  // One past the end is a position too: errors at the end of the text point there.
  next += static_cast<uint32_t>(file->text.size()) + (room > 0 ? 1 : 0);
  files.push_back(std::move(file));
  return files.back()->base;
}

SourceManager::File const *SourceManager::fileAt(uint32_t offset) const {
  auto after = std::upper_bound(files.begin(), files.end(), offset,
                                [](uint32_t value, auto const &file) { return value < file->base; });
  return after == files.begin() ? nullptr : std::prev(after)->get();
}

std::string_view SourceManager::textAt(uint32_t offset) const {
  File const *file = fileAt(offset);
  return file ? std::string_view(file->text) : std::string_view();
}

std::string_view SourceManager::nameAt(uint32_t offset) const {
  File const *file = fileAt(offset);
  return file ? std::string_view(file->name) : std::string_view();
}

uint32_t SourceManager::baseAt(uint32_t offset) const {
  File const *file = fileAt(offset);
  return file ? file->base : 0;
}

LineColumn SourceManager::locate(uint32_t offset) const {
  File const *file = fileAt(offset);
  if (!file)
    return {};
  uint32_t local = std::min<uint32_t>(offset - file->base, file->text.size());
  auto after = std::upper_bound(file->lineStarts.begin(), file->lineStarts.end(), local);
  uint32_t start = *std::prev(after);
  LineColumn place{file->name, static_cast<unsigned>(after - file->lineStarts.begin()), 1};
  for (uint32_t byte = start; byte < local; ++byte)
    place.column += (file->text[byte] & 0xC0) != 0x80;
  return place;
}

std::string_view SourceManager::lineAt(uint32_t offset) const {
  File const *file = fileAt(offset);
  if (!file)
    return {};
  uint32_t local = std::min<uint32_t>(offset - file->base, file->text.size());
  auto after = std::upper_bound(file->lineStarts.begin(), file->lineStarts.end(), local);
  uint32_t start = *std::prev(after);
  size_t end = file->text.find_first_of("\r\n", start);
  return std::string_view(file->text).substr(start, end == std::string::npos ? end : end - start);
}

} // namespace heed
