// LinearForms.h - integer expressions as sums of multiples of indices.
#pragma once

#include "compiler/check/Build.h"

#include <map>

namespace heed::elaborate {

/// Adds factor times the expression to the coefficients of its indices; false if it is no such sum.
bool linear(ExprPtr const &expr, int64_t factor, std::map<IndexId, int64_t> &coefficients);

/// Whether the index stands in a sum without a factor.
bool isTerm(ExprPtr const &expr, IndexId index);

/// The pairs (i, j) for which a condition says that j is at most i, up to a constant.
std::vector<std::pair<IndexId, IndexId>> causalPairs(ExprPtr const &condition);

} // namespace heed::elaborate
