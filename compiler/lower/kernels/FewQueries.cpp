// FewQueries.cpp - where the form for few queries applies, and how its blocks are cut.
#include "compiler/lower/kernels/FewQueries.h"
#include "compiler/lower/kernels/SharedKeys.h"

using namespace mlir;

namespace heed::kernels {
namespace {

/// Up to this many queries reading in place is faster than packing, whatever the sizes (measured on AVX2).
constexpr int64_t MostQueries = 8;
constexpr int64_t MostRows = 32;   ///< of a block, members counted
constexpr int64_t MostDepth = 1024; ///< of d and e, whose buffers are on the stack

} // namespace

void FewQueriesBlocks::allocate(Emit &emit, bool withQuery) {
  auto buffer = [&](ArrayRef<int64_t> shape) -> Value {
    return memref::AllocaOp::create(emit, MemRefType::get(shape, emit.getF32Type()), emit.getI64IntegerAttr(64));
  };
  scores = buffer({shape.rows, keys});
  if (withQuery)
    query = buffer({rows, inner});
  sums = buffer({rows, features});
  maximum = buffer({rows});
  total = buffer({rows});
}

std::optional<FewQueries> FewQueries::plan(ir::AttentionOp op, KernelTarget const &target, std::string &reason) {
  auto size = [&](unsigned dim) { return constantOf(op.getSizes()[dim]); };
  std::optional<int64_t> rows = size(op.getRowDim()), features = size(op.getFeatureDim()), inner = 1;
  if (op.hasQuery())
    inner = size(op.getInnerDim());
  auto no = [&](StringRef why) { reason = why; return std::nullopt; };
  // Not chosen at run time: then the result for a query would depend on how many others there are.
  if (!rows)
    return no("their number is known at run time only");
  if (*rows > MostQueries)
    return no("there are more than " + std::to_string(MostQueries) + " queries");
  if (op.hasCombine())
    return no("the score sums terms that are no products");
  if (!inner || !features)
    return no("the width of keys or values is known at run time only");
  if (*inner > MostDepth || *features > MostDepth)
    return no("keys or values are wider than " + std::to_string(MostDepth));
  if (op.hasQuery() && !isContiguousAlong(op.getKey(), op.getKeyMap(), op.getInnerDim()))
    return no("neighbouring elements of a key are apart in memory");
  if (!isContiguousAlong(op.getSource(), op.getSourceMap(), op.getFeatureDim()))
    return no("neighbouring elements of a value are apart in memory");

  FewQueries result;
  FewQueriesBlocks &blocks = result.blocks;
  SharedKeys shared = SharedKeys::of(op, MostRows);
  blocks.members = shared.members, blocks.memberDim = shared.memberDim;
  blocks.shape = TileShape::of(target);
  blocks.shape.vectors = 1;
  int64_t queries = std::clamp<int64_t>(*rows, 1, MostRows / blocks.members);
  blocks.rows = queries * blocks.members;
  // Tiles of four rows leave registers for two keys; of fewer rows, for more keys.
  int64_t together = blocks.rows;
  blocks.shape.rows = llvm::divideCeil(together, llvm::divideCeil(together, 4));
  blocks.inner = llvm::alignTo(std::max<int64_t>(*inner, 1), blocks.shape.lanes);
  blocks.features = llvm::alignTo(std::max<int64_t>(*features, 1), blocks.shape.lanes);
  // What several tiles of rows read again is to be in the second-level cache.
  int64_t keys = std::clamp<int64_t>(16384 / std::max(blocks.inner, blocks.features), 32, 512);
  if (std::optional<int64_t> known = size(op.getColumnDim()))
    keys = std::min(keys, std::max<int64_t>(*known, 1));
  blocks.keys = llvm::alignTo(keys, blocks.shape.lanes);
  return result;
}

} // namespace heed::kernels
