// BulkCopy.cpp - cp.async.bulk: the copy engine (TMA), plain ranges and boxes of tensors.
#include "test/gpusim/TensorMap.h"
#include "test/gpusim/ops/CopyAsync.h"
#include "test/gpusim/ops/TransactionBarrier.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

namespace {

/// Stores read shared memory until their group has been waited for.
struct BulkState : AsyncState {
  struct Store {
    unsigned lane;
    std::uint64_t group;
    std::uint32_t stamp;
    std::function<void()> run; ///< empty if it has run
  };
  std::vector<Store> stores;
  std::uint64_t committed[32] = {};
};

BulkState &stateOf(Warp &warp) {
  if (!warp.bulk)
    warp.bulk = std::make_unique<BulkState>();
  return static_cast<BulkState &>(*warp.bulk);
}

struct BulkPayload : Payload {
  unsigned rank = 0; ///< 0: a plain range
  bool stores = false;
  std::vector<std::uint32_t> coordinates;
  std::uint32_t size = 0; ///< where the size of a range is
  std::int64_t sharedOffset = 0, globalOffset = 0, barrierOffset = 0;
  std::uint32_t shared = 0, global = 0, barrier = 0;
  bool sharedNarrow = false, barrierNarrow = false;
};

/// A transfer of one lane: its place in shared memory and how it moves.
struct Transfer {
  std::uint32_t shared = 0, bytes = 0;
  TensorMap map;
  std::int32_t at[5] = {};
  std::uint64_t global = 0;
  bool stores = false;
};

void moveRange(Launch &launch, Transfer const &t, unsigned lane) {
  std::byte *here = launch.shared.at(t.shared, t.bytes, lane, "bulk copy");
  if (t.stores)
    std::memcpy(launch.memory.store(t.global, t.bytes, "bulk copy to global memory", int(lane)), here, t.bytes);
  else
    std::memcpy(here, launch.memory.load(t.global, t.bytes, "bulk copy from global memory", int(lane)), t.bytes);
}

/// Row by row of the innermost axis; what lies outside of the tensor is filled, or not stored.
void moveBox(Launch &launch, Transfer const &t, unsigned lane) {
  TensorMap const &map = t.map;
  std::uint32_t rows = 1;
  for (unsigned axis = 1; axis < map.rank; ++axis)
    rows *= map.box[axis];
  std::uint32_t rowBytes = map.box[0] * map.elementBytes;
  for (std::uint32_t row = 0; row < rows; ++row) {
    std::uint64_t global = map.base;
    bool inside = true;
    std::uint32_t rest = row;
    for (unsigned axis = 1; axis < map.rank; ++axis) {
      std::int64_t position = t.at[axis] + std::int64_t(rest % map.box[axis]);
      rest /= map.box[axis];
      inside &= position >= 0 && position < map.size[axis];
      global += std::uint64_t(position) * map.stride[axis];
    }
    for (std::uint32_t column = 0; column < map.box[0]; ++column) {
      std::int64_t position = t.at[0] + std::int64_t(column);
      bool isInside = inside && position >= 0 && position < map.size[0];
      std::uint32_t place = swizzled(t.shared + row * rowBytes + column * map.elementBytes, map.swizzle);
      std::byte *here = launch.shared.at(place, map.elementBytes, lane, "tensor copy");
      std::uint64_t there = global + std::uint64_t(position) * map.elementBytes;
      if (t.stores) {
        if (isInside)
          std::memcpy(launch.memory.store(there, map.elementBytes, "tensor copy to global memory", int(lane)), here,
                      map.elementBytes);
      } else if (isInside) {
        std::memcpy(here, launch.memory.load(there, map.elementBytes, "tensor copy from global memory", int(lane)),
                    map.elementBytes);
      } else {
        std::memset(here, map.fillsWithNan ? 0xff : 0, map.elementBytes);
      }
    }
  }
}

std::uint64_t valueOf(Warp &warp, std::uint32_t place, bool narrow, unsigned lane) {
  return narrow ? warp.at<std::uint32_t>(place)[lane] : warp.at<std::uint64_t>(place)[lane];
}

Transfer transferOf(Warp &warp, Instruction const &i, BulkPayload const &p, unsigned lane) {
  Transfer t;
  t.stores = p.stores;
  std::uint64_t shared = valueOf(warp, p.shared, p.sharedNarrow, lane) + std::uint64_t(p.sharedOffset);
  if ((shared & WindowMask) == SharedWindow)
    shared &= ~WindowMask;
  if (shared >> 32)
    failAt(lane, "{:#x} is no address of shared memory", shared);
  t.shared = std::uint32_t(shared);
  t.global = warp.at<std::uint64_t>(p.global)[lane] + std::uint64_t(p.globalOffset);
  if (!p.rank) {
    t.bytes = warp.at<std::uint32_t>(p.size)[lane];
    if (t.bytes == 0 || t.bytes % 16 || t.shared % 16 || t.global % 16)
      failAt(lane, "a bulk copy of {} bytes between {:#x} and {:#x}: all must be multiples of 16", t.bytes, t.global,
             t.shared);
    return t;
  }
  std::byte bytes[128]; // a parameter of the kernel as a rule, so read in pieces that its alignment allows
  for (unsigned at = 0; at < 128; at += 64)
    std::memcpy(bytes + at, warp.load(i, Space::Generic, t.global + at, 64, lane), 64);
  std::memcpy(&t.map, bytes, sizeof t.map);
  if (t.map.mark != TensorMap::Mark)
    failAt(lane, "no tensor map at {:#x}", t.global);
  if (t.map.rank != p.rank)
    failAt(lane, "a map of rank {} in an instruction for {}", t.map.rank, p.rank);
  t.bytes = t.map.elementBytes;
  for (unsigned axis = 0; axis < p.rank; ++axis) {
    t.at[axis] = warp.at<std::int32_t>(p.coordinates[axis])[lane];
    t.bytes *= t.map.box[axis];
  }
  // A swizzle permutes by address, so tiles begin where its pattern does.
  std::uint32_t alignment = t.map.swizzle == Swizzle::None ? 128 : 8 * spanOf(t.map.swizzle);
  if (t.shared % alignment)
    failAt(lane, "a tile at byte {:#x} of shared memory: expected a multiple of {}", t.shared, alignment);
  return t;
}

void move(Launch &launch, Transfer const &t, unsigned lane) {
  t.map.rank ? moveBox(launch, t, lane) : moveRange(launch, t, lane);
}

void load(Warp &warp, BulkPayload const &p, Transfer const &t, unsigned lane) {
  Block &block = *warp.block;
  Launch &launch = *block.launch;
  std::uint64_t address = valueOf(warp, p.barrier, p.barrierNarrow, lane) + std::uint64_t(p.barrierOffset);
  TransactionBarrier &barrier = transactionBarrierAt(block, address, int(lane));
  if (!barrier.fenced)
    failAt(lane, "no fence.mbarrier_init or fence.proxy.async since the mbarrier was initialised by warp {}",
           barrier.creator);
  std::uint32_t stamp = launch.shared.nextAsyncStamp(warp.number);
  SharedMemory::Access access{t.shared, t.bytes, lane, "bulk copy"};
  launch.shared.asyncWrite(warp.number, access, stamp);
  unsigned number = warp.number, agent = launch.shared.asyncAgent(number);
  auto end = [&block, &launch, address, access, t, lane, number, agent, stamp] {
    move(launch, t, lane);
    launch.shared.asyncWritten(number, access);
    bytesArrived(block, transactionBarrierAt(block, address, int(lane)), t.bytes, agent, stamp);
  };
  if (launch.options.asynchrony == Asynchrony::Late)
    block.pending.push_back(end);
  else
    end();
}

void store(Warp &warp, Transfer const &t, unsigned lane) {
  Launch &launch = *warp.block->launch;
  BulkState &state = stateOf(warp);
  std::uint32_t stamp = launch.shared.nextAsyncStamp(warp.number);
  launch.shared.asyncRead(warp.number, {t.shared, t.bytes, lane, "bulk copy"}, stamp);
  std::function<void()> run = [&launch, t, lane] { move(launch, t, lane); };
  if (launch.options.asynchrony == Asynchrony::Early) {
    run();
    run = nullptr;
  }
  state.stores.push_back({lane, state.committed[lane], stamp, std::move(run)});
}

void bulkHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto const &p = static_cast<BulkPayload const &>(*i.payload);
  ++warp.block->events;
  forLanes(mask, [&](unsigned lane) {
    Transfer t = transferOf(warp, i, p, lane);
    p.stores ? store(warp, t, lane) : load(warp, p, t, lane);
  });
}

