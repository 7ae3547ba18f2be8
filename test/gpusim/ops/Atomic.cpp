// Atomic.cpp - atom and red: lanes act one after the other.
#include "test/gpusim/Number.h"
#include "test/gpusim/ops/Spaces.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

namespace {

enum class Action { Add, Min, Max, And, Or, Xor, Exchange, CompareAndSwap, Increment, Decrement };

template <class T>
T integerResult(Action action, T old, T value, T other) {
  using U = std::make_unsigned_t<T>;
  switch (action) {
  case Action::Add:
    return T(U(old) + U(value));
  case Action::Min:
    return std::min(old, value);
  case Action::Max:
    return std::max(old, value);
  case Action::And:
    return old & value;
  case Action::Or:
    return old | value;
  case Action::Xor:
    return old ^ value;
  case Action::Exchange:
    return value;
  case Action::CompareAndSwap:
    return old == value ? other : old;
  case Action::Increment:
    return U(old) >= U(value) ? T(0) : T(U(old) + 1);
  default:
    return old == 0 || U(old) > U(value) ? value : T(U(old) - 1);
  }
}

std::uint32_t halvesAdded(std::uint32_t a, std::uint32_t b, bool isHalf) {
  auto sum = [&](std::uint16_t x, std::uint16_t y) -> std::uint32_t {
    return isHalf ? halfOfFloat(floatOfHalf(x) + floatOfHalf(y)) : bfloatOfFloat(floatOfBfloat(x) + floatOfBfloat(y));
  };
  return sum(std::uint16_t(a), std::uint16_t(b)) | sum(std::uint16_t(a >> 16), std::uint16_t(b >> 16)) << 16;
}

std::uint64_t resultOf(Type type, Action action, std::uint64_t old, std::uint64_t value, std::uint64_t other) {
  switch (type) {
  case Type::F32:
    return asBits(asFloat(std::uint32_t(old)) + asFloat(std::uint32_t(value)));
  case Type::F64:
    return asBits(asDouble(old) + asDouble(value));
  case Type::F16:
  case Type::F16x2:
    return halvesAdded(std::uint32_t(old), std::uint32_t(value), true);
  case Type::BF16:
  case Type::BF16x2:
    return halvesAdded(std::uint32_t(old), std::uint32_t(value), false);
  case Type::S32:
    return std::uint32_t(integerResult(action, std::int32_t(old), std::int32_t(value), std::int32_t(other)));
  case Type::S64:
    return std::uint64_t(integerResult(action, std::int64_t(old), std::int64_t(value), std::int64_t(other)));
  default:
    if (bytesOf(type) == 8)
      return integerResult(action, old, value, other);
    if (bytesOf(type) == 4)
      return integerResult(action, std::uint32_t(old), std::uint32_t(value), std::uint32_t(other));
    return std::uint16_t(integerResult(action, std::int32_t(old), std::int32_t(value), std::int32_t(other)));
  }
}

/// The bytes, and shared memory told that the access is atomic.
std::byte *atomicAccess(Warp &warp, Instruction const &i, unsigned lane) {
  std::uint64_t address = warp.address(i, 0, lane);
  bool isShared = i.space == Space::Shared || (i.space == Space::Generic && (address & WindowMask) == SharedWindow);
  if (!isShared) {
    warp.load(i, i.space, address, i.width, lane);
    return warp.store(i, i.space, address, i.width, lane);
  }
  address &= ~WindowMask;
  if (address & (i.width - 1u) || address >> 32)
    failAt(lane, "an atomic access of {} bytes at {:#x} is misaligned", i.width, address);
  SharedMemory::Access access{std::uint32_t(address), i.width, lane, "atomic access", true};
  warp.block->launch->shared.load(warp.number, access);
  return warp.block->launch->shared.store(warp.number, access);
}

void atomicHandler(Warp &warp, Instruction const &i, Mask mask) {
  ++warp.block->events;
  forLanes(mask, [&](unsigned lane) {
    std::uint64_t old = 0, value = 0, other = 0;
    std::byte *memory = atomicAccess(warp, i, lane);
    std::memcpy(&old, memory, i.width);
    std::memcpy(&value, warp.at<std::byte>(i.source[1]) + lane * i.width, i.width);
    std::memcpy(&other, warp.at<std::byte>(i.source[2]) + lane * i.width, i.width);
    std::uint64_t result = resultOf(i.type, Action(i.immediate), old, value, other);
    std::memcpy(memory, &result, i.width);
    std::memcpy(warp.at<std::byte>(i.result) + lane * i.width, &old, i.width);
  });
}

template <bool Returns>
void decodeAtomic(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  takeMemoryOrder(modifiers);
  i.strong = true;
  i.space = takeStateSpace(modifiers).value_or(Space::Generic);
  auto action = modifiers.takeOneOf({"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"});
  if (!action)
    fail("unknown action");
  modifiers.take("noftz");
  i.type = modifiers.takeType();
  i.immediate = *action;
  i.width = std::uint8_t(bytesOf(i.type));
  if (isFloating(i.type) && Action(i.immediate) != Action::Add)
    fail("this action is not supported on floats");
  bool isSwap = Action(i.immediate) == Action::CompareAndSwap;
  unsigned first = Returns ? 1 : 0;
  decoder.expectOperands(first + (isSwap ? 3 : 2));
  decoder.address(decoder.operand(first), i, 0);
  std::uint8_t const narrow = i.negated;
  i.source[1] = decoder.source(decoder.operand(first + 1), i.width);
  i.source[2] = isSwap ? decoder.source(decoder.operand(first + 2), i.width) : i.source[1];
  i.negated = narrow;
  Operand const nowhere;
  i.result = decoder.result(Returns ? decoder.operand(0) : nowhere, i.width);
  if (i.space != Space::Global)
    decoder.useSharedAccess(i.width);
  i.run = atomicHandler;
}

} // namespace

void addAtomic(DecodeTable &table) {
  table["atom"] = decodeAtomic<true>;
  table["red"] = decodeAtomic<false>;
}

} // namespace gpusim
