// Fragment.cpp - matrices spread over the lanes of a warp: ldmatrix, stmatrix, movmatrix and mma.sync.
//
// Products are summed in float, in order of k, then added to the accumulator: a tensor core rounds differently in the
// last bits.
#include "test/gpusim/Number.h"
#include "test/gpusim/ops/Spaces.h"

#include <cstring>

namespace gpusim {

namespace {

void expectWholeWarp(Mask mask) {
  if (mask != AllLanes)
    fail("a matrix operation needs all 32 lanes, not {:#x}", mask);
}

// In a matrix of 8 x 8 elements of 16 bits, lane l holds row l / 4, columns 2 * (l % 4) and the next.
using Tile = std::uint16_t[8][8];

std::uint32_t fragmentOf(Tile const &tile, unsigned lane, bool transposed) {
  unsigned row = lane / 4, column = lane % 4 * 2;
  return transposed ? tile[column][row] | std::uint32_t(tile[column + 1][row]) << 16
                    : tile[row][column] | std::uint32_t(tile[row][column + 1]) << 16;
}

void setFragment(Tile &tile, unsigned lane, bool transposed, std::uint32_t value) {
  unsigned row = lane / 4, column = lane % 4 * 2;
  (transposed ? tile[column][row] : tile[row][column]) = std::uint16_t(value);
  (transposed ? tile[column + 1][row] : tile[row][column + 1]) = std::uint16_t(value >> 16);
}

/// The rows of tile t are at the addresses that lanes 8 t to 8 t + 7 give. immediate: transposed.
void loadMatrixHandler(Warp &warp, Instruction const &i, Mask mask) {
  expectWholeWarp(mask);
  Tile tiles[4];
  for (unsigned tile = 0; tile < i.list.size(); ++tile)
    for (unsigned row = 0; row < 8; ++row) {
      unsigned lane = 8 * tile + row;
      std::memcpy(tiles[tile][row], warp.load(i, i.space, warp.address(i, 0, lane), 16, lane), 16);
    }
  for (unsigned tile = 0; tile < i.list.size(); ++tile)
    for (unsigned lane = 0; lane < 32; ++lane)
      warp.at<std::uint32_t>(i.list[tile])[lane] = fragmentOf(tiles[tile], lane, i.immediate);
}

void storeMatrixHandler(Warp &warp, Instruction const &i, Mask mask) {
  expectWholeWarp(mask);
  ++warp.block->events;
  for (unsigned tile = 0; tile < i.list.size(); ++tile) {
    Tile values;
    for (unsigned lane = 0; lane < 32; ++lane)
      setFragment(values, lane, i.immediate, warp.at<std::uint32_t>(i.list[tile])[lane]);
    for (unsigned row = 0; row < 8; ++row) {
      unsigned lane = 8 * tile + row;
      std::memcpy(warp.store(i, i.space, warp.address(i, 0, lane), 16, lane), values[row], 16);
    }
  }
}

template <bool Stores>
void decodeMatrixAccess(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.take("sync") || !modifiers.take("m8n8"))
    fail("expected .sync and .m8n8");
  i.aligned = modifiers.take("aligned");
  auto count = modifiers.takeOneOf({"x1", "x2", "x4"});
  i.immediate = modifiers.take("trans");
  i.space = takeStateSpace(modifiers).value_or(Space::Generic);
  if (!count || modifiers.takeType() != Type::B16)
    fail("expected a number of matrices and .b16");
  decoder.expectOperands(2);
  decoder.address(decoder.operand(Stores ? 0 : 1), i, 0);
  Operand const &data = decoder.operand(Stores ? 1 : 0);
  std::vector<Operand> const single = {data};
  for (Operand const &part : data.kind == Operand::Kind::Vector ? data.parts : single)
    i.list.push_back(Stores ? decoder.source(part, 4) : decoder.result(part, 4));
  if (i.list.size() != 1u << *count)
    fail("found {} registers for {} matrices", i.list.size(), 1u << *count);
  i.run = Stores ? storeMatrixHandler : loadMatrixHandler;
}

void moveMatrixHandler(Warp &warp, Instruction const &i, Mask mask) {
  expectWholeWarp(mask);
  Tile tile;
  for (unsigned lane = 0; lane < 32; ++lane)
    setFragment(tile, lane, false, warp.at<std::uint32_t>(i.source[0])[lane]);
  for (unsigned lane = 0; lane < 32; ++lane)
    warp.at<std::uint32_t>(i.result)[lane] = fragmentOf(tile, lane, true);
}
void decodeMoveMatrix(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.take("sync") || !modifiers.take("m8n8") || !modifiers.take("trans") ||
      modifiers.takeType() != Type::B16)
    fail("expected .sync.aligned.m8n8.trans.b16");
  i.aligned = modifiers.take("aligned");
  decoder.expectOperands(2);
  i.result = decoder.result(decoder.operand(0), 4);
  i.source[0] = decoder.source(decoder.operand(1), 4);
  i.run = moveMatrixHandler;
}

/// D = A B + C with 16 rows and 8 columns.
struct MultiplyPayload : Payload {
  Type input = Type::None, output = Type::None;
  std::vector<std::uint32_t> a, b, c, d;
};

/// A row of B and of the result, for the host's vector instructions.
using EightFloats = float __attribute__((vector_size(32)));

template <Type Input>
float element(std::uint32_t bits, unsigned half) {
  auto part = std::uint16_t(bits >> 16 * half);
  return Input == Type::F16 ? floatOfHalf(part) : floatOfBfloat(part);
}

