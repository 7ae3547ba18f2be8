// Walk.h - the tiles that a sweep visits at given sizes: what the emitted loops do, in numbers.
#pragma once

#include "compiler/domain/Sweeps.h"

namespace heed::domain {

struct WalkSizes {
  int64_t rows, keys;               ///< of the attention
  int64_t rowBlock, keyBlock;       ///< of a tile, in steps of the sweep
  llvm::ArrayRef<int64_t> symbols;  ///< values of PairDomain::symbols
};

/// Queries rowOffset + stride * t, t in [rowBegin, rowEnd), and keys keyOffset + stride * u, u in [keyBegin, keyEnd).
struct Tile {
  int64_t stride, rowOffset, keyOffset;
  int64_t rowBegin, rowEnd, keyBegin, keyEnd;
  bool full; ///< all its pairs are in the domain
};

/// Calls `visit` for every tile, in the order of the emitted loops.
void walk(Sweep const &sweep, WalkSizes const &sizes, llvm::function_ref<void(Tile const &)> visit);

/// The value of an expression in dims and symbols.
int64_t evaluate(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> symbols);

} // namespace heed::domain
