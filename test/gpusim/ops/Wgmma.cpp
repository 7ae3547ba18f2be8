// Wgmma.cpp - wgmma: products of a warpgroup, with operands in shared memory, that run beside the warps.
//
// A warp does the 16 rows that are its own. Late, the product is made when the warp waits; early, at once.
#include "test/gpusim/Number.h"
#include "test/gpusim/ops/MatrixDescriptor.h"
#include "test/gpusim/ops/MatrixState.h"
#include "test/gpusim/ops/Spaces.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

namespace {

struct WgmmaPayload : Payload {
  unsigned columns = 0, depth = 0;
  Type input = Type::None;
  bool aInRegisters = false, aAlongRows = false, bAlongRows = false;
  float sign = 1;
  std::vector<std::uint32_t> d, a;
  std::uint32_t aDescriptor = 0, bDescriptor = 0, keeps = 0; ///< `keeps`: the predicate that says to add to D
  bool keepsNegated = false;
};

float elementOf(Type input, std::byte const *at) {
  if (input == Type::TF32) {
    std::uint32_t bits;
    std::memcpy(&bits, at, 4);
    return truncatedToTf32(bits);
  }
  std::uint16_t bits;
  std::memcpy(&bits, at, 2);
  return input == Type::F16 ? floatOfHalf(bits) : floatOfBfloat(bits);
}

/// Calls `each(address, row, k)` for the pieces of 16 bytes of `rows` rows; a piece goes on along K, or along the rows.
template <class Each>
void forPieces(MatrixDescriptor const &descriptor, unsigned firstRow, unsigned rows, WgmmaPayload const &p,
               bool alongRows, Each &&each) {
  unsigned size = p.input == Type::TF32 ? 4 : 2, perPiece = 16 / size;
  if (alongRows) {
    for (unsigned k = 0; k < p.depth; ++k)
      for (unsigned row = 0; row < rows; row += perPiece)
        each(descriptor.alongRows(k, (firstRow + row) * size), row, k);
  } else {
    for (unsigned row = 0; row < rows; ++row)
      for (unsigned k = 0; k < p.depth; k += perPiece)
        each(descriptor.alongK(firstRow + row, k * size), row, k);
  }
}

/// A product that was started, with what it took from registers at that time.
struct Product {
  Warp *warp;
  WgmmaPayload const *payload;
  std::uint64_t a, b;
  bool keeps;
};

/// The rows of A that belong to the warp: from its warpgroup's 64.
unsigned firstRowOf(Warp const &warp) { return 16 * (warp.number % 4); }

void readA(Product const &product, float (&a)[16][16]) {
  WgmmaPayload const &p = *product.payload;
  Warp &warp = *product.warp;
  if (p.aInRegisters) {
    unsigned perRegister = p.input == Type::TF32 ? 1 : 2, group = 4 * perRegister;
    for (unsigned index = 0; index < 4; ++index) {
      auto const *bytes = warp.at<std::byte>(p.a[index]);
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned part = 0; part < perRegister; ++part)
          a[lane / 4 + 8 * (index & 1)][(index >> 1) * group + lane % 4 * perRegister + part] =
              elementOf(p.input, bytes + 4 * lane + 2 * part);
    }
    return;
  }
  SharedMemory &shared = warp.block->launch->shared;
  unsigned size = p.input == Type::TF32 ? 4 : 2;
  forPieces(MatrixDescriptor(product.a), firstRowOf(warp), 16, p, p.aAlongRows,
            [&](std::uint32_t address, unsigned row, unsigned k) {
              std::byte const *piece = shared.at(address, 16, 0, "wgmma");
              for (unsigned n = 0; n < 16 / size; ++n)
                (p.aAlongRows ? a[row + n][k] : a[row][k + n]) = elementOf(p.input, piece + n * size);
            });
}

