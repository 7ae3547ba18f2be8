// Matrix.h - what can be drawn: rows and columns with labels.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace heed::picture {

struct Axis {
  std::string name;                // of the text along it, or its size: "source", "n"
  std::vector<std::string> labels; // one character each; empty: positions
};

struct Matrix {
  std::string title;
  Axis rows, columns;
  size_t rowCount = 0, columnCount = 0;
  std::vector<double> values;
  std::optional<std::pair<double, double>> scale; // what shades stand for, if it is not the range of the values
  double at(size_t row, size_t column) const { return values[row * columnCount + column]; }

  /// The scale, or the smallest and largest finite value; 0 and 0 if there is none.
  std::pair<double, double> range() const;
  /// At most that many rows and columns: each value is the largest in magnitude of the block it stands for.
  Matrix reduced(size_t maximumRows, size_t maximumColumns) const;
};

/// A control character as something visible.
std::string visible(std::string const &character);

} // namespace heed::picture
