// MmaProducts.cpp - the two products of an attention on tensor cores, of 16-bit elements.
#include "compiler/gpu/MmaTile.h"

using namespace mlir;

namespace heed::device {

MmaTile::Words MmaTile::queryFragment(int64_t step) {
  return core.loadMatrices(core.at(core.at(shared, queryLine), 32 * step), /*transposed=*/false);
}

/// Of the warp's rows with the keys of the tile.
SmallVector<Value> MmaTile::dots(Value keyTile, ArrayRef<Words> queryFragments) {
  if (shape.dots == MmaShape::Dots::ByThreads)
    return dotsByThreads(keyTile);
  return shape.isWide ? dotsOfWide(keyTile) : dotsOfNarrow(keyTile, queryFragments);
}

SmallVector<Value> MmaTile::dotsOfNarrow(Value keyTile, ArrayRef<Words> queryFragments) {
  SmallVector<Value> sums(map.elements(), emit.f32(0));
  Type element = cast<MemRefType>(op.getKey().getType()).getElementType();
  Value line = core.at(keyTile, keyLine);
  for (int64_t step = 0; step < shape.inner / 16; ++step) {
    Words query = queryFragments.empty() ? queryFragment(step) : queryFragments[step];
    for (int64_t group = 0; group < shape.keys / 16; ++group) {
      Words keys = core.loadMatrices(core.at(line, 16 * group * shape.keyLine() + 32 * step), /*transposed=*/false);
      for (int64_t half = 0; half < 2; ++half) {
        MutableArrayRef<Value> to = MutableArrayRef(sums).slice(4 * (2 * group + half), 4);
        llvm::copy(core.multiply(element, query, ArrayRef(keys).slice(2 * half, 2), ValueRange(to)), to.begin());
      }
    }
  }
  return sums;
}

/// Adds the weighted sources of the tile.
SmallVector<Value> MmaTile::accumulate(Value sourceTile, ArrayRef<Value> weights, ArrayRef<Value> before, Value full) {
  Type element = cast<MemRefType>(op.getSource().getType()).getElementType();
  if (shape.isWide)
    return accumulateWide(sourceTile, weights, before);
  auto operands = scores.operands(weights, element, shape.parts);
  // A weight of 0 behind the mask must not turn an infinity or NaN of the source into a NaN of the sum.
  return emit.choose(
      full, SmallVector<Type>(before.size(), emit.getF32Type()),
      [&] { return weightedSum(sourceTile, operands, before); },
      [&] {
        UnusualSources unusual(emit, element);
        SmallVector<Value> sums = weightedSum(sourceTile, operands, before, &unusual);
        return emit.choose(
            core.any(unusual.found()), SmallVector<Type>(before.size(), emit.getF32Type()),
            [&] { return withUnusual(sourceTile, unusual, weights, sums); }, [&] { return sums; });
      });
}

SmallVector<Value> MmaTile::weightedSum(Value sourceTile, ArrayRef<SmallVector<Words>> operands, ArrayRef<Value> before,
                                        UnusualSources *unusual) {
  Type element = cast<MemRefType>(op.getSource().getType()).getElementType();
  SmallVector<Value> sums(before);
  Value line = core.at(sourceTile, sourceLine);
  for (int64_t group = 0; group < shape.keys / 16; ++group)
    for (int64_t pair = 0; pair < shape.features / 16; ++pair) {
      Words sources = core.loadMatrices(core.at(line, 16 * group * shape.sourceLine() + 32 * pair), /*transposed=*/true);
      if (unusual)
        for (Value &source : sources)
          source = unusual->without(source);
      for (int64_t half = 0; half < 2; ++half) {
        MutableArrayRef<Value> to = MutableArrayRef(sums).slice(4 * (2 * pair + half), 4);
        for (SmallVector<Words> const &part : operands)
          llvm::copy(core.multiply(element, part[group], ArrayRef(sources).slice(2 * half, 2), ValueRange(to)), to.begin());
      }
    }
  return sums;
}

/// Adds what infinities and NaNs of the sources give where a weight is not 0.
SmallVector<Value> MmaTile::withUnusual(Value sourceTile, UnusualSources &unusual, ArrayRef<Value> weights,
                                        ArrayRef<Value> before) {
  Type element = cast<MemRefType>(op.getSource().getType()).getElementType();
  SmallVector<Value> present = llvm::map_to_vector(weights, [&](Value weight) { return unusual.indicator(weight); });
  auto operands = scores.operands(present, element, 1);
  SmallVector<Value> sums(before);
  Value line = core.at(sourceTile, sourceLine);
  for (int64_t pair = 0; pair < shape.features / 16; ++pair)
    for (int64_t half = 0; half < 2; ++half) {
      SmallVector<Value> counts(4, emit.f32(0));
      for (int64_t group = 0; group < shape.keys / 16; ++group) {
        Words sources = core.loadMatrices(core.at(line, 16 * group * shape.sourceLine() + 32 * pair), /*transposed=*/true);
        Words kinds = {unusual.kinds(sources[2 * half]), unusual.kinds(sources[2 * half + 1])};
        counts = core.multiply(element, operands[0][group], kinds, counts);
      }
      for (int64_t i = 0; i < 4; ++i) {
        Value &sum = sums[4 * (2 * pair + half) + i];
        sum = arith::AddFOp::create(emit, sum, unusual.valueOf(counts[i]));
      }
    }
  return sums;
}

} // namespace heed::device