void multiply(Product const &product) {
  WgmmaPayload const &p = *product.payload;
  Warp &warp = *product.warp;
  // The host multiplies eight columns at a time; a shape has a multiple of eight.
  using EightFloats = float __attribute__((vector_size(32), may_alias));
  static thread_local float a[16][16];
  alignas(32) static thread_local float b[16][256], d[16][256];
  readA(product, a);
  SharedMemory &shared = warp.block->launch->shared;
  unsigned size = p.input == Type::TF32 ? 4 : 2;
  forPieces(MatrixDescriptor(product.b), 0, p.columns, p, p.bAlongRows,
            [&](std::uint32_t address, unsigned column, unsigned k) {
              std::byte const *piece = shared.at(address, 16, 0, "wgmma");
              for (unsigned n = 0; n < 16 / size; ++n)
                (p.bAlongRows ? b[k][column + n] : b[k + n][column]) = elementOf(p.input, piece + n * size);
            });
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < p.columns; column += 8) {
      EightFloats sum = {};
      for (unsigned k = 0; k < p.depth; ++k)
        sum += a[row][k] * p.sign * reinterpret_cast<EightFloats const &>(b[k][column]);
      reinterpret_cast<EightFloats &>(d[row][column]) = sum;
    }
  for (std::size_t index = 0; index < p.d.size(); ++index) {
    auto *out = warp.at<float>(p.d[index]);
    unsigned down = index & 2 ? 8 : 0, across = unsigned(index / 4 * 8 + (index & 1));
    for (unsigned lane = 0; lane < 32; ++lane) {
      float sum = d[lane / 4 + down][across + lane % 4 * 2];
      out[lane] = product.keeps ? out[lane] + sum : sum;
    }
  }
}

void startHandler(Warp &warp, Instruction const &i, Mask mask) {
  if (mask != AllLanes)
    fail("wgmma needs all 32 lanes, not {:#x}", mask);
  if (warp.number / 4 * 4 + 3 >= warp.block->warps.size())
    fail("wgmma needs a warpgroup: four warps, beginning at a multiple of four");
  auto const &p = static_cast<WgmmaPayload const &>(*i.payload);
  MatrixState &state = matrixStateOf(warp);
  SharedMemory &shared = warp.block->launch->shared;
  for (std::uint32_t index : i.matrixWrites)
    if (state.written[index])
      fail("a register of this wgmma was written since the last wgmma.fence");
  Product product{&warp, &p, 0, warp.at<std::uint64_t>(p.bDescriptor)[0],
                  bool((warp.predicate(p.keeps) ^ (p.keepsNegated ? AllLanes : 0)) & 1)};
  std::uint32_t stamp = shared.nextAsyncStamp(warp.number);
  auto check = [&](std::uint32_t address, unsigned, unsigned) {
    shared.asyncRead(warp.number, {address, 16, 0, "wgmma"}, stamp);
  };
  if (!p.aInRegisters) {
    product.a = warp.at<std::uint64_t>(p.aDescriptor)[0];
    forPieces(MatrixDescriptor(product.a), firstRowOf(warp), 16, p, p.aAlongRows, check);
  }
  forPieces(MatrixDescriptor(product.b), 0, p.columns, p, p.bAlongRows, check);
  for (std::uint32_t index : i.matrixWrites)
    state.busyBefore[index] = state.committed + 1;
  MatrixState::Operation operation{state.committed, stamp, [product] { multiply(product); }};
  if (warp.block->launch->options.asynchrony == Asynchrony::Early) {
    operation.run();
    operation.run = nullptr;
  }
  state.operations.push_back(std::move(operation));
}

void fenceHandler(Warp &warp, Instruction const &, Mask) {
  MatrixState &state = matrixStateOf(warp);
  std::fill(state.written.begin(), state.written.end(), 0);
}

void commitHandler(Warp &warp, Instruction const &, Mask) { ++matrixStateOf(warp).committed; }

void waitHandler(Warp &warp, Instruction const &i, Mask) {
  MatrixState &state = matrixStateOf(warp);
  SharedMemory &shared = warp.block->launch->shared;
  std::uint64_t completed = state.committed > i.immediate ? state.committed - i.immediate : 0;
  std::uint32_t &known = shared.clocksOf(warp.number)[shared.asyncAgent(warp.number)];
  std::erase_if(state.operations, [&](MatrixState::Operation &operation) {
    if (operation.group >= completed)
      return false;
    if (operation.run)
      operation.run();
    known = std::max(known, operation.stamp);
    return true;
  });
  state.completed = std::max(state.completed, completed);
}

