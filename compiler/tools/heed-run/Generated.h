// Generated.h - values that are made for a shape: `random[:SEED[:LIMIT]]` and `sin:PHASE`.
#pragma once

#include "compiler/tools/heed-run/Npy.h"
#include "compiler/tools/heed-run/Signature.h"

namespace heed::run {

bool isGenerated(std::string const &value);

/// random: reals uniform in [-LIMIT, LIMIT), LIMIT 1; integers in [0, LIMIT), LIMIT the size of the alphabet or 10.
/// Every tensor and example has its own numbers; the same for the same seed on every machine. sin: element t is sin(0.7
/// t + PHASE).
Array generateValues(TensorSignature const &tensor, std::string const &value, std::vector<int64_t> shape,
                     uint64_t example);

} // namespace heed::run
