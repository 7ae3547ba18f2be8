// Files.h - the files of a compilation: the user's, what it imports, and the standard library.
#pragma once

#include "compiler/check/Check.h"
#include "compiler/check/Scope.h"

#include <deque>
#include <map>
#include <memory>

namespace heed::elaborate {

class Files {
public:
  Files(SourceManager &sources, Diagnostics &diagnostics) : sources(sources), diagnostics(diagnostics) {}

  /// Reads the library and the imports of `file`; the scope of `file`.
  FileScope &load(ast::File const &file, std::string_view path);
  /// The offsets of the library's texts.
  std::pair<uint32_t, uint32_t> libraryRange;

private:
  SourceManager &sources;
  Diagnostics &diagnostics;
  std::deque<ast::File> trees;
  std::deque<FileScope> scopes;
  FileScope *library = nullptr;
  std::map<std::string, FileScope *> loaded; // by normal path; null while it is being loaded

  void loadLibrary();
  void declare(ast::File const &file, FileScope &scope);
  void loadImports(ast::File const &file, FileScope &scope, unsigned depth);
};

} // namespace heed::elaborate
