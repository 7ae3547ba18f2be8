// Matrix.h - a result as something to draw: rows and columns with labels.
#pragma once

#include "compiler/tools/heed-run/Values.h"

#include <optional>

namespace heed::run {

struct Axis {
  std::string name;                // of the text along it, or its size: "source", "n"
  std::vector<std::string> labels; // one character each; empty: positions
};

struct Matrix {
  std::string title;
  Axis rows, columns;
  size_t rowCount = 0, columnCount = 0;
  std::vector<double> values;
  double at(size_t row, size_t column) const { return values[row * columnCount + column]; }

  /// The smallest and largest finite value; 0 and 0 if there is none.
  std::pair<double, double> range() const;
  /// At most that many rows and columns: each value is the largest in magnitude of the block it stands for.
  Matrix reduced(size_t maximumRows, size_t maximumColumns) const;
};

/// The matrix `name` or, from a stack of matrices, `name[i]`, `name[i, j]` of one example. Throws Failure.
Matrix matrixOf(Signature const &signature, Example const &inputs, Example const &outputs, std::string const &name);

/// Results worth drawing unasked: matrices of reals with a text along each axis.
bool runsAlongTexts(Signature const &signature, TensorSignature const &output);

/// A control character as something visible.
std::string visible(std::string const &character);

} // namespace heed::run
