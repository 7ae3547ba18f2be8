// Bits.cpp - logic, shifts and bit fields.
#include "test/gpusim/ops/Elementwise.h"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace gpusim {

namespace {

struct And {
  template <class T>
  T operator()(T a, T b) const {
    return a & b;
  }
};
struct Or {
  template <class T>
  T operator()(T a, T b) const {
    return a | b;
  }
};
struct Xor {
  template <class T>
  T operator()(T a, T b) const {
    return a ^ b;
  }
};

/// Predicates hold one bit per lane, so the operation on whole words treats all lanes at once.
template <class Operation>
void predicateHandler(Warp &warp, Instruction const &i, Mask mask) {
  Mask a = warp.predicate(i.source[0]) ^ (i.negated & 1 ? AllLanes : 0);
  Mask b = warp.predicate(i.source[1]) ^ (i.negated & 2 ? AllLanes : 0);
  Mask &out = warp.predicate(i.result);
  out = (out & ~mask) | (Operation()(a, b) & mask);
}

template <class Operation>
void decodeLogic(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  if (type != Type::Pred)
    return dispatchInteger(type, [&]<class T>() { setBinary<Operation, T, T>(decoder, i); });
  decoder.expectOperands(3);
  i.result = decoder.predicateResult(decoder.operand(0));
  i.source[0] = decoder.predicate(decoder.operand(1), i, 0);
  i.source[1] = decoder.predicate(decoder.operand(2), i, 1);
  i.run = predicateHandler<Operation>;
}

struct Not {
  template <class T>
  T operator()(T a) const {
    return T(~a);
  }
};
void notPredicate(Warp &warp, Instruction const &i, Mask mask) {
  Mask &out = warp.predicate(i.result);
  out = (out & ~mask) | (~warp.predicate(i.source[0]) & mask);
}
void decodeNot(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  if (type != Type::Pred)
    return dispatchInteger(type, [&]<class T>() { setUnary<Not, T, T>(decoder, i); });
  decoder.expectOperands(2);
  i.result = decoder.predicateResult(decoder.operand(0));
  i.source[0] = decoder.predicate(decoder.operand(1), i, 0);
  i.run = notPredicate;
}

// Counts beyond the width shift everything out.
struct ShiftLeft {
  template <class T>
  T operator()(T a, std::uint32_t count) const {
    return count >= 8 * sizeof(T) ? T(0) : T(std::uint64_t(a) << count);
  }
};
struct ShiftRight {
  template <class T>
  T operator()(T a, std::uint32_t count) const {
    return count >= 8 * sizeof(T) ? T(a < 0 ? -1 : 0) : T(a >> count);
  }
};
template <class Operation>
void decodeShift(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  dispatchInteger(modifiers.takeType(), [&]<class T>() { setBinary<Operation, T, T, std::uint32_t>(decoder, i); });
}

template <bool Left, bool Wraps>
struct Funnel {
  std::uint32_t operator()(std::uint32_t low, std::uint32_t high, std::uint32_t count) const {
    unsigned by = Wraps ? count & 31 : std::min(count, 32u);
    std::uint64_t both = std::uint64_t(high) << 32 | low;
    return Left ? std::uint32_t((both << by) >> 32) : std::uint32_t(both >> by);
  }
};
void decodeFunnel(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto direction = modifiers.takeOneOf({"l", "r"}), mode = modifiers.takeOneOf({"wrap", "clamp"});
  if (!direction || !mode || modifiers.takeType() != Type::B32)
    fail("expected .l or .r, .wrap or .clamp, .b32");
  using U = std::uint32_t;
  if (*direction == 0)
    *mode == 0 ? setTernary<Funnel<true, true>, U, U>(decoder, i) : setTernary<Funnel<true, false>, U, U>(decoder, i);
  else
    *mode == 0 ? setTernary<Funnel<false, true>, U, U>(decoder, i) : setTernary<Funnel<false, false>, U, U>(decoder, i);
}

void lop3Handler(Warp &warp, Instruction const &i, Mask mask) {
  auto *out = warp.at<std::uint32_t>(i.result);
  auto const *a = warp.at<std::uint32_t>(i.source[0]), *b = warp.at<std::uint32_t>(i.source[1]),
             *c = warp.at<std::uint32_t>(i.source[2]);
  forLanes(mask, [&](unsigned lane) {
    std::uint32_t value = 0;
    for (unsigned row = 0; row < 8; ++row)
      if (i.immediate >> row & 1)
        value |= (row & 4 ? a[lane] : ~a[lane]) & (row & 2 ? b[lane] : ~b[lane]) & (row & 1 ? c[lane] : ~c[lane]);
    out[lane] = value;
  });
}
void decodeLop3(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (modifiers.takeType() != Type::B32)
    fail("expected .b32");
  decoder.expectOperands(5);
  i.result = decoder.result(decoder.operand(0), 4);
  for (unsigned index = 0; index < 3; ++index)
    i.source[index] = decoder.source(decoder.operand(index + 1), 4);
  i.immediate = std::uint32_t(decoder.immediate(decoder.operand(4)));
  i.run = lop3Handler;
}

struct ExtractField {
  template <class T>
  T operator()(T a, std::uint32_t position, std::uint32_t length) const {
    constexpr unsigned Bits = 8 * sizeof(T);
    using U = std::make_unsigned_t<T>;
    position &= 255;
    length &= 255;
    if (length == 0)
      return 0;
    // Beyond the top stands the sign (0 if unsigned), whether or not the field reaches so far.
    U sign = std::is_signed_v<T> && U(a) >> std::min(position + length - 1, Bits - 1) & 1 ? U(~U(0)) : U(0);
    U field = position >= Bits ? sign : U(U(a) >> position);
    if (position > 0 && position < Bits)
      field |= U(sign << (Bits - position));
    return length >= Bits ? T(field) : T((field & ((U(1) << length) - 1)) | U(sign << length));
  }
};
void decodeExtract(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  if (bytesOf(type) < 4)
    fail("expected 32 or 64 bits");
  dispatchInteger(type, [&]<class T>() { setTernary<ExtractField, T, T, std::uint32_t, std::uint32_t>(decoder, i); });
}

template <class T>
void insertHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto *out = warp.at<T>(i.result);
  auto const *from = warp.at<T>(i.source[0]), *into = warp.at<T>(i.source[1]);
  auto const *position = warp.at<std::uint32_t>(i.source[2]), *length = warp.at<std::uint32_t>(i.source[3]);
  constexpr unsigned Bits = 8 * sizeof(T);
  forLanes(mask, [&](unsigned lane) {
    unsigned at = position[lane] & 255, count = length[lane] & 255;
    T field = at >= Bits ? T(0) : T((count >= Bits ? ~T(0) : T((T(1) << count) - 1)) << at);
    T moved = at >= Bits ? T(0) : T(from[lane] << at);
    out[lane] = (into[lane] & ~field) | (moved & field);
  });
}
void decodeInsert(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  unsigned width = bytesOf(modifiers.takeType());
  if (width < 4)
    fail("expected 32 or 64 bits");
  decoder.expectOperands(5);
  i.result = decoder.result(decoder.operand(0), width);
  i.source[0] = decoder.source(decoder.operand(1), width);
  i.source[1] = decoder.source(decoder.operand(2), width);
  i.source[2] = decoder.source(decoder.operand(3), 4);
  i.source[3] = decoder.source(decoder.operand(4), 4);
  i.run = width == 4 ? insertHandler<std::uint32_t> : insertHandler<std::uint64_t>;
}

