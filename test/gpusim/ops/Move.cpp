// Move.cpp - mov, with its packing forms, and conversions between address spaces.
#include "test/gpusim/DeviceMemory.h"
#include "test/gpusim/ops/Elementwise.h"
#include "test/gpusim/ops/Spaces.h"

#include <cstring>

namespace gpusim {

namespace {

struct Same {
  template <class T>
  T operator()(T a) const {
    return a;
  }
};

void movePredicate(Warp &warp, Instruction const &i, Mask mask) {
  Mask &out = warp.predicate(i.result);
  out = (out & ~mask) | ((warp.predicate(i.source[0]) ^ (i.negated & 1 ? AllLanes : 0)) & mask);
}

/// mov.b64 {%r1, %r2}, %rd1: `width` bytes go to each register of the list.
void unpackHandler(Warp &warp, Instruction const &i, Mask mask) {
  unsigned total = unsigned(i.list.size()) * i.width;
  forLanes(mask, [&](unsigned lane) {
    std::byte value[16];
    std::memcpy(value, warp.at<std::byte>(i.source[0]) + lane * total, total);
    for (std::size_t part = 0; part < i.list.size(); ++part)
      std::memcpy(warp.at<std::byte>(i.list[part]) + lane * i.width, value + part * i.width, i.width);
  });
}

void packHandler(Warp &warp, Instruction const &i, Mask mask) {
  unsigned total = unsigned(i.list.size()) * i.width;
  forLanes(mask, [&](unsigned lane) {
    std::byte value[16];
    for (std::size_t part = 0; part < i.list.size(); ++part)
      std::memcpy(value + part * i.width, warp.at<std::byte>(i.list[part]) + lane * i.width, i.width);
    std::memcpy(warp.at<std::byte>(i.result) + lane * total, value, total);
  });
}

void clockHandler(Warp &warp, Instruction const &i, Mask mask) {
  forLanes(mask, [&](unsigned lane) {
    if (i.width == 8)
      warp.at<std::uint64_t>(i.result)[lane] = warp.executed;
    else
      warp.at<std::uint32_t>(i.result)[lane] = std::uint32_t(warp.executed);
  });
}

void decodeMov(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  decoder.expectOperands(2);
  Operand const &to = decoder.operand(0), &from = decoder.operand(1);
  unsigned width = bytesOf(type);
  if (type == Type::Pred) {
    i.result = decoder.predicateResult(to);
    i.source[0] = decoder.predicate(from, i, 0);
    i.run = movePredicate;
  } else if (to.kind == Operand::Kind::Vector || from.kind == Operand::Kind::Vector) {
    bool unpacks = to.kind == Operand::Kind::Vector;
    auto const &parts = (unpacks ? to : from).parts;
    if (parts.empty() || width % parts.size())
      fail("a vector does not fit the type");
    i.width = std::uint8_t(width / parts.size());
    if (i.width < 2)
      fail("a vector of bytes is not supported");
    for (Operand const &part : parts)
      i.list.push_back(unpacks ? decoder.result(part, i.width) : decoder.source(part, i.width));
    if (unpacks)
      i.source[0] = decoder.source(from, width);
    else
      i.result = decoder.result(to, width);
    i.run = unpacks ? unpackHandler : packHandler;
  } else if (from.kind == Operand::Kind::Special &&
             (from.name.starts_with("%clock") || from.name.starts_with("%globaltimer"))) {
    i.width = std::uint8_t(width);
    i.result = decoder.result(to, width);
    i.run = clockHandler;
  } else if (width == 2) {
    setUnary<Same, std::uint16_t, std::uint16_t>(decoder, i);
  } else if (width == 4) {
    setUnary<Same, std::uint32_t, std::uint32_t>(decoder, i);
  } else if (width == 8) {
    setUnary<Same, std::uint64_t, std::uint64_t>(decoder, i);
  } else if (width == 16) {
    setUnary<Same, unsigned __int128, unsigned __int128>(decoder, i);
  } else {
    fail("this type is not supported here");
  }
}

std::uint64_t windowOf(Space space) {
  switch (space) {
  case Space::Shared:
    return SharedWindow;
  case Space::Local:
    return LocalWindow;
  case Space::Param:
    return ParamWindow;
  default:
    return 0; // addresses of global memory are generic ones
  }
}

template <bool To>
void addressHandler(Warp &warp, Instruction const &i, Mask mask) {
  std::uint64_t window = windowOf(i.space);
  auto *out = warp.at<std::uint64_t>(i.result);
  auto const *in = warp.at<std::uint64_t>(i.source[0]);
  forLanes(mask, [&](unsigned lane) {
    std::uint64_t address = in[lane];
    if (To && window && address != 0 && (address & WindowMask) != window)
      failAt(lane, "{:#x} is no generic address of the space", address);
    out[lane] = To ? address & (window ? ~WindowMask : ~std::uint64_t(0)) : address | window;
  });
}

void decodeCvta(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  bool to = modifiers.take("to");
  auto space = takeStateSpace(modifiers);
  if (!space || bytesOf(modifiers.takeType()) != 8)
    fail("expected a state space and .u64");
  i.space = *space;
  decoder.expectOperands(2);
  i.result = decoder.result(decoder.operand(0), 8);
  i.source[0] = decoder.source(decoder.operand(1), 8);
  i.run = to ? addressHandler<true> : addressHandler<false>;
}

void isSpaceHandler(Warp &warp, Instruction const &i, Mask mask) {
  std::uint64_t window = i.space == Space::Global || i.space == Space::Const ? GlobalWindow : windowOf(i.space);
  Mask value = 0;
  forLanes(mask, [&](unsigned lane) {
    value |= Mask((warp.at<std::uint64_t>(i.source[0])[lane] & WindowMask) == window) << lane;
  });
  Mask &out = warp.predicate(i.result);
  out = (out & ~mask) | value;
}
void decodeIsSpace(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto space = takeStateSpace(modifiers);
  if (!space)
    fail("expected a state space");
  i.space = *space;
  decoder.expectOperands(2);
  i.result = decoder.predicateResult(decoder.operand(0));
  i.source[0] = decoder.source(decoder.operand(1), 8);
  i.run = isSpaceHandler;
}

/// mapa: the address in another block of the cluster; clusters here have one block, whose addresses stay as they are.
void decodeMapa(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  takeStateSpace(modifiers);
  unsigned width = bytesOf(modifiers.takeType());
  decoder.expectOperands(3);
  i.result = decoder.result(decoder.operand(0), width);
  i.source[0] = decoder.source(decoder.operand(1), width);
  if (width == 4)
    i.run = unaryHandler<Same, std::uint32_t, std::uint32_t>;
  else
    i.run = unaryHandler<Same, std::uint64_t, std::uint64_t>;
}

} // namespace

void addMove(DecodeTable &table) {
  table["mov"] = decodeMov;
  table["cvta"] = decodeCvta;
  table["isspacep"] = decodeIsSpace;
  table["mapa"] = decodeMapa;
}

} // namespace gpusim
