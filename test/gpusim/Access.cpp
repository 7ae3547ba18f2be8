// Access.cpp - checked access of one lane to any state space.
#include "test/gpusim/Machine.h"

#include <cstring>

namespace gpusim {

namespace {

struct Resolved {
  Space space;
  std::uint64_t address;
};

/// A generic address names its space by its window.
Resolved resolve(Space space, std::uint64_t address, unsigned lane) {
  if (space == Space::Shared || space == Space::Local || space == Space::Param)
    return {space, address};
  switch (address & WindowMask) {
  case SharedWindow:
    if (space == Space::Generic)
      return {Space::Shared, address & ~WindowMask};
    break;
  case LocalWindow:
    if (space == Space::Generic)
      return {Space::Local, address & ~WindowMask};
    break;
  case ParamWindow:
    if (space == Space::Generic)
      return {Space::Param, address & ~WindowMask};
    break;
  default:
    break;
  }
  return {Space::Global, address};
}

void checkAlignment(char const *what, std::uint64_t address, unsigned size, unsigned lane) {
  if (address & (size - 1))
    failAt(lane, "{} of {} bytes at {:#x} is misaligned", what, size, address);
}

char const *nameOf(Space space, bool writes) {
  switch (space) {
  case Space::Shared:
    return writes ? "store" : "load";
  case Space::Local:
    return writes ? "local store" : "local load";
  case Space::Param:
    return "parameter load";
  default:
    return writes ? "global store" : "global load";
  }
}

} // namespace

std::uint64_t Warp::address(Instruction const &i, unsigned source, unsigned lane) {
  bool isNarrow = i.negated & (16u << source);
  std::uint64_t base = isNarrow ? at<std::uint32_t>(i.source[source])[lane] : at<std::uint64_t>(i.source[source])[lane];
  return base + std::uint64_t(i.offset);
}

static std::uint32_t sharedAddress(std::uint64_t address, unsigned lane) {
  if (address >> 32)
    failAt(lane, "{:#x} is no address of shared memory", address);
  return std::uint32_t(address);
}

std::byte const *Warp::load(Instruction const &i, Space wanted, std::uint64_t given, unsigned size, unsigned lane) {
  auto [space, address] = resolve(wanted, given, lane);
  char const *what = nameOf(space, false);
  checkAlignment(what, address, size, lane);
  Launch &launch = *block->launch;
  switch (space) {
  case Space::Shared:
    return launch.shared.load(number, {sharedAddress(address, lane), size, lane, what});
  case Space::Local:
    if (address > launch.kernel.localBytes || size > launch.kernel.localBytes - address)
      failAt(lane, "local load of {} bytes at byte {} of {}: out of bounds", size, address, launch.kernel.localBytes);
    if (launch.options.unwritten == Unwritten::Reject)
      for (unsigned byte = 0; byte < size; ++byte)
        if (!localWritten[lane * launch.kernel.localBytes + address + byte])
          failAt(lane, "local load of {} bytes at byte {}, which nobody has written", size, address);
    return &local[lane * launch.kernel.localBytes + address];
  case Space::Param:
    if (address > launch.parameters.size() || size > launch.parameters.size() - address)
      failAt(lane, "parameter load of {} bytes at byte {} of {}: out of bounds", size, address,
             launch.parameters.size());
    return &launch.parameters[address];
  default:
    if (i.strong)
      launch.memory.order.meet(address);
    return launch.memory.load(address, size, what, int(lane), i.strong);
  }
}

std::byte *Warp::store(Instruction const &i, Space wanted, std::uint64_t given, unsigned size, unsigned lane) {
  auto [space, address] = resolve(wanted, given, lane);
  char const *what = nameOf(space, true);
  checkAlignment(what, address, size, lane);
  Launch &launch = *block->launch;
  switch (space) {
  case Space::Shared:
    return launch.shared.store(number, {sharedAddress(address, lane), size, lane, what});
  case Space::Local:
    if (address > launch.kernel.localBytes || size > launch.kernel.localBytes - address)
      failAt(lane, "local store of {} bytes at byte {} of {}: out of bounds", size, address, launch.kernel.localBytes);
    std::memset(&localWritten[lane * launch.kernel.localBytes + address], 1, size);
    return &local[lane * launch.kernel.localBytes + address];
  case Space::Param:
    failAt(lane, "a store to a parameter");
  default:
    if (i.strong)
      launch.memory.order.meet(address);
    return launch.memory.store(address, size, what, int(lane), i.strong);
  }
}

} // namespace gpusim
