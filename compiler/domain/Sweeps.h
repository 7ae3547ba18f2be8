// Sweeps.h - how the pairs of a domain are walked over: which keys per block of queries, in which steps.
#pragma once

#include "compiler/domain/KeyBounds.h"
#include "compiler/domain/PairDomain.h"

#include <vector>

namespace heed::domain {

/// The pairs with j - i = shift (mod stride); `shift` is a formula in the symbols of the domain.
struct Lattice {
  int64_t stride = 1;
  mlir::AffineExpr shift;

  bool operator==(Lattice const &other) const { return stride == other.stride && shift == other.shift; }
};

/// `expr` >= 0, or == 0, over d0 = i, d1 = j and the symbols of the domain.
struct Condition {
  mlir::AffineExpr expr;
  bool equality = false;
};

/// One conjunction of the domain on the lattice of a sweep.
struct Part {
  llvm::SmallVector<Condition> conditions; ///< those that are affine, but for the congruence that makes the lattice
  KeyBounds visible;
  /// Keys for which some query violates a condition: a tile outside all of these is full. Absent where conditions that are
  /// not affine decide.
  std::optional<llvm::SmallVector<KeyBounds>> violations;
  /// Conditions on data, which a run-time scan can test for a whole block of queries: those of the query alone, and those of
  /// the key alone or comparing both. Others are tested pair by pair only.
  std::vector<Atom> rowFilters, keyFilters;
};

/// Pairs on `lattice` and on none of the `skipped` ones: those of the domain or, if `isApart`, those that satisfy the conditions
/// of a part.
struct Sweep {
  Lattice lattice;
  llvm::SmallVector<Lattice> skipped;
  bool isApart = false;
  std::vector<Part> parts; ///< their union is what is visited
};

/// The residue of j - i - shift, over d0 = i, d1 = j and the symbols of the domain: 0 for the pairs of the lattice.
mlir::AffineExpr residueOf(Lattice const &lattice);

/// Sweeps that together visit every pair of the domain exactly once. Conjunctions with a congruence of i - j get a sweep of
/// their own that steps from one member of a residue class to the next, so that it costs what its pairs cost. A pair that is on a
/// lattice and allowed without is left to the sweep without, if one condition tells which these are, and else to the lattice.
std::vector<Sweep> planSweeps(PairDomain const &domain, mlir::MLIRContext *context);

} // namespace heed::domain