void commitHandler(Warp &warp, Instruction const &, Mask mask) {
  forLanes(mask, [&](unsigned lane) { ++stateOf(warp).committed[lane]; });
}

void waitHandler(Warp &warp, Instruction const &i, Mask mask) {
  BulkState &state = stateOf(warp);
  SharedMemory &shared = warp.block->launch->shared;
  std::erase_if(state.stores, [&](BulkState::Store &store) {
    if (!(mask >> store.lane & 1) || store.group + i.immediate >= state.committed[store.lane])
      return false;
    if (store.run)
      store.run();
    std::uint32_t &known = shared.clocksOf(warp.number)[shared.asyncAgent(warp.number)];
    known = std::max(known, store.stamp);
    return true;
  });
}

/// Which operand is which depends on the direction: loads name the mbarrier last, stores have none.
void decodeTransfer(Decoder &decoder, Instruction &i, BulkPayload &p) {
  unsigned plain = p.rank ? 0 : 1; // a range gives its size
  decoder.expectOperands(2 + plain + (p.stores ? 0 : 1));
  Operand const &shared = decoder.operand(p.stores ? 1 : 0), &global = decoder.operand(p.stores ? 0 : 1);
  auto place = [&](Operand const &operand, std::uint32_t &base, std::int64_t &offset, bool *narrow) {
    i.negated = 0;
    decoder.address(operand, i, 0);
    base = i.source[0];
    offset = i.offset;
    if (narrow)
      *narrow = i.negated & 16;
    else if (i.negated & 16)
      fail("an address of global memory has 64 bits");
  };
  place(shared, p.shared, p.sharedOffset, &p.sharedNarrow);
  place(global, p.global, p.globalOffset, nullptr);
  if (!p.stores)
    place(decoder.operand(2 + plain), p.barrier, p.barrierOffset, &p.barrierNarrow);
  i.negated = 0;
  if (!p.rank) {
    p.size = decoder.source(decoder.operand(2), 4);
    return;
  }
  if (global.parts.size() != 2 || global.parts[1].parts.size() != p.rank)
    fail("expected {} coordinates", p.rank);
  for (Operand const &coordinate : global.parts[1].parts)
    p.coordinates.push_back(decoder.source(coordinate, 4));
}

} // namespace

