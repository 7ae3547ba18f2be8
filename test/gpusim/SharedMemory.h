// SharedMemory.h - the shared memory of a block, with a record of who wrote and read what, so that a read of bytes that
// nobody wrote, or an access that no barrier orders after another, is an error whatever the schedule.
//
// The record is that of happens-before race detectors: every warp counts its releases (its clock) and knows up to which
// clock of every other warp it has synchronised. A write leaves the writer and its clock; it is ordered before an
// access of a warp that knows that clock. What a warp has the async engines do counts as a second agent beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gpusim {

using Clocks = std::vector<std::uint32_t>;
inline void join(Clocks &into, Clocks const &other) {
  for (std::size_t i = 0; i < into.size(); ++i)
    into[i] = into[i] < other[i] ? other[i] : into[i];
}

class SharedMemory {
public:
  struct Access {
    std::uint32_t address = 0, size = 0;
    unsigned lane = 0;
    char const *what = "";
    bool atomic = false;
  };

  /// `granule`: accesses are recorded by so many bytes.
  void configure(std::uint32_t size, unsigned warps, unsigned granule);
  /// Forgets what earlier blocks did.
  void beginBlock();

  std::uint32_t size() const { return std::uint32_t(bytes.size()); }
  /// Fails if the range is out of bounds.
  std::byte *at(std::uint32_t address, std::uint32_t count, unsigned lane, char const *what) {
    if (address < Begin || std::uint64_t(address) + count > Begin + bytes.size())
      rejectBounds(address, count, lane, what);
    return &bytes[address - Begin];
  }

  /// Plain accesses of a warp; they check, record and give the bytes.
  std::byte const *load(unsigned warp, Access const &access);
  std::byte *store(unsigned warp, Access const &access);

  /// An async engine that `warp` starts reads the range from now on until the warp waits for it; the range is not
  /// recorded as read before `warp` knows `stamp`, a clock of its async agent.
  void asyncRead(unsigned warp, Access const &access, std::uint32_t stamp);
  /// The same for writing: until `asyncWritten`, nobody may touch the range.
  void asyncWrite(unsigned warp, Access const &access, std::uint32_t stamp);
  void asyncWritten(unsigned warp, Access const &access);
  /// The writes of cp.async belong to the lane itself once it has waited.
  void ownWritten(unsigned warp, Access const &access);

  Clocks &clocksOf(unsigned warp) { return clocks[warp]; }
  std::uint32_t &ownClock(unsigned warp) { return clocks[warp][warp]; }
  std::uint32_t nextAsyncStamp(unsigned warp) { return ++asyncClocks[warp]; }
  unsigned asyncAgent(unsigned warp) const { return warps + warp; }
  /// Orders what `warp` wrote before what async engines do afterwards.
  void proxyFence(unsigned warp) { proxyFences[warp] = ++ownClock(warp); }
  /// What the arriving warps know, after which each starts a new clock.
  Clocks release(unsigned warp) {
    Clocks known = clocks[warp];
    ++ownClock(warp);
    return known;
  }
  void acquire(unsigned warp, Clocks const &known) { join(clocks[warp], known); }

  bool rejectUnwritten = true;
  static constexpr std::uint32_t Begin = 1024; ///< what lies below belongs to the system

private:
  enum Flag : std::uint8_t { Atomic = 1, InFlight = 2, Generic = 4 };
  struct Write {
    std::uint32_t clock = 0;
    std::uint16_t agent = 0;
    std::uint8_t lane = 0, flags = 0;
  };

  [[noreturn]] void rejectBounds(std::uint32_t address, std::uint32_t count, unsigned lane, char const *what) const;
  [[noreturn]] void rejectRace(Access const &access, std::size_t cell, char const *other, unsigned agent) const;
  void checkReadable(unsigned warp, Access const &access, std::size_t cell, Write const &write) const;
  void checkWritable(unsigned warp, Access const &access, std::size_t cell) const;
  std::pair<std::size_t, std::size_t> cellsOf(Access const &access) const {
    return {(access.address - Begin) / granule, (access.address - Begin + access.size - 1) / granule + 1};
  }

  std::vector<std::byte> bytes;
  std::vector<Write> writes;        ///< of each cell, the last
  std::vector<std::uint32_t> reads; ///< of each cell and agent, the clock of the last
  std::vector<Clocks> clocks;       ///< what each warp knows of every agent
  Clocks asyncClocks;               ///< of the async agents
  Clocks proxyFences;               ///< of each warp, its clock at its last fence.proxy.async
  unsigned warps = 0, agents = 0, granule = 4;
  std::uint32_t base = 0; ///< clocks up to here are of earlier blocks
};

} // namespace gpusim
