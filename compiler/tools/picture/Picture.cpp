// Picture.cpp - draws a matrix as SVG.
#include "compiler/tools/picture/Picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace heed::picture {

namespace {

struct Color {
  double red, green, blue;
};

/// Even steps of lightness, so that twice the value looks twice as dark.
Color along(std::array<Color, 5> const &scale, double position) {
  double place = std::clamp(position, 0.0, 1.0) * (scale.size() - 1);
  size_t i = std::min(size_t(place), scale.size() - 2);
  double f = place - double(i);
  Color a = scale[i], b = scale[i + 1];
  return {a.red + (b.red - a.red) * f, a.green + (b.green - a.green) * f, a.blue + (b.blue - a.blue) * f};
}

std::string colorOf(double value, double low, double high) {
  static std::array<Color, 5> const blues{
      {{255, 255, 255}, {190, 215, 238}, {107, 164, 213}, {36, 104, 172}, {8, 44, 98}}};
  static std::array<Color, 5> const reds{
      {{255, 255, 255}, {249, 208, 196}, {239, 138, 110}, {203, 60, 52}, {120, 10, 30}}};
  if (std::isnan(value))
    return "#bbbbbb";
  double extent = std::max(std::fabs(low), std::fabs(high));
  double position = extent > 0 ? std::fabs(value) / extent : 0;
  Color color = along(value < 0 ? reds : blues, position);
  return fmt::format("#{:02x}{:02x}{:02x}", int(color.red + 0.5), int(color.green + 0.5), int(color.blue + 0.5));
}

std::string escaped(std::string const &text) {
  std::string result;
  for (char c : text)
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += uint8_t(c) < 0x20 ? ' ' : c; // control characters are not XML
    }
  return result;
}

class Drawing {
public:
  Drawing(Matrix const &matrix, std::string const &model) : matrix(matrix), model(model) {
    std::tie(low, high) = matrix.range();
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
    size_t longest = std::max({matrix.rowCount, matrix.columnCount, size_t(1)});
    cell = std::clamp(840.0 / double(longest), 3.0, 22.0);
    left = matrix.rows.labels.empty() ? 64 : 58;
    top = 78;
    right = left + cell * double(matrix.columnCount);
    bottom = top + cell * double(matrix.rowCount);
  }

  std::string draw() {
    double width = std::max(right + 96, left + 9.0 * double(model.size() + matrix.title.size()) + 40);
    double height = std::max(bottom, top + 120) + 28;
    text = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
        "{1:.0f}\" font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"12\" fill=\"#333\">\n",
        width, height);
    text += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    text += fmt::format("<text x=\"{:.1f}\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{}</text>\n", left,
                        escaped(model + ": " + matrix.title));
    axisNames();
    columnLabels();
    rowLabels();
    cells();
    grid();
    scale();
    return text + "</svg>\n";
  }

