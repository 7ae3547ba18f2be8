// DeviceMemory.h - global memory: allocations in an address space that the host cannot dereference.
#pragma once

#include "test/gpusim/GlobalOrder.h"

#include <cstddef>
#include <memory>

namespace gpusim {

/// The windows of generic addresses. None is a valid address of a process on x86-64 or AArch64, so that host code that
/// takes a device pointer for its own stops at once.
constexpr std::uint64_t GlobalWindow = 0x0a00'0000'0000'0000, SharedWindow = 0x0b00'0000'0000'0000,
                        LocalWindow = 0x0c00'0000'0000'0000, ParamWindow = 0x0d00'0000'0000'0000,
                        WindowMask = 0xff00'0000'0000'0000;

/// What reading bytes that nobody wrote does. With `Allow` they are a pattern that is NaN in every floating-point
/// format.
enum class Unwritten { Reject, Allow };

class DeviceMemory {
public:
  /// 0 if `size` is 0 or too large. Aligned to 256 bytes and not more.
  std::uint64_t allocate(std::uint64_t size);
  bool release(std::uint64_t address);

  /// The bytes for a copy by the host; null unless [address, address + size) lies in one allocation.
  std::byte *hostAccess(std::uint64_t address, std::uint64_t size, bool writes);
  /// The start and size of the allocation that holds `address`.
  bool rangeOf(std::uint64_t address, std::uint64_t &base, std::uint64_t &size) const;

  /// For kernels; fail with `what` in the message. `strong`: atomic, volatile or the like.
  std::byte const *load(std::uint64_t address, std::uint64_t size, char const *what, int lane, bool strong = false) {
    Allocation *allocation = find(address, size);
    std::uint64_t at = address - (allocation ? allocation->base : 0);
    if (!allocation || (unwritten == Unwritten::Reject && !allocation->isWritten(at, size)))
      rejectAccess(address, size, what, lane);
    checkOrder(*allocation, at, size, what, lane, strong);
    return allocation->bytes.get() + at;
  }
  std::byte *store(std::uint64_t address, std::uint64_t size, char const *what, int lane, bool strong = false) {
    Allocation *allocation = find(address, size);
    if (!allocation)
      rejectAccess(address, size, what, lane);
    std::uint64_t at = address - allocation->base;
    allocation->markWritten(at, size);
    checkOrder(*allocation, at, size, what, lane, strong);
    stamp(*allocation, at, size, strong);
    return allocation->bytes.get() + at;
  }

  GlobalOrder order;
  Unwritten unwritten = Unwritten::Reject;

private:
  struct Allocation {
    std::uint64_t base = 0, size = 0;
    bool released = false;
    std::unique_ptr<std::byte[]> bytes;
    std::unique_ptr<std::uint8_t[]> written;      ///< one flag per byte
    std::unique_ptr<GlobalOrder::Stamp[]> stamps; ///< of each byte, once a kernel has written any
    bool isWritten(std::uint64_t at, std::uint64_t count) const {
      for (std::uint64_t i = at; i < at + count; ++i)
        if (!written[i])
          return false;
      return true;
    }
    void markWritten(std::uint64_t at, std::uint64_t count) {
      for (std::uint64_t i = at; i < at + count; ++i)
        written[i] = 1;
    }
  };

  /// Each allocation has a slot of 2^36 addresses of its own, so that none is next to another.
  static constexpr unsigned SlotBits = 36;

  Allocation *find(std::uint64_t address, std::uint64_t size) {
    std::uint64_t slot = (address - GlobalWindow) >> SlotBits;
    if (slot >= allocations.size())
      return nullptr;
    Allocation &allocation = allocations[slot];
    std::uint64_t at = address - allocation.base;
    if (allocation.released || at > allocation.size || size > allocation.size - at)
      return nullptr;
    return &allocation;
  }
  void checkOrder(Allocation const &allocation, std::uint64_t at, std::uint64_t size, char const *what, int lane,
                  bool strong) const {
    if (!allocation.stamps)
      return;
    for (std::uint64_t i = at; i < at + size; ++i)
      if (!order.allows(allocation.stamps[i], strong))
        rejectOrder(allocation, i, size, what, lane);
  }
  void stamp(Allocation &allocation, std::uint64_t at, std::uint64_t size, bool strong) {
    if (!allocation.stamps)
      allocation.stamps = std::make_unique<GlobalOrder::Stamp[]>(allocation.size);
    for (std::uint64_t i = at; i < at + size; ++i)
      allocation.stamps[i] = order.stampOf(strong);
    if (!strong)
      order.wrote();
  }
  [[noreturn]] void rejectOrder(Allocation const &allocation, std::uint64_t at, std::uint64_t size, char const *what,
                                int lane) const;
  [[noreturn]] void rejectAccess(std::uint64_t address, std::uint64_t size, char const *what, int lane) const;

  std::vector<Allocation> allocations;
};

} // namespace gpusim
