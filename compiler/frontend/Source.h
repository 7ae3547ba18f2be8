// Source.h - the texts a compilation reads, addressed by one global offset space.
#pragma once

#include "compiler/frontend/Ast.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

/// A position for people: 1-based line and column, columns counted in code points.
struct LineColumn {
  std::string_view file;
  unsigned line = 0, column = 0;
};

/// Owns the source texts. Offset 0 is reserved for "no position"; every text has a contiguous run of offsets.
class SourceManager {
public:
  /// Adds a text under the name shown in messages and returns the global offset of its first byte.
  uint32_t add(std::string name, std::string text);

  /// The text that contains `offset`.
  std::string_view textAt(uint32_t offset) const;
  std::string_view nameAt(uint32_t offset) const;
  /// The global offset of the first byte of that text.
  uint32_t baseAt(uint32_t offset) const;
  LineColumn locate(uint32_t offset) const;
  /// The whole line around `offset`, without its end.
  std::string_view lineAt(uint32_t offset) const;

private:
  struct File {
    std::string name, text;
    uint32_t base;
    std::vector<uint32_t> lineStarts;
  };
  std::vector<std::unique_ptr<File>> files;
  uint32_t next = 1;
  File const *fileAt(uint32_t offset) const;
};

} // namespace heed
