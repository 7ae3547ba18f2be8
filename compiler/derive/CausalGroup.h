// CausalGroup.h - causal sums over the same rows, which are computed in the same chunks.
#pragma once

#include "compiler/derive/ChunkFactors.h"

namespace heed::derive {

/// A causal sum, matched in a copy of the definition.
struct CausalMember {
  heed::ir::DefineOp original;
  CausalSum match;
  llvm::SmallVector<LocalRead> locals; // definitions of the rows or keys of a chunk that nothing else reads
};

struct CausalGroup {
  std::vector<CausalMember> members;
  /// A definition that needs of the sums what belongs to its own row: a quotient of two, for one. The sums are then not stored.
  heed::ir::DefineOp consumer;

  /// What is in front of the chunks: the position of the definition that comes last.
  heed::ir::DefineOp position() { return consumer ? consumer : members.back().original; }
};

/// Members in the order of the program. Those of a group share rows, heads and the keys that a row sees, and none needs another.
std::vector<CausalGroup> groupCausalSums(std::vector<CausalMember> members);

} // namespace heed::derive
