// Matrix.h - a result as something to draw.
#pragma once

#include "compiler/tools/heed-run/Values.h"
#include "compiler/tools/picture/Matrix.h"

#include <optional>

namespace heed::run {

using picture::Axis, picture::Matrix, picture::visible;

/// The matrix `name` or, from a stack of matrices, `name[i]`, `name[i, j]` of one example. Throws Failure.
Matrix matrixOf(Signature const &signature, Example const &inputs, Example const &outputs, std::string const &name);

/// Results worth drawing unasked: matrices of reals with a text along each axis.
bool runsAlongTexts(Signature const &signature, TensorSignature const &output);

} // namespace heed::run
