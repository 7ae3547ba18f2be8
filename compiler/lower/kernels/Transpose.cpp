// Transpose.cpp - unpacks inside 128-bit lanes, then exchanges whole lanes: the shuffles that x86 has single
// instructions for.
#include "compiler/lower/kernels/Transpose.h"

using namespace mlir;

namespace heed::kernels {

static Value shuffle(Emit &emit, Value a, Value b, llvm::function_ref<int64_t(int64_t)> source, int64_t lanes) {
  SmallVector<int64_t> mask;
  for (int64_t lane = 0; lane < lanes; ++lane)
    mask.push_back(source(lane));
  return vector::ShuffleOp::create(emit, a, b, mask);
}

SmallVector<Value> emitTranspose(Emit &emit, ArrayRef<Value> rows) {
  int64_t lanes = rows.size();
  SmallVector<Value> values(rows), next(rows);
  // Pairs (a, b) to a0 b0 a1 b1 and a2 b2 a3 b3, in every group of four lanes.
  for (int64_t row = 0; row < lanes; row += 2)
    for (int64_t half = 0; half < 2; ++half)
      next[row + half] = shuffle(
          emit, values[row], values[row + 1],
          [&](int64_t lane) { return lane / 4 * 4 + half * 2 + lane % 4 / 2 + (lane % 2 ? lanes : 0); }, lanes);
  values = next;
  // Two such pairs to one lane of all four rows.
  for (int64_t row = 0; row < lanes; row += 4)
    for (int64_t lane4 = 0; lane4 < 4; ++lane4)
      next[row + lane4] = shuffle(
          emit, values[row + lane4 / 2], values[row + 2 + lane4 / 2],
          [&](int64_t lane) { return lane / 4 * 4 + lane4 % 2 * 2 + lane % 2 + (lane % 4 / 2 ? lanes : 0); }, lanes);
  values = next;
  // Now exchange blocks of four lanes, eight lanes, ... across rows that far apart.
  for (int64_t distance = 4; distance < lanes; distance *= 2)
    for (int64_t row = 0; row < lanes; ++row) {
      if (row & distance)
        continue;
      Value a = values[row], b = values[row + distance];
      values[row] =
          shuffle(emit, a, b, [&](int64_t lane) { return lane & distance ? lanes + lane - distance : lane; }, lanes);
      values[row + distance] =
          shuffle(emit, a, b, [&](int64_t lane) { return lane & distance ? lanes + lane : lane + distance; }, lanes);
    }
  return values;
}

} // namespace heed::kernels