void takeShape(Modifiers &modifiers, WgmmaPayload &p) {
  auto shape = modifiers.takePrefixed("m64n");
  if (!shape || std::sscanf(shape->c_str(), "m64n%uk%u", &p.columns, &p.depth) != 2 || p.columns % 8 ||
      p.columns == 0 || p.columns > 256)
    fail("expected a shape m64nNkK");
  Type output = modifiers.takeType();
  p.input = modifiers.takeType();
  Type other = modifiers.takeType();
  bool isTf32 = p.input == Type::TF32;
  if (output != Type::F32 || other != p.input || (!isTf32 && p.input != Type::F16 && p.input != Type::BF16) ||
      p.depth != (isTf32 ? 8 : 16))
    fail("this shape or mixture of types is not supported");
}

int unit(Decoder &decoder, unsigned index) {
  auto value = std::int64_t(decoder.immediate(decoder.operand(index)));
  if (value != 1 && value != -1)
    fail("a factor of an operand is 1 or -1, not {}", value);
  return int(value);
}

bool transposed(Decoder &decoder, unsigned index) {
  std::uint64_t value = decoder.immediate(decoder.operand(index));
  if (value > 1)
    fail("a transposition is 0 or 1, not {}", value);
  return value;
}

/// d, a, b, keep, sign of a, sign of b, and for 16-bit types: transposition of a if it is in shared memory, and of b.
void decodeProduct(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto payload = std::make_unique<WgmmaPayload>();
  WgmmaPayload &p = *payload;
  takeShape(modifiers, p);
  Operand const &a = decoder.operand(1);
  p.aInRegisters = a.kind == Operand::Kind::Vector;
  bool hasTranspositions = p.input != Type::TF32;
  decoder.expectOperands(6 + (hasTranspositions ? (p.aInRegisters ? 1 : 2) : 0));
  for (Operand const &part : decoder.operand(0).parts)
    p.d.push_back(decoder.result(part, 4));
  if (p.d.size() != p.columns / 2)
    fail("found {} registers for the result, expected {}", p.d.size(), p.columns / 2);
  if (p.aInRegisters) {
    for (Operand const &part : a.parts)
      p.a.push_back(decoder.source(part, 4));
    if (p.a.size() != 4)
      fail("found {} registers for A, expected 4", p.a.size());
  } else {
    p.aDescriptor = decoder.source(a, 8);
  }
  p.bDescriptor = decoder.source(decoder.operand(2), 8);
  p.keeps = decoder.predicate(decoder.operand(3), i, 0);
  p.keepsNegated = decoder.operand(3).negated;
  p.sign = float(unit(decoder, 4) * unit(decoder, 5));
  if (hasTranspositions) {
    if (!p.aInRegisters)
      p.aAlongRows = transposed(decoder, 6);
    p.bAlongRows = transposed(decoder, p.aInRegisters ? 6 : 7);
  }
  i.matrixWrites = p.d;
  i.matrixWrites.insert(i.matrixWrites.end(), p.a.begin(), p.a.end());
  i.run = startHandler;
  i.payload = std::move(payload);
}

void decodeWgmma(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  bool isProduct = modifiers.take("mma_async"), isFence = modifiers.take("fence"),
       commits = modifiers.take("commit_group");
  if (!modifiers.take("sync") || !modifiers.take("aligned"))
    fail("expected .sync.aligned");
  i.aligned = true;
  if (isProduct)
    return decodeProduct(decoder, modifiers, i);
  if (isFence || commits) {
    decoder.expectOperands(0);
    i.run = isFence ? fenceHandler : commitHandler;
    return;
  }
  if (!modifiers.take("wait_group"))
    fail("this form of wgmma is not supported");
  decoder.expectOperands(1);
  i.immediate = std::uint32_t(decoder.immediate(decoder.operand(0)));
  i.run = waitHandler;
}

} // namespace

void addWgmma(DecodeTable &table) { table["wgmma"] = decodeWgmma; }

} // namespace gpusim
