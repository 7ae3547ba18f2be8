// Terminal.cpp - draws a matrix with block characters.
#include "compiler/tools/picture/Terminal.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace heed::picture {

namespace {

std::string block(double value, double low, double high) {
  static char const *const shades[] = {" ", "\u2591", "\u2592", "\u2593", "\u2588"};
  if (std::isnan(value))
    return "?";
  if (value > high)
    return shades[4];
  if (value < low || high <= low)
    return shades[0];
  return shades[std::clamp(int((value - low) / (high - low) * 4 + 0.5), 0, 4)];
}

/// The number of every tenth position, as far as they fit.
std::string ruler(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; i += 10) {
    text.resize(i, ' ');
    text += fmt::format("{}", i);
  }
  return text;
}

} // namespace

std::string drawBlocks(Matrix const &original, size_t width) {
  Matrix matrix = original.reduced(200, width > 30 ? width - 12 : 18);
  auto [low, high] = matrix.range();
  low = std::min(low, 0.0);
  std::string rowName = matrix.rows.name.empty() ? "rows" : matrix.rows.name;
  std::string columnName = matrix.columns.name.empty() ? "columns" : matrix.columns.name;
  size_t margin = matrix.rows.labels.empty() ? fmt::format("{}", matrix.rowCount).size() : 1;
  std::string text =
      fmt::format("{}: {} down, {} across, {:.3g} to {:.3g}\n", matrix.title, rowName, columnName, low, high);
  std::string indent(margin + 4, ' ');
  text += indent;
  if (matrix.columns.labels.empty())
    text += ruler(matrix.columnCount);
  for (std::string const &label : matrix.columns.labels)
    text += visible(label);
  text += "\n";
  auto rule = [&](char const *left, char const *right) {
    text += std::string(margin + 3, ' ') + left;
    for (size_t j = 0; j < matrix.columnCount; ++j)
      text += "\u2500";
    text += std::string(right) + "\n";
  };
  rule("\u250C", "\u2510");
  for (size_t i = 0; i < matrix.rowCount; ++i) {
    text += matrix.rows.labels.empty() ? fmt::format("  {:>{}} \u2502", i, margin)
                                       : fmt::format("  {} \u2502", visible(matrix.rows.labels[i]));
    for (size_t j = 0; j < matrix.columnCount; ++j)
      text += block(matrix.at(i, j), low, high);
    text += "\u2502\n";
  }
  rule("\u2514", "\u2518");
  return text;
}

size_t terminalWidth() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

} // namespace heed::picture
