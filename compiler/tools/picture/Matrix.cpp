// Matrix.cpp - the range of a matrix, and a smaller one in its place.
#include "compiler/tools/picture/Matrix.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>

namespace heed::picture {

std::pair<double, double> Matrix::range() const {
  if (scale)
    return *scale;
  double low = INFINITY, high = -INFINITY;
  for (double value : values)
    if (std::isfinite(value)) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  return low <= high ? std::pair{low, high} : std::pair{0.0, 0.0};
}

Matrix Matrix::reduced(size_t maximumRows, size_t maximumColumns) const {
  size_t rowStep = std::max<size_t>(1, (rowCount + maximumRows - 1) / maximumRows);
  size_t columnStep = std::max<size_t>(1, (columnCount + maximumColumns - 1) / maximumColumns);
  if (rowStep == 1 && columnStep == 1)
    return *this;
  Matrix result{title, rows, columns, (rowCount + rowStep - 1) / rowStep, (columnCount + columnStep - 1) / columnStep,
                {}, scale};
  result.title += fmt::format(", {} x {} in blocks of {} x {}", rowCount, columnCount, rowStep, columnStep);
  if (rowStep > 1)
    result.rows.labels.clear();
  if (columnStep > 1)
    result.columns.labels.clear();
  result.values.assign(result.rowCount * result.columnCount, 0);
  for (size_t i = 0; i < rowCount; ++i)
    for (size_t j = 0; j < columnCount; ++j) {
      double &block = result.values[i / rowStep * result.columnCount + j / columnStep];
      if (!(std::fabs(at(i, j)) <= std::fabs(block)))
        block = at(i, j);
    }
  return result;
}

std::string visible(std::string const &character) {
  if (character == "\n")
    return "\u23CE";
  if (character.size() == 1 && (uint8_t(character[0]) < 0x20 || character[0] == 0x7F))
    return "\u00B7";
  return character;
}

} // namespace heed::picture
