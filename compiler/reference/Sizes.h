// Sizes.h - the values of a program's dims during one evaluation.
#pragma once

#include "compiler/check/Program.h"

#include <optional>

namespace heed::reference {

struct Sizes {
  std::vector<int64_t> dims; // -1: not known yet

  /// Throws EvaluationError if a dim is unknown or the value leaves 64 bits.
  int64_t of(Size const &size) const;
  std::vector<int64_t> of(std::vector<Size> const &shape) const;
};

/// Finds the dims from the shapes of inputs and params (in their order in the program); a dim that ends with `until`
/// gets its maximum. Throws EvaluationError, naming the tensor, if a shape does not fit.
Sizes bindSizes(Program const &program, std::vector<std::vector<int64_t>> const &inputs,
                std::vector<std::vector<int64_t>> const &params);

/// `n`, `2 * n + 1`: for messages.
std::string spell(Program const &program, Size const &size);

} // namespace heed::reference
