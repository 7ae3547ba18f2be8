// Check.h - syntax tree to checked program.
#pragma once

#include "compiler/check/Program.h"
#include "compiler/frontend/Diagnostic.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heed {

struct CheckOptions {
  std::string model; // "": the only model of the file, or an error that lists them
  /// Definitions that become further results, by name; `*` stands for any text. The results are called like them, with
  /// `_` for what no name may hold; where a definition has no value they are 0.
  std::vector<std::string> probes;
  std::vector<std::string> *definitions = nullptr; // if given: gets what can be probed, as "block.0.weight: [n, n]"
};

/// Reads, parses and checks the model in `path`: names, sizes, types, domains, recurrences, layers. Imported files are
/// read through `sources`; the standard library (lib/*.heed, embedded in the compiler) is visible everywhere, and a
/// name of the user's file hides one of the library. Returns nothing exactly if `diagnostics.failed()`.
std::optional<Program> check(ast::File const &file, std::string_view path, SourceManager &sources,
                             Diagnostics &diagnostics, CheckOptions const &options = {});

/// The embedded standard library: (file name, text) pairs, from the generated Library.cpp.
struct LibraryFile {
  std::string_view name, text;
};
std::vector<LibraryFile> const &standardLibrary();

/// Asserts the invariants (P1) to (P6) of Program.h; returns the first violated one, or "".
std::string verify(Program const &program);

} // namespace heed
