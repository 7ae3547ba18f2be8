// Swizzle.h - how TMA and wgmma permute 16-byte pieces in shared memory.
#pragma once

#include <cstdint>

namespace gpusim {

/// Numbered as in the descriptors of wgmma.
enum class Swizzle : std::uint8_t { None = 0, Bytes128 = 1, Bytes64 = 2, Bytes32 = 3 };

/// Bits 4 to 6 of an address change by those above bit 7: the rows of a tile of 8 rows spread over all banks.
inline std::uint32_t swizzled(std::uint32_t address, Swizzle swizzle) {
  switch (swizzle) {
  case Swizzle::Bytes128:
    return address ^ (address >> 3 & 0x70);
  case Swizzle::Bytes64:
    return address ^ (address >> 3 & 0x30);
  case Swizzle::Bytes32:
    return address ^ (address >> 3 & 0x10);
  default:
    return address;
  }
}

/// The bytes of a row of a swizzled tile.
inline std::uint32_t spanOf(Swizzle swizzle) {
  return swizzle == Swizzle::Bytes128 ? 128 : swizzle == Swizzle::Bytes64 ? 64 : swizzle == Swizzle::Bytes32 ? 32 : 16;
}

} // namespace gpusim
