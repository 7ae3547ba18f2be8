// SharedMemory.cpp - checks and records of accesses to shared memory.
#include "test/gpusim/SharedMemory.h"

#include "test/gpusim/Failure.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

void SharedMemory::configure(std::uint32_t size, unsigned warpCount, unsigned granuleBytes) {
  bytes.assign(size, std::byte(0xff));
  warps = warpCount;
  agents = 2 * warpCount;
  granule = granuleBytes;
  std::size_t cells = (size + granule - 1) / granule;
  writes.assign(cells, Write());
  reads.assign(cells * agents, 0);
  base = 0;
  clocks.assign(warps, Clocks(agents, 0));
  asyncClocks.assign(warps, 0);
  proxyFences.assign(warps, 0);
}

void SharedMemory::beginBlock() {
  for (Clocks const &known : clocks)
    base = std::max(base, *std::max_element(known.begin(), known.end()));
  base = std::max(base, *std::max_element(asyncClocks.begin(), asyncClocks.end())) + 1;
  for (unsigned warp = 0; warp < warps; ++warp) {
    std::fill(clocks[warp].begin(), clocks[warp].end(), base);
    clocks[warp][warp] = base + 1;
    asyncClocks[warp] = base;
    proxyFences[warp] = base;
  }
}

void SharedMemory::rejectBounds(std::uint32_t address, std::uint32_t count, unsigned lane, char const *what) const {
  auto at = std::int64_t(address) - Begin;
  failAt(lane, "{} of {} bytes at byte {} of shared memory, which has {} bytes: out of bounds", what, count, at,
         bytes.size());
}

void SharedMemory::rejectRace(Access const &access, std::size_t cell, char const *other, unsigned agent) const {
  auto who =
      agent < warps ? fmt::format("warp {}", agent) : fmt::format("an async operation of warp {}", agent - warps);
  failAt(access.lane, "race: {} of {} bytes at byte {} of shared memory is not ordered after {} of byte {} by {}",
         access.what, access.size, access.address - Begin, other, cell * granule, who);
}

void SharedMemory::checkReadable(unsigned warp, Access const &access, std::size_t cell, Write const &write) const {
  if (write.clock <= base) {
    if (rejectUnwritten)
      failAt(access.lane, "{} of {} bytes at byte {} of shared memory reads byte {}, which nobody has written",
             access.what, access.size, access.address - Begin, cell * granule);
    return;
  }
  if (write.flags & InFlight)
    failAt(access.lane,
           "{} of {} bytes at byte {} of shared memory: an async copy to it, started by warp {}, was not "
           "waited for",
           access.what, access.size, access.address - Begin, write.agent < warps ? write.agent : write.agent - warps);
  if (write.clock > clocks[warp][write.agent] && !(access.atomic && (write.flags & Atomic)))
    rejectRace(access, cell, "the write", write.agent);
}

std::byte const *SharedMemory::load(unsigned warp, Access const &access) {
  std::byte const *result = at(access.address, access.size, access.lane, access.what);
  auto [begin, end] = cellsOf(access);
  std::uint32_t now = clocks[warp][warp];
  for (std::size_t cell = begin; cell < end; ++cell) {
    Write const &write = writes[cell];
    if (write.clock > clocks[warp][write.agent] || write.clock <= base || (write.flags & InFlight))
      checkReadable(warp, access, cell, write);
    else if (write.agent == warp && write.clock == now && write.lane != access.lane && !(write.flags & Atomic))
      failAt(access.lane,
             "race: {} of {} bytes at byte {} of shared memory is not ordered after the write by lane {} of the "
             "same warp: bar.warp.sync or a barrier is missing",
             access.what, access.size, access.address - Begin, write.lane);
    reads[cell * agents + warp] = now;
  }
  return result;
}

void SharedMemory::checkWritable(unsigned warp, Access const &access, std::size_t cell) const {
  Write const &write = writes[cell];
  Clocks const &known = clocks[warp];
  if (write.clock > base) {
    if (write.flags & InFlight)
      failAt(access.lane, "{} of {} bytes at byte {} of shared memory: an async copy to it was not waited for",
             access.what, access.size, access.address - Begin);
    if (write.clock > known[write.agent] && !(access.atomic && (write.flags & Atomic)))
      rejectRace(access, cell, "the write", write.agent);
  }
  if (access.atomic)
    return;
  std::uint32_t const *read = &reads[cell * agents];
  for (unsigned agent = 0; agent < agents; ++agent)
    if (read[agent] > known[agent] && agent != warp)
      rejectRace(access, cell, "the read", agent);
}

std::byte *SharedMemory::store(unsigned warp, Access const &access) {
  std::byte *result = at(access.address, access.size, access.lane, access.what);
  auto [begin, end] = cellsOf(access);
  Write write{ownClock(warp), std::uint16_t(warp), std::uint8_t(access.lane),
              std::uint8_t(Generic | (access.atomic ? Atomic : 0))};
  for (std::size_t cell = begin; cell < end; ++cell) {
    checkWritable(warp, access, cell);
    writes[cell] = write;
  }
  return result;
}

void SharedMemory::asyncRead(unsigned warp, Access const &access, std::uint32_t stamp) {
  at(access.address, access.size, access.lane, access.what);
  auto [begin, end] = cellsOf(access);
  for (std::size_t cell = begin; cell < end; ++cell) {
    Write const &write = writes[cell];
    checkReadable(warp, access, cell, write);
    if ((write.flags & Generic) && write.clock > base && write.clock >= proxyFences[write.agent])
      failAt(access.lane,
             "{} reads byte {} of shared memory, which warp {} has written since its last fence.proxy.async",
             access.what, cell * granule, write.agent);
    reads[cell * agents + asyncAgent(warp)] = stamp;
  }
}

void SharedMemory::asyncWrite(unsigned warp, Access const &access, std::uint32_t stamp) {
  at(access.address, access.size, access.lane, access.what);
  auto [begin, end] = cellsOf(access);
  Write write{stamp, std::uint16_t(asyncAgent(warp)), std::uint8_t(access.lane), InFlight};
  for (std::size_t cell = begin; cell < end; ++cell) {
    checkWritable(warp, access, cell);
    writes[cell] = write;
  }
}

void SharedMemory::asyncWritten(unsigned warp, Access const &access) {
  auto [begin, end] = cellsOf(access);
  for (std::size_t cell = begin; cell < end; ++cell)
    if (writes[cell].agent == asyncAgent(warp))
      writes[cell].flags &= std::uint8_t(~InFlight);
}

void SharedMemory::ownWritten(unsigned warp, Access const &access) {
  auto [begin, end] = cellsOf(access);
  // cp.async writes through the generic proxy's path: what async engines read of it needs the proxy fence as well.
  Write write{ownClock(warp), std::uint16_t(warp), std::uint8_t(access.lane), Generic};
  for (std::size_t cell = begin; cell < end; ++cell)
    writes[cell] = write;
}

} // namespace gpusim
