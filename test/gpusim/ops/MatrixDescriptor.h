// MatrixDescriptor.h - how wgmma finds a matrix in shared memory.
#pragma once

#include "test/gpusim/Failure.h"
#include "test/gpusim/Swizzle.h"

namespace gpusim {

/// A matrix of rows along M or N and columns along K, in pieces of 16 bytes that the swizzle permutes.
struct MatrixDescriptor {
  std::uint32_t start = 0, leading = 0, stride = 0;
  Swizzle swizzle = Swizzle::None;

  explicit MatrixDescriptor(std::uint64_t bits) {
    start = std::uint32_t(bits & 0x3fff) << 4;
    leading = std::uint32_t(bits >> 16 & 0x3fff) << 4;
    stride = std::uint32_t(bits >> 32 & 0x3fff) << 4;
    swizzle = Swizzle(bits >> 62);
    if (bits >> 49 & 7)
      fail("a matrix descriptor with a base offset is not supported");
  }

  /// K-major: K is contiguous. The piece of row `row` that begins at byte `byte` of K. Groups of 8 rows are `stride`
  /// apart; without swizzle pieces along K are `leading` apart, with one they lie side by side.
  std::uint32_t alongK(std::uint32_t row, std::uint32_t byte) const {
    std::uint32_t group = start + row / 8 * stride;
    if (swizzle == Swizzle::None)
      return group + row % 8 * 16 + byte / 16 * leading;
    return swizzled(group + row % 8 * spanOf(swizzle) + byte, swizzle);
  }

  /// MN-major: rows are contiguous. The piece at column `k` that begins at byte `byte` of the rows. Spans of the
  /// swizzle are `leading` apart, groups of 8 columns `stride`.
  std::uint32_t alongRows(std::uint32_t k, std::uint32_t byte) const {
    if (swizzle == Swizzle::None)
      return start + byte / 16 * stride + k / 8 * leading + k % 8 * 16;
    std::uint32_t span = spanOf(swizzle);
    return swizzled(start + byte / span * leading + k / 8 * stride + k % 8 * span + byte % span, swizzle);
  }
};

} // namespace gpusim
