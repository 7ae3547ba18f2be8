// FewQueries.cpp - where the form for few queries applies, and how its blocks are cut.
#include "compiler/lower/kernels/FewQueries.h"

#include <numeric>

using namespace mlir;

namespace heed::kernels {
namespace {

/// Up to this many queries reading in place is faster than packing, whatever the sizes (measured on AVX2).
constexpr int64_t MostQueries = 8;
constexpr int64_t MostRows = 32;   ///< of a block, members counted
constexpr int64_t MostDepth = 1024; ///< of d and e, whose buffers are on the stack

/// The g of a dimension that an expression uses as `dim floordiv g` only; 0 where it does not use it, 1 for any other use.
int64_t sharingOf(AffineExpr expr, unsigned dim) {
  if (!expr.isFunctionOfDim(dim))
    return 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return 1;
  auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::FloorDiv && divisor && divisor.getValue() > 1 &&
      binary.getLHS() == getAffineDimExpr(dim, expr.getContext()))
    return divisor.getValue();
  // gcd(0, g) = g: neighbours share what both sides have in common.
  return std::gcd(sharingOf(binary.getLHS(), dim), sharingOf(binary.getRHS(), dim));
}

int64_t sharingOf(ir::AttentionOp op, unsigned dim) {
  int64_t shared = 0;
  SmallVector<AffineMap> maps = {op.getSourceMap()};
  if (op.hasQuery())
    maps.push_back(op.getKeyMap());
  for (AffineMap map : maps)
    for (AffineExpr expr : map.getResults())
      shared = std::gcd(shared, sharingOf(expr, dim));
  return shared;
}

/// Sets how many neighbours along which batch index have the same keys and values, and are seen by the domain as one.
void setMembers(ir::AttentionOp op, FewQueriesBlocks &blocks) {
  for (unsigned dim = 0; dim < op.getBatchRank(); ++dim) {
    std::optional<int64_t> size = constantOf(op.getSizes()[dim]);
    if (!size || (op.hasDomain() && !op.getDomain().getArgument(dim).use_empty()))
      continue;
    int64_t shared = std::gcd(sharingOf(op, dim), *size);
    while (shared > 1 && (shared > MostRows || *size % shared != 0))
      --shared;
    if (shared > blocks.members)
      blocks.members = shared, blocks.memberDim = dim;
  }
}

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
  setMembers(op, blocks);
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
