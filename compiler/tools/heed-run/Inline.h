// Inline.h - arrays written out on the command line: `2.5`, `[1, 2]`, `[[true], [false]]`.
#pragma once

#include "compiler/tools/heed-run/Npy.h"

namespace heed::run {

/// Starts like a number, a boolean or a list, and not like a file name.
bool isInline(std::string const &value);
/// `name` is for messages. Throws Failure.
Array parseInline(std::string const &name, std::string const &value);

} // namespace heed::run
