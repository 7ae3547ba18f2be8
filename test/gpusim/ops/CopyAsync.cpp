// CopyAsync.cpp - cp.async: copies of 4, 8 or 16 bytes by each lane, in groups.
#include "test/gpusim/ops/CopyAsync.h"
#include "test/gpusim/ops/TransactionBarrier.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

namespace {

struct Copy {
  std::uint64_t group; ///< of its lane
  std::uint64_t from;
  std::uint32_t to, stamp;
  std::uint8_t lane, size, sourceSize; ///< the rest becomes zeros
};

struct CopyState : AsyncState {
  std::vector<Copy> copies; ///< in order of issue
  std::uint64_t committed[32] = {};
};

CopyState &stateOf(Warp &warp) {
  if (!warp.copies)
    warp.copies = std::make_unique<CopyState>();
  return static_cast<CopyState &>(*warp.copies);
}

SharedMemory::Access accessOf(Copy const &copy) { return {copy.to, copy.size, copy.lane, "cp.async"}; }

void move(Warp &warp, Copy const &copy) {
  Launch &launch = *warp.block->launch;
  std::byte *to = launch.shared.at(copy.to, copy.size, copy.lane, "cp.async");
  if (copy.sourceSize)
    std::memcpy(to, launch.memory.load(copy.from, copy.sourceSize, "cp.async from global memory", copy.lane),
                copy.sourceSize);
  std::memset(to + copy.sourceSize, 0, copy.size - copy.sourceSize);
}

/// source: 0 to, 1 from, 2 bytes of the source. immediate bit 0: source[2] is a predicate that says to ignore the
/// source.
void copyHandler(Warp &warp, Instruction const &i, Mask mask) {
  CopyState &state = stateOf(warp);
  Launch &launch = *warp.block->launch;
  std::uint32_t stamp = launch.shared.nextAsyncStamp(warp.number);
  forLanes(mask, [&](unsigned lane) {
    std::uint64_t to = warp.address(i, 0, lane),
                  from = warp.at<std::uint64_t>(i.source[1])[lane] + std::int64_t(std::int32_t(i.list[0]));
    std::uint32_t sourceSize =
        i.immediate & 1 ? ((warp.predicate(i.source[2]) ^ (i.negated & 4 ? AllLanes : 0)) >> lane & 1 ? 0 : i.width)
                        : warp.at<std::uint32_t>(i.source[2])[lane];
    if (sourceSize > i.width)
      failAt(lane, "cp.async of {} bytes with {} bytes of source", i.width, sourceSize);
    if (to % i.width || (sourceSize && from % i.width))
      failAt(lane, "cp.async of {} bytes from {:#x} to {:#x} is misaligned", i.width, from, to);
    if (to >> 32)
      failAt(lane, "{:#x} is no address of shared memory", to);
    Copy copy{state.committed[lane], from,    std::uint32_t(to),       stamp,
              std::uint8_t(lane),    i.width, std::uint8_t(sourceSize)};
    launch.shared.asyncWrite(warp.number, accessOf(copy), stamp);
    if (sourceSize) // out of bounds is out of bounds at once
      launch.memory.load(from, sourceSize, "cp.async from global memory", int(lane));
    if (launch.options.asynchrony == Asynchrony::Early)
      move(warp, copy);
    state.copies.push_back(copy);
  });
}

/// Ends the copies for which `ends` holds; what they wrote counts as written by their lane just now.
template <class Ends>
void endCopies(Warp &warp, Ends &&ends) {
  CopyState &state = stateOf(warp);
  Launch &launch = *warp.block->launch;
  auto kept = std::remove_if(state.copies.begin(), state.copies.end(), [&](Copy const &copy) {
    if (!ends(copy))
      return false;
    if (launch.options.asynchrony == Asynchrony::Late)
      move(warp, copy);
    launch.shared.ownWritten(warp.number, accessOf(copy));
    return true;
  });
  state.copies.erase(kept, state.copies.end());
}

void commitHandler(Warp &warp, Instruction const &, Mask mask) {
  CopyState &state = stateOf(warp);
  forLanes(mask, [&](unsigned lane) { ++state.committed[lane]; });
}

void waitGroupHandler(Warp &warp, Instruction const &i, Mask mask) {
  CopyState &state = stateOf(warp);
  endCopies(warp, [&](Copy const &copy) {
    return (mask >> copy.lane & 1) && copy.group + i.immediate < state.committed[copy.lane];
  });
}

void waitAllHandler(Warp &warp, Instruction const &, Mask mask) {
  endCopies(warp, [&](Copy const &copy) { return mask >> copy.lane & 1; });
}

/// The lane arrives at the barrier when all copies that it has started have ended. immediate: the arrival was counted
/// in when the barrier was initialised.
void arriveHandler(Warp &warp, Instruction const &i, Mask mask) {
  Block &block = *warp.block;
  Clocks known = block.launch->shared.release(warp.number);
  forLanes(mask, [&](unsigned lane) {
    std::uint64_t address = warp.address(i, 0, lane);
    TransactionBarrier &barrier = transactionBarrierAt(block, address, int(lane));
    if (!i.immediate)
      ++barrier.pending;
    CopyState &state = stateOf(warp);
    std::vector<Copy> mine;
    for (Copy const &copy : state.copies)
      if (copy.lane == lane)
        mine.push_back(copy);
    std::erase_if(state.copies, [&](Copy const &copy) { return copy.lane == lane; });
    auto end = [&warp, &block, address, mine, known] {
      Clocks arriving = known;
      for (Copy const &copy : mine) {
        if (block.launch->options.asynchrony == Asynchrony::Late)
          move(warp, copy);
        block.launch->shared.asyncWritten(warp.number, accessOf(copy));
        std::uint32_t &clock = arriving[block.launch->shared.asyncAgent(warp.number)];
        clock = std::max(clock, copy.stamp);
      }
      arrive(block, transactionBarrierAt(block, address, -1), 1, arriving);
    };
    if (block.launch->options.asynchrony == Asynchrony::Late)
      block.pending.push_back(end);
    else
      end();
  });
}

void decodeGroups(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (modifiers.take("commit_group")) {
    decoder.expectOperands(0);
    i.run = commitHandler;
  } else if (modifiers.take("wait_all")) {
    decoder.expectOperands(0);
    i.run = waitAllHandler;
  } else if (modifiers.take("wait_group")) {
    decoder.expectOperands(1);
    i.immediate = std::uint32_t(decoder.immediate(decoder.operand(0)));
    i.run = waitGroupHandler;
  } else {
    fail("this form of cp.async is not supported");
  }
}

void decodeArrive(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.take("arrive"))
    fail("expected .arrive");
  i.immediate = modifiers.take("noinc");
  takeStateSpace(modifiers);
  if (modifiers.takeType() != Type::B64)
    fail("expected .b64");
  decoder.expectOperands(1);
  decoder.address(decoder.operand(0), i, 0);
  i.run = arriveHandler;
}

