// TransactionBarrier.cpp - mbarrier: arrivals, expected bytes and waits.
#include "test/gpusim/ops/TransactionBarrier.h"

#include "test/gpusim/ops/Spaces.h"

#include <algorithm>
#include <bit>

namespace gpusim {

namespace {

constexpr std::uint32_t LargestCount = (1u << 20) - 1;

std::uint32_t sharedAddress(std::uint64_t address, int lane) {
  if ((address & WindowMask) == SharedWindow)
    address &= ~WindowMask;
  if (address >> 32)
    throw Failure(fmt::format("{:#x} is no address of shared memory", address), lane);
  return std::uint32_t(address);
}

void completeIfDone(Block &block, TransactionBarrier &barrier) {
  if (barrier.pending != 0 || barrier.bytes != 0)
    return;
  ++barrier.phase;
  barrier.pending = barrier.expected;
  if (barrier.known.empty())
    barrier.known = barrier.gathering;
  else
    join(barrier.known, barrier.gathering);
  ++block.events;
}

void gather(TransactionBarrier &barrier, Clocks const &known) {
  if (barrier.gathering.empty())
    barrier.gathering = known;
  else
    join(barrier.gathering, known);
}

void initHandler(Warp &warp, Instruction const &i, Mask mask) {
  ++warp.block->events;
  forLanes(mask, [&](unsigned lane) {
    std::uint32_t address = sharedAddress(warp.address(i, 0, lane), int(lane));
    std::uint32_t count = warp.at<std::uint32_t>(i.source[1])[lane];
    if (address % 8)
      failAt(lane, "an mbarrier at {:#x} is misaligned", address);
    if (count == 0 || count > LargestCount)
      failAt(lane, "an mbarrier for {} arrivals", count);
    // The object takes these bytes: the record shows a race with whoever uses it without waiting for this.
    warp.block->launch->shared.store(warp.number, {address, 8, lane, "mbarrier.init"});
    auto &slot = warp.block->transactionBarriers[address];
    if (slot)
      failAt(lane, "there is an mbarrier at {:#x} already", address);
    slot = std::make_unique<TransactionBarrier>();
    slot->expected = slot->pending = count;
    slot->creator = warp.number;
  });
}

void invalidateHandler(Warp &warp, Instruction const &i, Mask mask) {
  forLanes(mask, [&](unsigned lane) {
    std::uint64_t address = warp.address(i, 0, lane);
    transactionBarrierAt(*warp.block, address, int(lane));
    warp.block->transactionBarriers.erase(sharedAddress(address, int(lane)));
  });
}

/// What one lane's use of a barrier has in common: it exists, and this warp knows of its initialisation.
TransactionBarrier &use(Warp &warp, Instruction const &i, unsigned lane) {
  std::uint64_t address = warp.address(i, 0, lane);
  TransactionBarrier &barrier = transactionBarrierAt(*warp.block, address, int(lane));
  warp.block->launch->shared.load(warp.number,
                                  {sharedAddress(address, int(lane)), 8, lane, "use of the mbarrier", true});
  return barrier;
}

/// immediate bit 0: arrives; bit 1: source[1] bytes are expected, else as many arrivals as it says.
void arriveHandler(Warp &warp, Instruction const &i, Mask mask) {
  bool arrives = i.immediate & 1, expects = i.immediate & 2;
  Clocks known = arrives ? warp.block->launch->shared.release(warp.number) : Clocks();
  forLanes(mask, [&](unsigned lane) {
    TransactionBarrier &barrier = use(warp, i, lane);
    std::uint32_t value = warp.at<std::uint32_t>(i.source[1])[lane];
    warp.at<std::uint64_t>(i.result)[lane] = barrier.phase;
    ++warp.block->events;
    if (expects) {
      if (value > LargestCount)
        failAt(lane, "an mbarrier cannot expect {} bytes", value);
      barrier.bytes += value;
    }
    try {
      if (arrives)
        arrive(*warp.block, barrier, expects ? 1 : value, known);
    } catch (Failure const &failure) {
      throw Failure(failure.what(), int(lane));
    }
  });
}

/// immediate: a parity, not a state, is waited for.
void waitHandler(Warp &warp, Instruction const &i, Mask mask) {
  Mask done = 0;
  forLanes(mask, [&](unsigned lane) {
    TransactionBarrier &barrier = use(warp, i, lane);
    bool isOver;
    if (i.immediate) {
      std::uint32_t parity = warp.at<std::uint32_t>(i.source[1])[lane];
      if (parity > 1)
        failAt(lane, "the parity of a phase is 0 or 1, not {}", parity);
      isOver = (barrier.phase & 1) != parity;
    } else {
      isOver = barrier.phase != warp.at<std::uint64_t>(i.source[1])[lane];
    }
    done |= Mask(isOver) << lane;
    if (isOver && !barrier.known.empty())
      warp.block->launch->shared.acquire(warp.number, barrier.known);
  });
  Mask &out = warp.predicate(i.result);
  out = (out & ~mask) | done;
  if (done != mask)
    warp.yielded = true;
}

void decodeWait(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  i.immediate = modifiers.take("parity");
  modifiers.takeOneOf({"acquire", "relaxed"});
  modifiers.takeOneOf({"cta", "cluster"});
  takeStateSpace(modifiers);
  if (modifiers.takeType() != Type::B64)
    fail("expected .b64");
  decoder.expectOperands(3, 4); // the fourth is a limit of time, which try_wait may ignore
  i.result = decoder.predicateResult(decoder.operand(0));
  decoder.address(decoder.operand(1), i, 0);
  i.source[1] = decoder.source(decoder.operand(2), i.immediate ? 4 : 8);
  i.run = waitHandler;
}

void decodeArrive(Decoder &decoder, Modifiers &modifiers, Instruction &i, bool arrives) {
  bool expects = modifiers.take("expect_tx");
  modifiers.takeOneOf({"release", "relaxed"});
  modifiers.takeOneOf({"cta", "cluster"});
  takeStateSpace(modifiers);
  if (modifiers.takeType() != Type::B64)
    fail("expected .b64");
  bool hasState = decoder.operand(0).kind != Operand::Kind::Address;
  if (!arrives && hasState)
    fail("expected an address");
  unsigned at = hasState ? 1 : 0;
  decoder.expectOperands(at + 1 + (expects ? 1 : 0), at + 2);
  Operand const nowhere;
  i.result = decoder.result(hasState ? decoder.operand(0) : nowhere, 8);
  decoder.address(decoder.operand(at), i, 0);
  std::uint8_t narrow = i.negated;
  i.source[1] = decoder.operandCount() > at + 1 ? decoder.source(decoder.operand(at + 1), 4) : decoder.constant(1, 4);
  i.negated = narrow;
  i.immediate = (arrives ? 1 : 0) | (expects ? 2 : 0);
  i.run = arriveHandler;
}

void decodeBarrierObject(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (modifiers.take("try_wait") || modifiers.take("test_wait"))
    return decodeWait(decoder, modifiers, i);
  if (modifiers.take("arrive"))
    return decodeArrive(decoder, modifiers, i, true);
  if (modifiers.has("expect_tx"))
    return decodeArrive(decoder, modifiers, i, false);
  bool isInit = modifiers.take("init");
  if (!isInit && !modifiers.take("inval"))
    fail("this form of mbarrier is not supported");
  takeStateSpace(modifiers);
  if (modifiers.takeType() != Type::B64)
    fail("expected .b64");
  decoder.expectOperands(isInit ? 2 : 1);
  decoder.address(decoder.operand(0), i, 0);
  if (isInit)
    i.source[1] = decoder.source(decoder.operand(1), 4);
  i.run = isInit ? initHandler : invalidateHandler;
}

} // namespace

TransactionBarrier &transactionBarrierAt(Block &block, std::uint64_t address, int lane) {
  auto found = block.transactionBarriers.find(sharedAddress(address, lane));
  if (found == block.transactionBarriers.end())
    throw Failure(fmt::format("there is no mbarrier at {:#x}", address), lane);
  return *found->second;
}

void arrive(Block &block, TransactionBarrier &barrier, std::uint32_t count, Clocks const &known) {
  if (count > barrier.pending)
    fail("{} arrivals at an mbarrier that {} are missing to", count, barrier.pending);
  gather(barrier, known);
  barrier.pending -= count;
  completeIfDone(block, barrier);
}

void bytesArrived(Block &block, TransactionBarrier &barrier, std::int64_t count, unsigned agent, std::uint32_t stamp) {
  SharedMemory &shared = block.launch->shared;
  Clocks known(shared.clocksOf(0).size(), 0);
  known[agent] = stamp;
  gather(barrier, known);
  barrier.bytes -= count;
  completeIfDone(block, barrier);
}

void addTransactionBarrier(DecodeTable &table) { table["mbarrier"] = decodeBarrierObject; }

} // namespace gpusim
