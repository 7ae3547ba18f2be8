// TensorMap.h - what cuTensorMapEncodeTiled leaves in its 128 bytes, in a form of the simulator's own.
#pragma once

#include "test/gpusim/Swizzle.h"

namespace gpusim {

struct TensorMap {
  static constexpr std::uint32_t Mark = 0x6d617068;
  std::uint32_t mark = 0;
  std::uint8_t rank = 0, elementBytes = 0;
  Swizzle swizzle = Swizzle::None;
  bool fillsWithNan = false; ///< out of bounds; else zero
  std::uint64_t base = 0;
  std::uint32_t size[5] = {}, box[5] = {};
  std::uint64_t stride[5] = {}; ///< in bytes, of each dimension
};
static_assert(sizeof(TensorMap) <= 128);

} // namespace gpusim
