// VisitRemark.h - says how much of a domain is visited.
#pragma once

#include "compiler/domain/Sweeps.h"

namespace heed::kernels {

/// A remark on the share of pairs in tiles of so many rows and keys that are visited. Sizes that are not known count as 4096.
void remarkOnVisits(ir::AttentionOp op, domain::PairDomain const &domain, llvm::ArrayRef<domain::Sweep> sweeps,
                    int64_t blockRows, int64_t blockKeys);

} // namespace heed::kernels
