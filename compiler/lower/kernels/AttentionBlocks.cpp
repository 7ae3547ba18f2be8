// AttentionBlocks.cpp - block sizes that keep the buffers of a task in the second-level cache.
#include "compiler/lower/kernels/AttentionTile.h"

#include <numeric>

using namespace mlir;

namespace heed::kernels {

/// Where queries compare data block by block, the size of these blocks: then a block of ours sees one of theirs.
static int64_t granuleOf(domain::PairDomain const &domain) {
  int64_t granule = 0;
  for (domain::Conjunction const &conjunction : domain.disjuncts)
    for (domain::Atom const &atom : conjunction)
      if (atom.isComparison())
        granule = std::gcd(granule, atom.granule);
  return granule;
}

AttentionBlocks AttentionBlocks::plan(Emit &emit, ir::AttentionOp op, TileShape shape,
                                      domain::PairDomain const &domain) {
  auto size = [&](unsigned dim) { return constantOf(op.getSizes()[dim]); };
  int64_t width = shape.width();
  AttentionBlocks blocks;
  blocks.shape = shape;
  // A larger or unknown inner size is processed in slices of this size, more features by scoring again.
  blocks.inner = op.hasQuery() ? std::clamp<int64_t>(size(op.getInnerDim()).value_or(128), 1, 256) : 1;
  std::optional<int64_t> inner = op.hasQuery() ? size(op.getInnerDim()) : 1;
  blocks.oneSlice = inner && *inner <= blocks.inner;
  int64_t features = std::clamp<int64_t>(size(op.getFeatureDim()).value_or(128), 1, 256);
  blocks.features = llvm::alignTo(features, shape.lanes);
  int64_t depth = std::max(blocks.inner, blocks.features);
  int64_t keys = depth <= 64 ? 256 : depth <= 160 ? 128 : 64;
  int64_t rows = depth <= 64 ? 192 : depth <= 160 ? 96 : 48;
  if (int64_t granule = granuleOf(domain); granule >= width && granule <= 2 * rows)
    rows = granule;
  if (std::optional<int64_t> known = size(op.getColumnDim()))
    keys = std::min(keys, std::max<int64_t>(*known, 1));
  if (std::optional<int64_t> known = size(op.getRowDim()))
    rows = std::min(rows, std::max<int64_t>(*known, 1));
  blocks.keys = llvm::alignTo(keys, width);
  blocks.rows = llvm::alignTo(rows, width);
  blocks.uniformPanels = domain.rowGranule % width == 0 && domain.columnGranule % width == 0;
  return blocks;
}

void AttentionBlocks::allocate(Emit &emit, bool withQuery) {
  auto buffer = [&](ArrayRef<int64_t> shape) -> Value {
    return memref::AllocaOp::create(emit, MemRefType::get(shape, emit.getF32Type()), emit.getI64IntegerAttr(64));
  };
  int64_t width = shape.width(), panels = rows / width;
  scores = buffer({oneSlice ? 1 : panels, keys, width});
  if (withQuery) {
    query = buffer({panels, inner, width});
    keyRows = buffer({keys, static_cast<int64_t>(llvm::alignTo(inner, shape.lanes))});
  }
  sourceGroups = buffer({features / shape.lanes, keys + 2, shape.lanes}); // groups must not compete for the same cache lines
  sums = buffer({panels, features, width});
  maximum = buffer({rows});
  total = buffer({rows});
}

} // namespace heed::kernels
