// MmaThreadDots.cpp - sums of terms that are no products, where a product on tensor cores would have put them.
#include "compiler/gpu/MmaTile.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {

SmallVector<Value> MmaTile::dotsByThreads(Value keyTile) {
  auto elementOf = [](Value buffer) { return cast<MemRefType>(buffer.getType()).getElementType(); };
  Type queryElement = elementOf(op.getQuery()), keyElement = elementOf(op.getKey());
  SmallVector<Value, 2> queryLines;
  for (unsigned half = 0; half < 2; ++half)
    queryLines.push_back(core.at(shared, emit.mul(scores.row(half), shape.queryLine())));
  Value firstKey = core.at(keyTile, emit.mul(map.firstKey, shape.keyLine()));
  SmallVector<Value> zeros(map.elements(), emit.f32(0));
  // Terms that are no products are not 0 for the zeros beyond the last element.
  return emit.loop(emit.index(0), size(op.getInnerDim()), 1, zeros, [&](Value inner, ValueRange before) -> SmallVector<Value> {
    SmallVector<Value> queriesHere, keysHere, sums;
    for (Value line : queryLines)
      queriesHere.push_back(core.load(queryElement, core.at(line, emit.mul(inner, shape.queryEach))));
    Value column = core.at(firstKey, emit.mul(inner, shape.keyEach));
    for (int64_t number = 0; number < map.keys / 4; ++number)
      keysHere.push_back(core.load(keyElement, core.at(column, (number / 2 * 8 + number % 2) * shape.keyLine())));
    for (auto [number, sum] : llvm::enumerate(before)) {
      unsigned half = number % 4 / 2;
      Value query = queriesHere[half], key = keysHere[number / 4 * 2 + number % 2];
      if (!op.hasCombine()) {
        sums.push_back(math::FmaOp::create(emit, query, key, sum));
        continue;
      }
      SmallVector<Value> arguments(scores.query(half).drop_back());
      arguments.append({inner, query, key});
      Region &region = op.getCombine();
      Value term = kernels::evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), arguments);
      sums.push_back(arith::AddFOp::create(emit, sum, term));
    }
    return sums;
  });
}

} // namespace heed::device
