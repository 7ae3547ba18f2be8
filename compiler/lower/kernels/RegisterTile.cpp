// RegisterTile.cpp - accumulators carried through the loop over k, and the choice of tile heights.
#include "compiler/lower/kernels/RegisterTile.h"

using namespace mlir;

namespace heed::kernels {

static int64_t registersOf(KernelTarget const &target) {
  return target.registers ? target.registers : target.vectorBits >= 512 ? 32 : 16;
}

static TileShape fill(int64_t lanes, int64_t registers, int64_t vectors) {
  // Twelve rows of two registers hide the latency of every core; more only makes remainders larger.
  return {lanes, vectors, std::clamp<int64_t>((registers - vectors - 1) / vectors, 1, 12)};
}

TileShape TileShape::of(KernelTarget const &target) { return fill(target.vectorBits / 32, registersOf(target), 2); }

std::optional<TileShape> TileShape::forWidth(KernelTarget const &target, int64_t width) {
  int64_t lanes = target.vectorBits / 32, registers = registersOf(target);
  while (width % lanes != 0)
    lanes /= 2;
  if (width / lanes + 2 > registers)
    return std::nullopt;
  return fill(lanes, registers, width / lanes);
}

SmallVector<Value> emitRegisterTile(Emit &emit, int64_t rows, int64_t vectors, Value from, Value to,
                                    ArrayRef<Value> accumulators, TileOperands operands) {
  return emit.loop(from, to, 1, accumulators, [&](Value k, ValueRange sums) {
    SmallVector<Value> panel, results;
    for (int64_t vector = 0; vector < vectors; ++vector)
      panel.push_back(operands.right(vector, k));
    int64_t lanes = cast<VectorType>(panel.front().getType()).getNumElements();
    for (int64_t row = 0; row < rows; ++row) {
      Value element = operands.left(row, k);
      if (operands.term) {
        for (int64_t vector = 0; vector < vectors; ++vector)
          results.push_back(arith::AddFOp::create(emit, sums[row * vectors + vector],
                                                  operands.term(k, element, panel[vector])));
        continue;
      }
      element = emit.broadcast(lanes, element);
      for (int64_t vector = 0; vector < vectors; ++vector)
        results.push_back(emit.multiplyAdd(element, panel[vector], sums[row * vectors + vector]));
    }
    return results;
  });
}

Value RowTile::row(Emit &emit, int64_t offset) const {
  Value row = emit.add(first, offset);
  return exact || offset == 0 ? row : emit.min(row, emit.sub(end, emit.index(1)));
}

/// Heights of the tile for a rest whose size is known only at run time: few, to keep code small, but dense where the
/// rest is small.
static SmallVector<int64_t> restHeights(int64_t height) {
  SmallVector<int64_t> heights;
  for (int64_t smaller = 1; smaller < height; smaller *= 2)
    heights.push_back(smaller);
  heights.push_back(height);
  return heights;
}

void emitRowTiles(Emit &emit, Value begin, Value end, int64_t height, llvm::function_ref<void(RowTile const &)> body) {
  Value rows = emit.sub(end, begin);
  if (std::optional<int64_t> known = constantOf(rows); known && *known > 0) {
    // Heights that differ by one at most: a low tile would wait for its own sums.
    int64_t tiles = llvm::divideCeil(*known, height), low = *known / tiles, high = *known - low * tiles;
    Value middle = emit.add(begin, high * (low + 1));
    emit.loop(begin, middle, low + 1, [&](Value first) { body({first, end, low + 1, true}); });
    emit.loop(middle, end, low, [&](Value first) { body({first, end, low, true}); });
    return;
  }
  Value full = emit.add(begin, emit.mul(emit.div(rows, height), height));
  emit.loop(begin, full, height, [&](Value first) { body({first, end, height, true}); });
  Value rest = emit.sub(end, full);
  SmallVector<int64_t> heights = restHeights(height);
  std::function<void(size_t)> choose = [&](size_t position) {
    int64_t smaller = heights[position];
    RowTile tile = {full, end, smaller, smaller <= 2};
    if (position + 1 == heights.size())
      return body(tile);
    Value fits = emit.compare(arith::CmpIPredicate::sle, rest, emit.index(smaller));
    emit.branch(fits, [&] { body(tile); }, [&] { choose(position + 1); });
  };
  emit.branch(emit.less(emit.index(0), rest), [&] { choose(0); });
}

} // namespace heed::kernels
