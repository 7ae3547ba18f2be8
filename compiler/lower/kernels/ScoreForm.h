// ScoreForm.h - scores that are a multiple of the dot product plus terms without it.
#pragma once

#include "compiler/lower/kernels/Emit.h"
#include "dialect/HeedOps.h"

namespace heed::kernels {

/// score = dot * scale + rest: the query can be scaled when it is packed, and weights be powers of two.
struct ScoreForm {
  /// The value of the region that is dot * scale. The rest is the score with 0 in its place.
  Value scaledDot;
  /// Operations between the dot product and `scaledDot`: factors and divisors that are the same for all pairs.
  struct Factor {
    Value by;
    bool divides;
  };
  SmallVector<Factor> factors;
  bool hasRest = false;

  /// nullopt: the score is not of this form, or there is no sum of products.
  static std::optional<ScoreForm> of(ir::AttentionOp op);
};

} // namespace heed::kernels
