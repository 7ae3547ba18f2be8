// VisitRemark.cpp - says at the user's line how much of a domain is visited.
#include "compiler/lower/kernels/VisitRemark.h"
#include "compiler/domain/Walk.h"
#include "compiler/lower/kernels/Emit.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace heed::kernels {

/// Stands for sizes that are known only at run time.
constexpr int64_t SampleSize = 4096;

void remarkOnVisits(ir::AttentionOp op, domain::PairDomain const &domain, ArrayRef<domain::Sweep> sweeps,
                    int64_t blockRows, int64_t blockKeys) {
  if (!op.hasDomain())
    return;
  auto options = remark::RemarkOpts::name("visit").category("lower");
  Value rowSize = op.getSizes()[op.getRowDim()], keySize = op.getSizes()[op.getColumnDim()];
  int64_t rows = constantOf(rowSize).value_or(SampleSize), keys = constantOf(keySize).value_or(SampleSize);
  SmallVector<int64_t> symbols;
  for (Value symbol : domain.symbols) {
    if (symbol != rowSize && symbol != keySize)
      return void(remark::analysis(op.getLoc(), options) << "the keys that are visited depend on run-time values");
    symbols.push_back(symbol == rowSize ? rows : keys);
  }
  int64_t pairs = 0, full = 0, tiles = 0;
  bool scans = false;
  for (domain::Sweep const &sweep : sweeps) {
    for (domain::Part const &part : sweep.parts)
      scans |= !part.rowFilters.empty() || !part.keyFilters.empty();
    domain::walk(sweep, {rows, keys, blockRows, blockKeys, symbols}, [&](domain::Tile const &tile) {
      pairs += (tile.rowEnd - tile.rowBegin) * (tile.keyEnd - tile.keyBegin);
      full += tile.full;
      ++tiles;
    });
  }
  int64_t perMille = rows && keys ? pairs * 1000 / (rows * keys) : 0;
  remark::analysis(op.getLoc(), options)
      << (scans ? "at most " : "") << std::to_string(perMille / 10) << "." << std::to_string(perMille % 10)
      << " % of the pairs are in tiles that are visited, at " << std::to_string(rows) << " queries and "
      << std::to_string(keys) << " keys: " << std::to_string(full) << " tiles without and "
      << std::to_string(tiles - full) << " with a mask"
      << (sweeps.size() > 1 ? ", in " + std::to_string(sweeps.size()) + " sweeps" : std::string())
      << (scans ? "; a scan of data leaves out more" : "");
}

} // namespace heed::kernels
