// InlinePairs.h - definitions over pairs, as parts of the scores and sums that read them.
#pragma once

#include "compiler/derive/AttentionMatch.h"

namespace heed::derive {

/// Into the score and the domain of weights, and into the domain of the sum over them.
void inlineIntoScore(Weights weights);
/// Into the terms of a sum, if every term needs its own element.
void inlineIntoTerms(heed::ir::DefineOp dots);

} // namespace heed::derive
