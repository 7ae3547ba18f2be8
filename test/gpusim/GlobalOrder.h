// GlobalOrder.h - which accesses of global memory one block may make to what another block of the same launch has
// written.
//
// Blocks run one after the other here, in an order that the hardware does not promise, so that a kernel which relies on
// another block would seem to work. Each write leaves a stamp of its block. A block may read or overwrite it only if
// both have met: the writer made a fence and then an atomic access, the reader an atomic access of the same address
// after it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gpusim {

class GlobalOrder {
public:
  /// Bit 31: the write was atomic, or volatile or the like.
  using Stamp = std::uint32_t;
  static constexpr Stamp Strong = Stamp(1) << 31;

  void beginLaunch() {
    launch = block;
    names.clear();
    releases.clear();
  }
  void beginBlock(std::string name) {
    ++block;
    names.push_back(std::move(name));
    met.clear();
    unfenced = false;
  }
  Stamp stampOf(bool strong) const { return block | (strong ? Strong : 0); }
  /// Writes of earlier launches, of the same block and of blocks that this one has met.
  bool allows(Stamp stamp, bool strong) const {
    Stamp writer = stamp & ~Strong;
    return writer <= launch || writer == block || (strong && (stamp & Strong)) || met.contains(writer);
  }
  std::string nameOf(Stamp stamp) const { return names.at((stamp & ~Strong) - launch - 1); }

  void wrote() { unfenced = true; }
  void fence() { unfenced = false; }
  /// A strong access of the address: meets those that released it, and releases it if a fence has come after all
  /// writes.
  void meet(std::uint64_t address) {
    std::set<Stamp> &here = releases[address];
    met.insert(here.begin(), here.end());
    if (unfenced)
      return;
    here.insert(met.begin(), met.end());
    here.insert(block);
  }

private:
  Stamp launch = 0, block = 0; ///< blocks are counted through all launches; those up to `launch` are of earlier ones
  bool unfenced = false;
  std::set<Stamp> met;
  std::map<std::uint64_t, std::set<Stamp>> releases;
  std::vector<std::string> names; ///< of the blocks of this launch
};

} // namespace gpusim