void decodeCopy(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.take("async"))
    fail("expected .async");
  if (modifiers.take("bulk"))
    return decodeBulkCopy(decoder, modifiers, i);
  if (modifiers.take("mbarrier"))
    return decodeArrive(decoder, modifiers, i);
  auto cache = modifiers.takeOneOf({"ca", "cg"});
  if (!cache)
    return decodeGroups(decoder, modifiers, i);
  bool toShared = modifiers.take("shared") || modifiers.take("shared::cta");
  if (!toShared || !modifiers.take("global"))
    fail("expected .shared.global");
  takeCachePolicy(modifiers);
  decoder.expectOperands(3, 4);
  decoder.address(decoder.operand(1), i, 1);
  std::int64_t fromOffset = i.offset;
  decoder.address(decoder.operand(0), i, 0);
  if (i.negated & 32)
    fail("an address of global memory has 64 bits");
  i.list.push_back(std::uint32_t(fromOffset));
  std::uint64_t size = decoder.immediate(decoder.operand(2));
  if (*cache == 1 ? size != 16 : size != 4 && size != 8 && size != 16)
    fail("cp.async.{} of {} bytes", *cache ? "cg" : "ca", size);
  i.width = std::uint8_t(size);
  if (decoder.operandCount() == 4) {
    Operand const &last = decoder.operand(3);
    bool ignores = last.kind == Operand::Kind::Register && last.reg.type == Type::Pred;
    i.immediate = ignores;
    i.source[2] = ignores ? decoder.predicate(last, i, 2) : decoder.source(last, 4);
  } else {
    i.source[2] = decoder.constant(size, 4);
  }
  i.run = copyHandler;
}

} // namespace

void addCopy(DecodeTable &table) { table["cp"] = decodeCopy; }

} // namespace gpusim