/// Where the elements of A and B are (PTX ISA, "Matrix fragments for mma.m16n8k*"): with g = lane / 4 and t = lane % 4,
/// register 2 k' + r of A holds row g + 8 r, from column `k' * Group + t * PerRegister`; register k' of B likewise
/// column g.
template <Type Input, unsigned Depth>
void gather(Warp &warp, MultiplyPayload const &m, float (&a)[16][Depth], EightFloats (&b)[Depth]) {
  constexpr unsigned PerRegister = Input == Type::TF32 ? 1 : 2, Group = 4 * PerRegister;
  auto read = [](std::uint32_t bits, unsigned part) {
    if constexpr (Input == Type::TF32)
      return truncatedToTf32(bits);
    else
      return element<Input>(bits, part);
  };
  for (unsigned group = 0; group < Depth / Group; ++group) {
    for (unsigned upper = 0; upper < 2; ++upper) {
      auto const *bits = warp.at<std::uint32_t>(m.a[2 * group + upper]);
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned part = 0; part < PerRegister; ++part)
          a[lane / 4 + 8 * upper][group * Group + lane % 4 * PerRegister + part] = read(bits[lane], part);
    }
    auto const *bits = warp.at<std::uint32_t>(m.b[group]);
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned part = 0; part < PerRegister; ++part)
        b[group * Group + lane % 4 * PerRegister + part][lane / 4] = read(bits[lane], part);
  }
}

template <Type Input, unsigned Depth>
void multiplyHandler(Warp &warp, Instruction const &i, Mask mask) {
  expectWholeWarp(mask);
  auto const &m = static_cast<MultiplyPayload const &>(*i.payload);
  float a[16][Depth];
  EightFloats b[Depth], sums[16];
  gather<Input>(warp, m, a, b);
  for (unsigned row = 0; row < 16; ++row) {
    EightFloats sum = {};
    for (unsigned k = 0; k < Depth; ++k)
      sum += a[row][k] * b[k];
    sums[row] = sum;
  }
  for (unsigned upper = 0; upper < 2; ++upper)
    for (unsigned part = 0; part < 2; ++part)
      for (unsigned lane = 0; lane < 32; ++lane) {
        float sum = sums[lane / 4 + 8 * upper][lane % 4 * 2 + part];
        if (m.output == Type::F32) {
          unsigned index = 2 * upper + part;
          warp.at<float>(m.d[index])[lane] = warp.at<float>(m.c[index])[lane] + sum;
        } else {
          float before = element<Type::F16>(warp.at<std::uint32_t>(m.c[upper])[lane], part);
          auto *half = warp.at<std::uint16_t>(m.d[upper]) + 2 * lane + part;
          // The other half of the register is written in its own turn; c and d may be the same register.
          std::uint16_t value = halfOfFloat(before + sum);
          std::memcpy(half, &value, 2);
        }
      }
}

void decodeMultiply(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.take("sync") || !modifiers.take("row") || !modifiers.take("col"))
    fail("expected .sync, .row and .col");
  i.aligned = modifiers.take("aligned");
  auto shape = modifiers.takeOneOf({"m16n8k4", "m16n8k8", "m16n8k16"});
  auto payload = std::make_unique<MultiplyPayload>();
  MultiplyPayload &m = *payload;
  m.output = modifiers.takeType();
  m.input = modifiers.takeType();
  Type other = modifiers.takeType(), accumulator = modifiers.takeType();
  if (!shape || other != m.input || accumulator != m.output)
    fail("this shape or mixture of types is not supported");
  unsigned depth = 4u << *shape;
  bool isTf32 = m.input == Type::TF32;
  if ((!isTf32 && m.input != Type::F16 && m.input != Type::BF16) || depth == (isTf32 ? 16 : 4) ||
      (m.output != Type::F32 && !(m.output == Type::F16 && m.input == Type::F16)))
    fail("this shape or mixture of types is not supported");
  decoder.expectOperands(4);
  unsigned perRegister = isTf32 ? 1 : 2, outputs = m.output == Type::F32 ? 4 : 2;
  auto registers = [&](unsigned index, unsigned count, bool isResult) {
    Operand const &operand = decoder.operand(index);
    if (operand.parts.size() != count && !(count == 1 && operand.kind == Operand::Kind::Register))
      fail("operand {} has {} registers, expected {}", index + 1, operand.parts.size(), count);
    std::vector<Operand> const single = {operand};
    std::vector<std::uint32_t> places;
    for (Operand const &part : operand.kind == Operand::Kind::Vector ? operand.parts : single)
      places.push_back(isResult ? decoder.result(part, 4) : decoder.source(part, 4));
    return places;
  };
  m.d = registers(0, outputs, true);
  m.a = registers(1, 16 * depth / 32 / perRegister, false);
  m.b = registers(2, 8 * depth / 32 / perRegister, false);
  m.c = registers(3, outputs, false);
  if (isTf32)
    i.run = depth == 4 ? multiplyHandler<Type::TF32, 4> : multiplyHandler<Type::TF32, 8>;
  else if (m.input == Type::F16)
    i.run = depth == 8 ? multiplyHandler<Type::F16, 8> : multiplyHandler<Type::F16, 16>;
  else
    i.run = depth == 8 ? multiplyHandler<Type::BF16, 8> : multiplyHandler<Type::BF16, 16>;
  i.payload = std::move(payload);
}

} // namespace

void addFragment(DecodeTable &table) {
  table["ldmatrix"] = decodeMatrixAccess<false>;
  table["stmatrix"] = decodeMatrixAccess<true>;
  table["movmatrix"] = decodeMoveMatrix;
  table["mma"] = decodeMultiply;
}

} // namespace gpusim
