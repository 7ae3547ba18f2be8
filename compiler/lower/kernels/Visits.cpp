// Visits.cpp - walks the sweeps of an attention in numbers, with the blocks that the kernel would have.
#include "compiler/lower/kernels/Visits.h"
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/FewQueries.h"

using namespace mlir;

namespace heed::kernels {

int64_t Visits::pairs() const {
  int64_t result = 0;
  for (domain::Tile const &tile : tiles)
    result += (tile.rowEnd - tile.rowBegin) * (tile.keyEnd - tile.keyBegin);
  return result;
}

int64_t Visits::full() const {
  return llvm::count_if(tiles, [](domain::Tile const &tile) { return tile.full; });
}

int64_t Visits::empty() const {
  int64_t area = std::min(rowBlock, std::max<int64_t>(rows, 1)) * std::min(keyBlock, std::max<int64_t>(keys, 1));
  return llvm::divideCeil(std::max<int64_t>(rows * keys - pairs(), 0), area);
}

std::optional<Visits> visitsOf(ir::AttentionOp op, domain::PairDomain const &domain, ArrayRef<domain::Sweep> sweeps,
                               int64_t rowBlock, int64_t keyBlock, ValueOf valueOf) {
  std::optional<int64_t> rows = valueOf(op.getSizes()[op.getRowDim()]), keys = valueOf(op.getSizes()[op.getColumnDim()]);
  SmallVector<int64_t> symbols;
  for (Value symbol : domain.symbols)
    if (std::optional<int64_t> value = valueOf(symbol))
      symbols.push_back(*value);
  if (!rows || !keys || symbols.size() != domain.symbols.size())
    return std::nullopt;
  Visits result{*rows, *keys, rowBlock, keyBlock, unsigned(sweeps.size()), false, {}};
  for (domain::Sweep const &sweep : sweeps) {
    for (domain::Part const &part : sweep.parts)
      result.scans |= !part.rowFilters.empty() || !part.keyFilters.empty();
    domain::walk(sweep, {*rows, *keys, result.rowBlock, result.keyBlock, symbols},
                 [&](domain::Tile const &tile) { result.tiles.push_back(tile); });
  }
  return result;
}

std::optional<Visits> visitsOf(ir::AttentionOp op, KernelTarget const &target, ValueOf valueOf) {
  OpBuilder builder(op);
  Emit emit(op.getLoc(), builder);
  domain::PairDomain domain = domain::PairDomain::of(op);
  std::vector<domain::Sweep> sweeps = domain::planSweeps(domain, op.getContext());
  std::string reason;
  if (std::optional<FewQueries> few = FewQueries::plan(op, target, reason))
    return visitsOf(op, domain, sweeps, few->blocks.queries(), few->blocks.keys, valueOf);
  AttentionBlocks blocks = AttentionBlocks::plan(emit, op, TileShape::of(target), domain);
  return visitsOf(op, domain, sweeps, blocks.rows, blocks.keys, valueOf);
}

} // namespace heed::kernels
