// Control.cpp - branches, exits and the barriers of warps and blocks.
#include "test/gpusim/ops/Spaces.h"

#include <algorithm>

namespace gpusim {

namespace {

void decodeBranch(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  modifiers.take("uni");
  decoder.expectOperands(1);
  i.flow = Instruction::Flow::Branch;
  i.target = decoder.label(decoder.operand(0).name);
}

void decodeBranchTable(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.take("idx"))
    fail("expected .idx");
  modifiers.take("uni");
  decoder.expectOperands(2);
  i.flow = Instruction::Flow::BranchTable;
  i.source[0] = decoder.source(decoder.operand(0), 4);
  for (std::string const &name : decoder.branchTable(decoder.operand(1).name))
    i.list.push_back(decoder.label(name));
}

void decodeExit(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  modifiers.take("uni");
  decoder.expectOperands(0);
  i.flow = Instruction::Flow::Exit;
}

void trapHandler(Warp &, Instruction const &, Mask mask) {
  throw Failure("trap: the kernel stopped itself", __builtin_ctz(mask));
}
void decodeTrap(Decoder &decoder, Modifiers &, Instruction &i) {
  decoder.expectOperands(0);
  i.run = trapHandler;
}

std::uint32_t uniformValue(Warp &warp, std::uint32_t place, Mask mask, char const *what) {
  auto const *values = warp.at<std::uint32_t>(place);
  std::uint32_t value = values[__builtin_ctz(mask)];
  forLanes(mask, [&](unsigned lane) {
    if (values[lane] != value)
      failAt(lane, "{} differs between lanes: {} and {}", what, value, values[lane]);
  });
  return value;
}

unsigned runningThreads(Block const &block) {
  auto running = std::count_if(block.warps.begin(), block.warps.end(),
                               [](Warp const &warp) { return warp.state != Warp::State::Finished; });
  return 32 * unsigned(running);
}

/// A warp arrives, and waits unless it only arrives. `count` threads are waited for; without, all of the block.
void arriveAtBarrier(Warp &warp, unsigned number, std::optional<std::uint32_t> count, bool onlyArrives) {
  Block &block = *warp.block;
  NamedBarrier &barrier = block.barriers[number];
  std::uint32_t needed = count ? *count : runningThreads(block);
  if (needed == 0 || needed % 32)
    fail("a barrier for {} threads: expected a multiple of 32", needed);
  if (barrier.arrived > 0 && count && barrier.needed != needed)
    fail("barrier {} was begun for {} threads, now {}", number, barrier.needed, needed);
  barrier.needed = needed;
  barrier.everyone = !count;
  barrier.arrived += 32;
  Clocks known = block.launch->shared.release(warp.number);
  if (barrier.known.empty())
    barrier.known = known;
  else
    join(barrier.known, known);
  if (!onlyArrives) {
    barrier.waiting.push_back(warp.number);
    warp.state = Warp::State::Waiting;
  }
  completeBarrier(block, number);
}

/// immediate bit 0: arrives without waiting; bit 1: a count of threads is given.
void barrierHandler(Warp &warp, Instruction const &i, Mask mask) {
  std::uint32_t number = uniformValue(warp, i.source[0], mask, "the number of the barrier");
  if (number >= 16)
    fail("there is no barrier {}", number);
  if (mask != warp.alive)
    fail("a barrier in divergent code: lanes {:#x} of {:#x}", mask, warp.alive);
  std::optional<std::uint32_t> count;
  if (i.immediate & 2)
    count = uniformValue(warp, i.source[1], mask, "the count of threads");
  arriveAtBarrier(warp, number, count, i.immediate & 1);
}

void warpBarrierHandler(Warp &warp, Instruction const &i, Mask mask) {
  Mask named = warp.at<std::uint32_t>(i.source[0])[__builtin_ctz(mask)] & warp.alive;
  if (named & ~mask)
    failAt(unsigned(__builtin_ctz(named & ~mask)),
           "bar.warp.sync names this lane, which is elsewhere (mask {:#x}, here {:#x})", named, mask);
  ++warp.block->launch->shared.ownClock(warp.number);
}

/// barrier.cluster in a cluster of one block: a barrier of its own. All is done by the wait, which every warp that
/// arrives must come to.
void clusterHandler(Warp &warp, Instruction const &, Mask mask) {
  if (mask != warp.alive)
    fail("a barrier in divergent code: lanes {:#x} of {:#x}", mask, warp.alive);
  arriveAtBarrier(warp, Block::ClusterBarrier, std::nullopt, false);
}

void nothing(Warp &, Instruction const &, Mask) {}

void decodeBarrier(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  bool isAligned = decoder.statement().opcode == "bar";
  if (modifiers.take("warp")) {
    if (!modifiers.take("sync"))
      fail("expected .sync");
    decoder.expectOperands(1);
    i.source[0] = decoder.source(decoder.operand(0), 4);
    i.run = warpBarrierHandler;
    return;
  }
  if (modifiers.take("cluster")) {
    bool arrives = modifiers.take("arrive");
    if (!arrives && !modifiers.take("wait"))
      fail("expected .arrive or .wait");
    modifiers.takeOneOf({"release", "relaxed", "acquire"});
    i.aligned = modifiers.take("aligned");
    decoder.expectOperands(0);
    i.run = arrives ? nothing : clusterHandler;
    return;
  }
  modifiers.take("cta");
  auto action = modifiers.takeOneOf({"sync", "arrive"});
  if (!action)
    fail("expected .sync or .arrive");
  i.aligned = modifiers.take("aligned") || isAligned;
  decoder.expectOperands(*action == 1 ? 2 : 1, 2);
  i.source[0] = decoder.source(decoder.operand(0), 4);
  bool hasCount = decoder.operandCount() == 2;
  if (hasCount)
    i.source[1] = decoder.source(decoder.operand(1), 4);
  i.immediate = *action | (hasCount ? 2 : 0);
  i.run = barrierHandler;
}

} // namespace

void completeBarrier(Block &block, unsigned number) {
  NamedBarrier &barrier = block.barriers[number];
  if (barrier.arrived == 0 || barrier.arrived < barrier.needed)
    return;
  if (barrier.arrived > barrier.needed)
    fail("{} threads arrived at barrier {}, which is for {}", barrier.arrived, number, barrier.needed);
  for (unsigned waiting : barrier.waiting) {
    block.warps[waiting].state = Warp::State::Running;
    block.launch->shared.acquire(waiting, barrier.known);
  }
  barrier = NamedBarrier();
  ++block.events;
}

void leaveBarriers(Block &block) {
  for (unsigned number = 0; number <= Block::ClusterBarrier; ++number)
    if (NamedBarrier &barrier = block.barriers[number]; barrier.arrived > 0 && barrier.everyone) {
      barrier.needed = runningThreads(block);
      completeBarrier(block, number);
    }
}

void addControl(DecodeTable &table) {
  table["bra"] = decodeBranch;
  table["brx"] = decodeBranchTable;
  table["ret"] = decodeExit;
  table["exit"] = decodeExit;
  table["trap"] = decodeTrap;
  table["bar"] = decodeBarrier;
  table["barrier"] = decodeBarrier;
}

} // namespace gpusim
