// Picture.h - draws a matrix as SVG.
#pragma once

#include "compiler/tools/picture/Matrix.h"

namespace heed::picture {

/// A picture with title, names of both axes, labels, grid and colour scale: white to blue, or red over white to blue if
/// there are negative values. Every cell of a small matrix says its value to the pointer.
std::string drawSvg(Matrix const &matrix, std::string const &model);

} // namespace heed::picture
