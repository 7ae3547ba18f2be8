// Terminal.h - draws a matrix with block characters.
#pragma once

#include "compiler/tools/picture/Matrix.h"

namespace heed::picture {

/// One character a cell, in five steps of darkness from 0 (or the smallest value, if that is negative) to the largest.
/// Texts along the axes stand beside them as they read; larger matrices than `width` columns are reduced.
std::string drawBlocks(Matrix const &matrix, size_t width);

/// Columns of the terminal on stdout; 100 if it is none.
size_t terminalWidth();

} // namespace heed::picture
