// VisitRemark.h - says how much of a domain is visited, and what is computed for it.
#pragma once

#include "compiler/domain/Sweeps.h"

namespace heed::kernels {

/// Remarks on the share of pairs that is visited in tiles of so many queries and keys, and on what a pair costs. Sizes that are not
/// known count as 4096.
void remarkOnVisits(ir::AttentionOp op, domain::PairDomain const &domain, llvm::ArrayRef<domain::Sweep> sweeps,
                    int64_t rowBlock, int64_t keyBlock);

} // namespace heed::kernels
