// Parse.h - text to syntax tree.
#pragma once

#include "compiler/frontend/Ast.h"
#include "compiler/frontend/Diagnostic.h"

namespace heed {

/// Parses the text whose first byte has global offset `base` in `sources`. After a syntax error it goes on at the next
/// top-level item, so one run reports several. Accepts any bytes: nesting deeper than 256, texts over 16 MiB, literals
/// over 64 characters, invalid UTF-8, NUL and bidirectional controls are errors. Never throws.
ast::File parse(SourceManager const &sources, uint32_t base, Diagnostics &diagnostics);

/// The tree as indented text, for `--emit=ast`.
std::string print(ast::File const &file);

} // namespace heed
