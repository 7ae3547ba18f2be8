// Draw.cpp - from tiles to a matrix of shades: what is left out, what is tested pair by pair, what is computed without a test.
#include "compiler/tools/heedc/Draw.h"

#include "compiler/tools/heedc/Write.h"
#include "compiler/tools/picture/Picture.h"
#include "compiler/tools/picture/Terminal.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <fmt/format.h>

using namespace llvm;

namespace heed {
namespace {

constexpr double Partial = 0.5, Full = 1;

/// How many of begin + stride * t, t in [from, to), are in [low, high).
int64_t members(int64_t begin, int64_t stride, int64_t from, int64_t to, int64_t low, int64_t high) {
  int64_t first = std::max(from, divideCeilSigned(low - begin, stride));
  return std::max<int64_t>(std::min(to, divideCeilSigned(high - begin, stride)) - first, 0);
}

/// A cell stands for `rowStep` queries and `keyStep` keys.
picture::Matrix matrixOf(kernels::Visits const &visits, std::string title, int64_t cellRows, int64_t cellColumns) {
  int64_t rowStep = std::max<int64_t>(divideCeil(visits.rows, cellRows), 1);
  int64_t keyStep = std::max<int64_t>(divideCeil(visits.keys, cellColumns), 1);
  picture::Matrix result;
  result.title = std::move(title);
  result.rows.name = fmt::format("{} queries", visits.rows);
  result.columns.name = fmt::format("{} keys", visits.keys);
  result.rowCount = divideCeil(visits.rows, rowStep);
  result.columnCount = divideCeil(visits.keys, keyStep);
  result.scale = {0, Full};
  result.values.assign(result.rowCount * result.columnCount, 0);
  std::vector<int64_t> inFull(result.values.size());
  for (domain::Tile const &tile : visits.tiles) {
    auto spanned = [&](int64_t offset, int64_t begin, int64_t end, int64_t step) {
      return std::pair{(offset + begin * tile.stride) / step, (offset + (end - 1) * tile.stride) / step};
    };
    auto [firstRow, lastRow] = spanned(tile.rowOffset, tile.rowBegin, tile.rowEnd, rowStep);
    auto [firstKey, lastKey] = spanned(tile.keyOffset, tile.keyBegin, tile.keyEnd, keyStep);
    for (int64_t i = firstRow; i <= lastRow; ++i)
      for (int64_t j = firstKey; j <= lastKey; ++j) {
        int64_t rows = members(tile.rowOffset, tile.stride, tile.rowBegin, tile.rowEnd, i * rowStep, (i + 1) * rowStep);
        int64_t keys = members(tile.keyOffset, tile.stride, tile.keyBegin, tile.keyEnd, j * keyStep, (j + 1) * keyStep);
        size_t cell = i * result.columnCount + j;
        if (rows * keys > 0)
          result.values[cell] = Partial;
        inFull[cell] += tile.full ? rows * keys : 0;
      }
  }
  for (size_t cell = 0; cell < inFull.size(); ++cell) {
    int64_t i = cell / result.columnCount, j = cell % result.columnCount;
    int64_t area = std::min(rowStep, visits.rows - i * rowStep) * std::min(keyStep, visits.keys - j * keyStep);
    if (inFull[cell] == area)
      result.values[cell] = Full;
  }
  return result;
}

std::string describe(kernels::Visits const &visits) {
  double all = double(visits.rows) * double(visits.keys);
  return fmt::format("{}{:.1f} % of the pairs visited, tiles of {} x {}: {} full, {} partial, {} empty{}{}",
                     visits.scans ? "at most " : "", all > 0 ? 100.0 * double(visits.pairs()) / all : 0.0,
                     visits.rowBlock, visits.keyBlock, visits.full(), int64_t(visits.tiles.size()) - visits.full(),
                     visits.empty(), visits.sweeps > 1 ? fmt::format(", in {} sweeps", visits.sweeps) : "",
                     visits.scans ? "; a scan of data leaves out more" : "");
}

std::string placeOf(mlir::Location location) {
  std::string result;
  location->walk([&](mlir::Location part) {
    if (auto file = dyn_cast<mlir::FileLineColLoc>(part); file && result.empty())
      result = fmt::format("{}:{}", sys::path::filename(file.getFilename().str()).str(), file.getLine());
    return mlir::WalkResult::advance();
  });
  return result;
}

} // namespace

mlir::LogicalResult drawTiles(Session &session, std::vector<AttentionTiles> const &attentions, std::string const &model,
                              std::string const &path) {
  if (attentions.empty())
    return session.error("there is nothing to draw: no attention was found in this model; --explain says why");
  unsigned number = 0;
  for (AttentionTiles const &attention : attentions) {
    std::string place = placeOf(attention.place);
    if (!attention.visits)
      return session.error("the tiles of the attention at " + place + " depend on " + attention.missing +
                           "; give what is a number with --size=NAME=N");
    std::string text = place + ": " + describe(*attention.visits);
    if (path.empty()) {
      size_t width = std::max<size_t>(std::min<size_t>(picture::terminalWidth(), 100), 30);
      outs() << text << "\n"
             << picture::drawBlocks(matrixOf(*attention.visits, "full \u2588, partial \u2592", 32, width - 12), width);
      continue;
    }
    StringRef stem = StringRef(path).drop_back(StringRef(".svg").size());
    std::string file = number++ == 0 ? path : fmt::format("{}-{}.svg", stem.str(), number);
    if (failed(write(session, file, picture::drawSvg(matrixOf(*attention.visits, text, 128, 128), model))))
      return mlir::failure();
  }
  return mlir::success();
}

} // namespace heed
