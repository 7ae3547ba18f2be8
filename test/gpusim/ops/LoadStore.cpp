// LoadStore.cpp - ld, ldu, st and prefetch, scalars and vectors, in every state space.
#include "test/gpusim/ops/Spaces.h"

#include <cstring>

namespace gpusim {

std::optional<Space> takeStateSpace(Modifiers &modifiers) {
  if (modifiers.take("shared") || modifiers.take("shared::cta") || modifiers.take("shared::cluster"))
    return Space::Shared;
  auto other = modifiers.takeOneOf({"global", "local", "param", "const"});
  if (!other) {
    modifiers.take("param::entry");
    return std::nullopt;
  }
  Space const spaces[] = {Space::Global, Space::Local, Space::Param, Space::Const};
  return spaces[*other];
}

bool takeMemoryOrder(Modifiers &modifiers) {
  bool strong =
      !modifiers.take("weak") && modifiers.takeOneOf({"volatile", "relaxed", "acquire", "release", "acq_rel"});
  modifiers.takeOneOf({"cta", "cluster", "gpu", "sys"});
  return strong;
}

void takeCachePolicy(Modifiers &modifiers) {
  modifiers.takeOneOf({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  modifiers.take("nc");
  for (std::string_view prefix : {"L1::", "L2::"})
    while (auto word = modifiers.takePrefixed(prefix))
      if (*word == "L2::cache_hint")
        fail("a cache hint is not supported");
}

namespace {

std::uint64_t extended(std::uint64_t value, Type type) {
  switch (type) {
  case Type::S8:
    return std::uint64_t(std::int64_t(std::int8_t(value)));
  case Type::S16:
    return std::uint64_t(std::int64_t(std::int16_t(value)));
  case Type::S32:
    return std::uint64_t(std::int64_t(std::int32_t(value)));
  default:
    return value;
  }
}

/// Into a register of the same width: nothing to extend.
template <unsigned Width, unsigned Count>
void loadSame(Warp &warp, Instruction const &i, Mask mask) {
  // All lanes read before any writes: a result may be the register that holds the addresses.
  std::byte values[32][Width * Count];
  forLanes(mask, [&](unsigned lane) {
    std::memcpy(values[lane], warp.load(i, i.space, warp.address(i, 0, lane), Width * Count, lane), Width * Count);
  });
  for (unsigned part = 0; part < Count; ++part) {
    std::byte *out = warp.at<std::byte>(i.list[part]);
    forLanes(mask, [&](unsigned lane) { std::memcpy(out + lane * Width, values[lane] + part * Width, Width); });
  }
}

void loadExtending(Warp &warp, Instruction const &i, Mask mask) {
  unsigned total = unsigned(i.list.size()) * i.width;
  std::byte values[32][32];
  forLanes(mask, [&](unsigned lane) {
    std::memcpy(values[lane], warp.load(i, i.space, warp.address(i, 0, lane), total, lane), total);
  });
  for (std::size_t part = 0; part < i.list.size(); ++part) {
    std::byte *out = warp.at<std::byte>(i.list[part]);
    forLanes(mask, [&](unsigned lane) {
      std::uint64_t value = 0;
      std::memcpy(&value, values[lane] + part * i.width, i.width);
      value = extended(value, i.type);
      std::memcpy(out + lane * i.widths[part], &value, i.widths[part]);
    });
  }
}

template <unsigned Width, unsigned Count>
void storeSame(Warp &warp, Instruction const &i, Mask mask) {
  ++warp.block->events;
  forLanes(mask, [&](unsigned lane) {
    std::byte *to = warp.store(i, i.space, warp.address(i, 0, lane), Width * Count, lane);
    for (unsigned part = 0; part < Count; ++part)
      std::memcpy(to + part * Width, warp.at<std::byte>(i.list[part]) + lane * Width, Width);
  });
}

void storeNarrowing(Warp &warp, Instruction const &i, Mask mask) {
  ++warp.block->events;
  unsigned total = unsigned(i.list.size()) * i.width;
  forLanes(mask, [&](unsigned lane) {
    std::byte *to = warp.store(i, i.space, warp.address(i, 0, lane), total, lane);
    for (std::size_t part = 0; part < i.list.size(); ++part)
      std::memcpy(to + part * i.width, warp.at<std::byte>(i.list[part]) + lane * i.widths[part], i.width);
  });
}

template <bool Stores, unsigned Width>
Handler *sameHandler(std::size_t count) {
  switch (count) {
  case 1:
    return Stores ? storeSame<Width, 1> : loadSame<Width, 1>;
  case 2:
    return Stores ? storeSame<Width, 2> : loadSame<Width, 2>;
  case 4:
    return Stores ? storeSame<Width, 4> : loadSame<Width, 4>;
  default:
    return Stores ? storeSame<Width, 8> : loadSame<Width, 8>;
  }
}

template <bool Stores>
Handler *sameHandler(unsigned width, std::size_t count) {
  switch (width) {
  case 2:
    return sameHandler<Stores, 2>(count);
  case 4:
    return sameHandler<Stores, 4>(count);
  case 8:
    return sameHandler<Stores, 8>(count);
  default:
    return nullptr;
  }
}

template <bool Stores>
void decodeAccess(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  i.strong = takeMemoryOrder(modifiers);
  i.space = takeStateSpace(modifiers).value_or(Space::Generic);
  takeCachePolicy(modifiers);
  auto vector = modifiers.takeOneOf({"v2", "v4", "v8"});
  i.type = modifiers.takeType();
  i.width = std::uint8_t(bytesOf(i.type));
  if (i.type == Type::Pred)
    fail("a predicate cannot be loaded or stored");
  decoder.expectOperands(2);
  decoder.address(decoder.operand(Stores ? 0 : 1), i, 0);
  Operand const &data = decoder.operand(Stores ? 1 : 0);
  std::vector<Operand> const single = {data};
  std::vector<Operand> const &parts = data.kind == Operand::Kind::Vector ? data.parts : single;
  if (parts.size() != (vector ? 2u << *vector : 1u))
    fail("the vector has {} elements", parts.size());
  if (parts.size() * i.width > 32)
    fail("more than 32 bytes");
  bool isSame = true;
  for (Operand const &part : parts) {
    std::uint8_t width = i.width;
    if (part.kind == Operand::Kind::Register) {
      i.list.push_back(decoder.anyRegister(part, width));
    } else if (part.kind == Operand::Kind::Sink) {
      i.list.push_back(decoder.result(part, width));
    } else {
      width = std::max<std::uint8_t>(width, 2);
      i.list.push_back(decoder.source(part, width));
    }
    if (width < i.width)
      fail("'{}' is too narrow", part.name);
    i.widths.push_back(width);
    isSame &= width == i.width;
  }
  Handler *same = isSame ? sameHandler<Stores>(i.width, parts.size()) : nullptr;
  i.run = same ? same : Stores ? storeNarrowing : loadExtending;
  if (i.space == Space::Shared || i.space == Space::Generic)
    decoder.useSharedAccess(i.width * unsigned(parts.size()));
}

void nothing(Warp &, Instruction const &, Mask) {}

/// Moves nothing that a program could see.
void decodePrefetch(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  modifiers.takeOneOf({"global", "local", "param", "const"});
  modifiers.takeOneOf({"L1", "L2", "tensormap"});
  takeCachePolicy(modifiers);
  decoder.expectOperands(1);
  decoder.address(decoder.operand(0), i, 0);
  i.run = nothing;
}

} // namespace

void addLoadStore(DecodeTable &table) {
  table["ld"] = decodeAccess<false>;
  table["ldu"] = decodeAccess<false>;
  table["st"] = decodeAccess<true>;
  table["prefetch"] = decodePrefetch;
  table["prefetchu"] = decodePrefetch;
}

} // namespace gpusim