/// After `cp.async.bulk`.
void decodeBulkCopy(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (modifiers.take("commit_group")) {
    decoder.expectOperands(0);
    i.run = commitHandler;
    return;
  }
  if (modifiers.take("wait_group")) {
    modifiers.take("read");
    decoder.expectOperands(1);
    i.immediate = std::uint32_t(decoder.immediate(decoder.operand(0)));
    i.run = waitHandler;
    return;
  }
  auto payload = std::make_unique<BulkPayload>();
  bool isTensor = modifiers.take("tensor");
  if (modifiers.take("prefetch")) {
    while (modifiers.takePrefixed("L2") || modifiers.take("global") || modifiers.take("tile") ||
           modifiers.takeOneOf({"1d", "2d", "3d", "4d", "5d"}))
      ;
    i.run = [](Warp &, Instruction const &, Mask) {};
    return;
  }
  if (isTensor) {
    auto rank = modifiers.takeOneOf({"1d", "2d", "3d", "4d", "5d"});
    if (!rank)
      fail("expected .1d to .5d");
    payload->rank = *rank + 1;
    modifiers.take("tile");
  }
  std::string const &first = decoder.statement().modifiers[isTensor ? 4 : 2];
  payload->stores = first == "global";
  if (!modifiers.take("global") || !modifiers.takePrefixed("shared::"))
    fail("expected .shared::cluster.global or .global.shared::cta");
  if (payload->stores ? !modifiers.take("bulk_group") : !modifiers.take("mbarrier::complete_tx::bytes"))
    fail("expected .mbarrier::complete_tx::bytes of a load, .bulk_group of a store");
  decodeTransfer(decoder, i, *payload);
  i.payload = std::move(payload);
  i.run = bulkHandler;
}

} // namespace gpusim
