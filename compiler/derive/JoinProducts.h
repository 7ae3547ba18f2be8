// JoinProducts.h - two products of queries and keys in one score as one product.
#pragma once

#include "compiler/derive/AttentionMatch.h"

namespace heed::derive {

/// q1 . k1 + q2 . k2 is the product of joined queries and joined keys, which have one row each for a query and for a key.
void joinProducts(Weights weights);

} // namespace heed::derive
