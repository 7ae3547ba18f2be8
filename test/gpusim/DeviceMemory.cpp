// DeviceMemory.cpp - global memory: allocations, and what is wrong with an access.
#include "test/gpusim/DeviceMemory.h"

#include "test/gpusim/Failure.h"

#include <cstring>

namespace gpusim {

std::uint64_t DeviceMemory::allocate(std::uint64_t size) {
  constexpr std::uint64_t Largest = std::uint64_t(16) << 30;
  std::uint64_t slot = allocations.size();
  if (size == 0 || size > Largest || slot >= 1u << 20)
    return 0;
  Allocation allocation;
  // Alignments above 256 that a program relies on would be luck: an odd multiple of 256 shows them.
  allocation.base = GlobalWindow + (slot << SlotBits) + 256;
  allocation.size = size;
  allocation.bytes.reset(new (std::nothrow) std::byte[size]);
  allocation.written.reset(new (std::nothrow) std::uint8_t[size]());
  if (!allocation.bytes || !allocation.written)
    return 0;
  std::memset(allocation.bytes.get(), 0xff, size); // NaN in every format
  allocations.push_back(std::move(allocation));
  return allocations.back().base;
}

bool DeviceMemory::release(std::uint64_t address) {
  for (Allocation &allocation : allocations)
    if (allocation.base == address && !allocation.released) {
      allocation.released = true;
      allocation.bytes.reset();
      allocation.written.reset();
      allocation.stamps.reset();
      return true;
    }
  return false;
}

std::byte *DeviceMemory::hostAccess(std::uint64_t address, std::uint64_t size, bool writes) {
  Allocation *allocation = find(address, size);
  if (!allocation)
    return nullptr;
  if (writes)
    allocation->markWritten(address - allocation->base, size);
  return allocation->bytes.get() + (address - allocation->base);
}

bool DeviceMemory::rangeOf(std::uint64_t address, std::uint64_t &base, std::uint64_t &size) const {
  std::uint64_t slot = (address - GlobalWindow) >> SlotBits;
  if (slot >= allocations.size() || allocations[slot].released)
    return false;
  base = allocations[slot].base;
  size = allocations[slot].size;
  return address >= base && address < base + size;
}

void DeviceMemory::rejectOrder(Allocation const &allocation, std::uint64_t at, std::uint64_t size, char const *what,
                               int lane) const {
  throw Failure(
      fmt::format("race: {} of {} bytes at byte {} of an allocation of {} bytes is not ordered after the write by "
                  "block {} of the same launch",
                  what, size, at, allocation.size, order.nameOf(allocation.stamps[at])),
      lane);
}

void DeviceMemory::rejectAccess(std::uint64_t address, std::uint64_t size, char const *what, int lane) const {
  auto place = fmt::format("{} of {} bytes at {:#x}", what, size, address);
  if ((address & WindowMask) != GlobalWindow)
    throw Failure(fmt::format("{}, which is no address of global memory", place), lane);
  std::uint64_t slot = (address - GlobalWindow) >> SlotBits;
  if (slot >= allocations.size())
    throw Failure(fmt::format("{}, where nothing is allocated", place), lane);
  Allocation const &allocation = allocations[slot];
  auto at = std::int64_t(address - allocation.base);
  auto within = fmt::format("{}: byte {} of allocation {} of {} bytes", place, at, slot, allocation.size);
  if (allocation.released)
    throw Failure(within + ", which was freed", lane);
  if (at < 0 || std::uint64_t(at) + size > allocation.size)
    throw Failure(within + ", out of bounds", lane);
  throw Failure(within + ", which nobody has written", lane);
}

} // namespace gpusim
