// Sizes.h - sizes that are affine in the run-time dims, with unknowns that are solved by unification.
#pragma once

#include "compiler/check/Program.h"

#include <optional>
#include <string>
#include <vector>

namespace heed::elaborate {

Size add(Size const &left, Size const &right);
Size subtract(Size const &left, Size const &right);
Size scale(Size const &size, int64_t factor);
/// left / right if that is affine and exact for every value of the dims.
std::optional<Size> divideExactly(Size const &left, Size const &right);

/// An unknown is a dim with the highest bit set. It stands for the size of an index or axis until something fixes it.
class SizeSolver {
public:
  explicit SizeSolver(std::vector<Dim> const &dims) : dims(dims) {}

  Size unknown();
  Size resolve(Size const &size);
  /// Makes both equal by solving for an unknown; false if that is impossible.
  bool unify(Size const &left, Size const &right);
  bool isKnown(Size const &size);
  std::string print(Size const &size);
  std::string print(std::vector<Size> const &shape); // "[n, 64]"

private:
  std::vector<Dim> const &dims;
  std::vector<std::optional<Size>> solutions;
};

} // namespace heed::elaborate