struct Permute {
  std::uint32_t operator()(std::uint32_t a, std::uint32_t b, std::uint32_t selector) const {
    std::uint64_t bytes = std::uint64_t(b) << 32 | a;
    std::uint32_t result = 0;
    for (unsigned to = 0; to < 4; ++to) {
      unsigned from = selector >> 4 * to & 15;
      std::uint32_t byte = std::uint32_t(bytes >> 8 * (from & 7)) & 255;
      if (from & 8) // repeats the sign
        byte = byte & 128 ? 255 : 0;
      result |= byte << 8 * to;
    }
    return result;
  }
};
void decodePermute(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (modifiers.takeType() != Type::B32)
    fail("expected .b32");
  setTernary<Permute, std::uint32_t, std::uint32_t>(decoder, i);
}

struct Count {
  template <class T>
  std::uint32_t operator()(T a) const {
    return std::uint32_t(std::popcount(a));
  }
};
struct LeadingZeros {
  template <class T>
  std::uint32_t operator()(T a) const {
    return std::uint32_t(std::countl_zero(a));
  }
};
struct Reverse {
  template <class T>
  T operator()(T a) const {
    T result = 0;
    for (unsigned bit = 0; bit < 8 * sizeof(T); ++bit)
      result |= T(a >> bit & 1) << (8 * sizeof(T) - 1 - bit);
    return result;
  }
};
template <class Operation>
void decodeCount(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (bytesOf(modifiers.takeType()) == 4)
    setUnary<Operation, std::uint32_t, std::uint32_t>(decoder, i);
  else
    setUnary<Operation, std::uint32_t, std::uint64_t>(decoder, i);
}
void decodeReverse(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (bytesOf(modifiers.takeType()) == 4)
    setUnary<Reverse, std::uint32_t, std::uint32_t>(decoder, i);
  else
    setUnary<Reverse, std::uint64_t, std::uint64_t>(decoder, i);
}

/// The position of the highest bit that differs from the sign; all ones if there is none.
struct FindHighest {
  template <class T>
  std::uint32_t operator()(T a) const {
    using U = std::make_unsigned_t<T>;
    U bits = a < 0 ? U(~U(a)) : U(a);
    return bits == 0 ? ~0u : 8 * unsigned(sizeof(T)) - 1 - unsigned(std::countl_zero(bits));
  }
};
struct FindHighestAsShift {
  template <class T>
  std::uint32_t operator()(T a) const {
    std::uint32_t position = FindHighest()(a);
    return position == ~0u ? position : 8 * unsigned(sizeof(T)) - 1 - position;
  }
};
void decodeFindHighest(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  bool asShift = modifiers.take("shiftamt");
  Type type = modifiers.takeType();
  dispatchInteger(type, [&]<class T>() {
    asShift ? setUnary<FindHighestAsShift, std::uint32_t, T>(decoder, i)
            : setUnary<FindHighest, std::uint32_t, T>(decoder, i);
  });
}

} // namespace

void addBits(DecodeTable &table) {
  table["and"] = decodeLogic<And>;
  table["or"] = decodeLogic<Or>;
  table["xor"] = decodeLogic<Xor>;
  table["not"] = decodeNot;
  table["shl"] = decodeShift<ShiftLeft>;
  table["shr"] = decodeShift<ShiftRight>;
  table["shf"] = decodeFunnel;
  table["lop3"] = decodeLop3;
  table["bfe"] = decodeExtract;
  table["bfi"] = decodeInsert;
  table["prmt"] = decodePermute;
  table["popc"] = decodeCount<Count>;
  table["clz"] = decodeCount<LeadingZeros>;
  table["brev"] = decodeReverse;
  table["bfind"] = decodeFindHighest;
}

} // namespace gpusim
