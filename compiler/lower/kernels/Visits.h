// Visits.h - the tiles of an attention at given sizes, as its kernel will visit them, and what they cost.
#pragma once

#include "compiler/domain/Walk.h"
#include "compiler/lower/kernels/Kernels.h"
#include "dialect/HeedOps.h"

namespace heed::kernels {

struct Visits {
  int64_t rows, keys;         ///< of the attention
  int64_t rowBlock, keyBlock; ///< of a tile, at most
  unsigned sweeps;
  bool scans;                 ///< whether a scan of data leaves out more
  std::vector<domain::Tile> tiles;

  int64_t pairs() const;
  int64_t full() const; ///< how many tiles have no mask
  /// How many more tiles it would take to cover all pairs.
  int64_t empty() const;
};

/// The value of a size or another index at which an attention is looked at.
using ValueOf = llvm::function_ref<std::optional<int64_t>(mlir::Value)>;

/// In tiles of so many queries and keys. nullopt: a value that decides is not known.
std::optional<Visits> visitsOf(ir::AttentionOp op, domain::PairDomain const &domain,
                               llvm::ArrayRef<domain::Sweep> sweeps, int64_t rowBlock, int64_t keyBlock,
                               ValueOf valueOf);
/// The same from the operation alone, on tensors or on buffers.
std::optional<Visits> visitsOf(ir::AttentionOp op, KernelTarget const &target, ValueOf valueOf);

} // namespace heed::kernels