private:
  void axisNames() {
    text += fmt::format("<text x=\"{:.1f}\" y=\"48\" fill=\"#777\">{} \u2192</text>\n", left,
                        escaped(matrix.columns.name.empty() ? "column" : matrix.columns.name));
    text += fmt::format(
        "<text transform=\"translate(20 {:.1f}) rotate(-90)\" text-anchor=\"end\" fill=\"#777\">\u2190 {}</text>\n",
        top, escaped(matrix.rows.name.empty() ? "row" : matrix.rows.name));
  }

  /// Positions that get a number where there is no text: as many as there is room for.
  size_t step(double room) const {
    size_t result = 1;
    for (size_t candidate : {1, 2, 5, 10, 20, 50, 100, 200})
      if (result * cell < room)
        result = candidate;
    return result;
  }

  void columnLabels() {
    double size = std::min(13.0, cell * 0.8);
    if (matrix.columns.labels.empty()) {
      for (size_t j = 0; j < matrix.columnCount; j += step(26))
        text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" font-size=\"10\">{}</text>\n",
                            left + cell * (double(j) + 0.5), top - 6, j);
      return;
    }
    for (size_t j = 0; j < matrix.columnCount; ++j)
      text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" font-size=\"{:.1f}\">{}</text>\n",
                          left + cell * (double(j) + 0.5), top - 6, size, label(matrix.columns.labels[j]));
  }

  void rowLabels() {
    double size = std::min(13.0, cell * 0.8);
    bool numbers = matrix.rows.labels.empty();
    for (size_t i = 0; i < matrix.rowCount; i += numbers ? step(13) : 1)
      text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" font-size=\"{:.1f}\">{}</text>\n",
                          left - 7, top + cell * (double(i) + 0.5) + size * 0.35, numbers ? 10 : size,
                          numbers ? fmt::format("{}", i) : label(matrix.rows.labels[i]));
  }

  static std::string label(std::string const &character) {
    return character == " " ? "<tspan fill=\"#bbb\">\u2423</tspan>" : escaped(visible(character));
  }

  void cells() {
    bool titles = matrix.values.size() <= 4096;
    text += "<g shape-rendering=\"crispEdges\">\n";
    for (size_t i = 0; i < matrix.rowCount; ++i)
      for (size_t j = 0; j < matrix.columnCount; ++j) {
        std::string color = colorOf(matrix.at(i, j), low, high);
        if (color == "#ffffff" && !titles)
          continue;
        text += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\"",
                            left + cell * double(j), top + cell * double(i), cell, cell, color);
        text += titles ? fmt::format("><title>{}, {}: {:.4g}</title></rect>\n", name(matrix.rows, i),
                                     name(matrix.columns, j), matrix.at(i, j))
                       : "/>\n";
      }
    text += "</g>\n";
  }

  static std::string name(Axis const &axis, size_t i) {
    return axis.labels.empty() ? fmt::format("{}", i) : fmt::format("{} {}", i, escaped(visible(axis.labels[i])));
  }

  /// Lines between cells where they are large enough, a frame always.
  void grid() {
    text += "<g stroke=\"#e3e7ec\" stroke-width=\"1\" shape-rendering=\"crispEdges\">\n";
    for (size_t j = 1; cell >= 8 && j < matrix.columnCount; ++j)
      text += fmt::format("<line x1=\"{0:.2f}\" y1=\"{1:.2f}\" x2=\"{0:.2f}\" y2=\"{2:.2f}\"/>\n",
                          left + cell * double(j), top, bottom);
    for (size_t i = 1; cell >= 8 && i < matrix.rowCount; ++i)
      text += fmt::format("<line x1=\"{1:.2f}\" y1=\"{0:.2f}\" x2=\"{2:.2f}\" y2=\"{0:.2f}\"/>\n",
                          top + cell * double(i), left, right);
    text += fmt::format(
        "<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"none\" stroke=\"#9aa5b1\"/>\n</g>\n",
        left, top, right - left, bottom - top);
  }

  void scale() {
    double x = right + 24, height = 120;
    int const steps = 24;
    for (int i = 0; i < steps; ++i) {
      double value = high - (high - low) * (i + 0.5) / steps;
      text += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"{:.1f}\" fill=\"{}\" "
                          "shape-rendering=\"crispEdges\"/>\n",
                          x, top + height * i / steps, height / steps, colorOf(value, low, high));
    }
    text +=
        fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"{:.1f}\" fill=\"none\" stroke=\"#9aa5b1\" "
                    "shape-rendering=\"crispEdges\"/>\n",
                    x, top, height);
    for (auto [value, y] : {std::pair{high, top + 9}, {low, top + height}})
      text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"10\">{:.3g}</text>\n", x + 17, y, value);
  }

  Matrix const &matrix;
  std::string const &model;
  std::string text;
  double low = 0, high = 0, cell = 0, left = 0, top = 0, right = 0, bottom = 0;
};

} // namespace

std::string drawSvg(Matrix const &matrix, std::string const &model) {
  Matrix small = matrix.reduced(256, 256);
  return Drawing(small, model).draw();
}

} // namespace heed::picture
