// Header.h - the C header of a compiled model: its descriptor, sizes, alphabets, and a typed function that runs one
// example.
#pragma once

#include "compiler/emit/ProgramInfo.h"

namespace heed {

/// The text of the header. It compiles as C99 and C++17 without warnings and includes only heed/heed.h.
std::string makeHeader(ProgramInfo const &program, llvm::StringRef prefix);

} // namespace heed
