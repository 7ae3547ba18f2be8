// SharedKeys.cpp - groups of batch positions from the index maps of keys and values.
#include "compiler/lower/kernels/SharedKeys.h"

#include "compiler/lower/kernels/Emit.h"

#include <numeric>

using namespace mlir;

namespace heed::kernels {

/// The g of a dimension that an expression uses as `dim floordiv g` only; 0 where it does not use it, 1 for any other use.
static int64_t sharingOf(AffineExpr expr, unsigned dim) {
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

static int64_t sharingOf(ir::AttentionOp op, unsigned dim) {
  int64_t shared = 0;
  SmallVector<AffineMap> maps = {op.getSourceMap()};
  if (op.hasQuery())
    maps.push_back(op.getKeyMap());
  for (AffineMap map : maps)
    for (AffineExpr expr : map.getResults())
      shared = std::gcd(shared, sharingOf(expr, dim));
  return shared;
}

SharedKeys SharedKeys::of(ir::AttentionOp op, int64_t most) {
  SharedKeys result;
  for (unsigned dim = 0; dim < op.getBatchRank(); ++dim) {
    std::optional<int64_t> size = constantOf(op.getSizes()[dim]);
    if (!size || (op.hasDomain() && !op.getDomain().getArgument(dim).use_empty()))
      continue;
    int64_t shared = std::gcd(sharingOf(op, dim), *size), taken = shared;
    while (taken > 1 && (taken > most || shared % taken != 0))
      --taken;
    if (taken > result.members)
      result = {taken, dim};
  }
  return result;
}

} // namespace heed::kernels
