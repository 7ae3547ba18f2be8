// TransactionBarrier.h - mbarrier objects: phases that end when all have arrived and all expected bytes have come.
#pragma once

#include "test/gpusim/Machine.h"

namespace gpusim {

struct TransactionBarrier {
  std::uint32_t expected = 0, pending = 0; ///< arrivals of a phase, and those still missing
  std::int64_t bytes = 0;                  ///< expected and not come yet
  std::uint64_t phase = 0;
  unsigned creator = 0;
  bool fenced = false; ///< its initialisation is visible to async engines
  Clocks gathering;    ///< what those know that have arrived in this phase
  Clocks known;        ///< what those knew that arrived in phases that are over
};

/// Fails if there is none at the address.
TransactionBarrier &transactionBarrierAt(Block &block, std::uint64_t address, int lane);
/// `count` arrivals with what the arriving warp knows; completes the phase if it is the last.
void arrive(Block &block, TransactionBarrier &barrier, std::uint32_t count, Clocks const &known);
/// `count` bytes have come, written at `stamp` of `agent`.
void bytesArrived(Block &block, TransactionBarrier &barrier, std::int64_t count, unsigned agent, std::uint32_t stamp);

} // namespace gpusim
