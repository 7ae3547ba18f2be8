// Random.h - inputs for a program that nobody has to write down: sizes, values and weights that make sense for it.
#pragma once

#include "compiler/reference/Evaluate.h"

namespace heed::reference {

struct Sample {
  std::vector<Array> inputs, params;
};

/// Values of the dims to test at: odd and awkward sizes (0, 1, 2, 3, 5, 7, 13, 31, 64, 65, ...) inside the dims' bounds
/// at which every size of the program is valid, and whose evaluation stays under `maximumWork` scalar operations
/// (or, if none does, the cheapest one). At most `count` and one; the same for the same arguments. Empty if no size is
/// valid.
std::vector<std::vector<int64_t>> drawSizes(Program const &program, size_t count, uint64_t seed,
                                            double maximumWork = 1e8);

/// Random arguments for dims of these values. Reals are normal; a parameter that is summed over is scaled by 1 /
/// sqrt(fan-in), so that activations stay of order 1. An i32 tensor whose elements subscript an axis has values inside
/// that axis.
Sample drawSample(Program const &program, std::vector<int64_t> const &dims, uint64_t seed);

/// The array whose element with row-major position t is sin(0.7 t + phase): the inputs of the golden tests.
Array wave(std::vector<int64_t> shape, double phase);

/// Half-open ranges of the values that i32 inputs may have, by TensorId: deduced from what they subscript at these
/// sizes.
struct IntegerRange {
  int64_t low, high;
};
std::vector<IntegerRange> inputRanges(Program const &program, std::vector<int64_t> const &dims);

} // namespace heed::reference
