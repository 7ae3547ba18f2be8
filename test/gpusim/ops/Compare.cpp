// Compare.cpp - comparisons into predicates, and choices by them.
#include "test/gpusim/Number.h"
#include "test/gpusim/ops/Elementwise.h"

#include <array>
#include <cmath>

namespace gpusim {

namespace {

constexpr std::array<std::string_view, 18> Words = {"eq", "ne",  "lt",  "le",  "gt",  "ge",  "lo",  "ls",  "hi",
                                                    "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};
enum Relation { Eq, Ne, Lt, Le, Gt, Ge, Lo, Ls, Hi, Hs, Equ, Neu, Ltu, Leu, Gtu, Geu, Num, Nan };

enum class Combine { None, And, Or, Xor };

struct ComparePayload : Payload {
  Combine combine = Combine::None;
  std::uint32_t with = 0;
  bool withNegated = false, hasSecond = false;
};

template <int Which, class T>
bool holds(T a, T b) {
  if constexpr (Which == Eq)
    return a == b;
  else if constexpr (Which == Ne)
    return a < b || a > b; // false for NaN
  else if constexpr (Which == Lt || Which == Lo)
    return a < b;
  else if constexpr (Which == Le || Which == Ls)
    return a <= b;
  else if constexpr (Which == Gt || Which == Hi)
    return a > b;
  else if constexpr (Which == Ge || Which == Hs)
    return a >= b;
  else if constexpr (Which == Equ)
    return !(a < b || a > b);
  else if constexpr (Which == Neu)
    return !(a == b);
  else if constexpr (Which == Ltu)
    return !(a >= b);
  else if constexpr (Which == Leu)
    return !(a > b);
  else if constexpr (Which == Gtu)
    return !(a <= b);
  else if constexpr (Which == Geu)
    return !(a < b);
  else if constexpr (Which == Num)
    return a == a && b == b;
  else
    return a != a || b != b;
}

struct SingleRead {
  using Bits = std::uint32_t;
  static float read(Bits bits) { return asFloat(bits); }
};
struct DoubleRead {
  using Bits = std::uint64_t;
  static double read(Bits bits) { return asDouble(bits); }
};
struct HalfRead {
  using Bits = std::uint16_t;
  static float read(Bits bits) { return floatOfHalf(bits); }
};
struct BfloatRead {
  using Bits = std::uint16_t;
  static float read(Bits bits) { return floatOfBfloat(bits); }
};
template <class T>
struct IntegerRead {
  using Bits = T;
  static T read(T bits) { return bits; }
};

void assign(Mask &out, Mask mask, Mask value) { out = (out & ~mask) | (value & mask); }

template <class Read, int Which>
void compareHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto const *a = warp.at<typename Read::Bits>(i.source[0]);
  auto const *b = warp.at<typename Read::Bits>(i.source[1]);
  Mask value = 0;
  for (unsigned lane = 0; lane < 32; ++lane)
    value |= Mask(holds<Which>(Read::read(a[lane]), Read::read(b[lane]))) << lane;
  auto const *payload = static_cast<ComparePayload const *>(i.payload.get());
  if (!payload)
    return assign(warp.predicate(i.result), mask, value);
  Mask other = ~value;
  if (payload->combine != Combine::None) {
    Mask with = warp.predicate(payload->with) ^ (payload->withNegated ? AllLanes : 0);
    auto combined = [&](Mask from) {
      return payload->combine == Combine::And  ? from & with
             : payload->combine == Combine::Or ? from | with
                                               : from ^ with;
    };
    other = combined(other);
    value = combined(value);
  }
  assign(warp.predicate(i.result), mask, value);
  if (payload->hasSecond)
    assign(warp.predicate(i.secondResult), mask, other);
}

template <class Read, int... Which>
Handler *handlerFor(unsigned relation, std::integer_sequence<int, Which...>) {
  static constexpr Handler *table[] = {compareHandler<Read, Which>...};
  return table[relation];
}
template <class Read, int Count>
Handler *handlerFor(unsigned relation) {
  if (relation >= Count)
    fail("this comparison is of floats");
  return handlerFor<Read>(relation, std::make_integer_sequence<int, Count>());
}

void decodeSetp(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  modifiers.take("ftz"); // subnormals compare as zero; the difference shows in no comparison that kernels make
  unsigned relation = 0;
  while (relation < Words.size() && !modifiers.take(Words[relation]))
    ++relation;
  if (relation == Words.size())
    fail("unknown comparison");
  auto combine = modifiers.takeOneOf({"and", "or", "xor"});
  decoder.expectOperands(combine ? 4 : 3);
  Operand const &result = decoder.operand(0);
  bool isPair = result.kind == Operand::Kind::Pair;
  i.result = decoder.predicateResult(isPair ? result.parts[0] : result);
  if (isPair)
    i.secondResult = decoder.predicateResult(result.parts[1]);
  unsigned width = bytesOf(type);
  i.source[0] = decoder.source(decoder.operand(1), width);
  i.source[1] = decoder.source(decoder.operand(2), width);
  if (combine || isPair) {
    auto payload = std::make_unique<ComparePayload>();
    payload->hasSecond = isPair;
    if (combine) {
      payload->combine = Combine(*combine + 1);
      payload->with = decoder.predicate(decoder.operand(3), i, 2);
      payload->withNegated = decoder.operand(3).negated;
    }
    i.payload = std::move(payload);
  }
  switch (type) {
  case Type::F32:
    i.run = handlerFor<SingleRead, 18>(relation);
    break;
  case Type::F64:
    i.run = handlerFor<DoubleRead, 18>(relation);
    break;
  case Type::F16:
    i.run = handlerFor<HalfRead, 18>(relation);
    break;
  case Type::BF16:
    i.run = handlerFor<BfloatRead, 18>(relation);
    break;
  default:
    dispatchInteger(type, [&]<class T>() { i.run = handlerFor<IntegerRead<T>, 10>(relation); });
  }
}

template <class T>
void selectHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto *out = warp.at<T>(i.result);
  auto const *a = warp.at<T>(i.source[0]), *b = warp.at<T>(i.source[1]);
  Mask chosen = warp.predicate(i.source[2]) ^ (i.negated & 4 ? AllLanes : 0);
  forLanes(mask, [&](unsigned lane) { out[lane] = chosen >> lane & 1 ? a[lane] : b[lane]; });
}

void decodeSelp(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  unsigned width = bytesOf(modifiers.takeType());
  decoder.expectOperands(4);
  i.result = decoder.result(decoder.operand(0), width);
  i.source[0] = decoder.source(decoder.operand(1), width);
  i.source[1] = decoder.source(decoder.operand(2), width);
  i.source[2] = decoder.predicate(decoder.operand(3), i, 2);
  i.run = width == 2   ? selectHandler<std::uint16_t>
          : width == 4 ? selectHandler<std::uint32_t>
                       : selectHandler<std::uint64_t>;
}

/// The first where the third is not negative.
template <class T>
struct ChooseBySign {
  T operator()(T a, T b, std::int32_t sign) const { return sign >= 0 ? a : b; }
  T operator()(T a, T b, float sign) const { return sign >= 0 ? a : b; }
};
void decodeSlct(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType(), by = modifiers.takeType();
  modifiers.take("ftz");
  auto set = [&]<class T>() {
    if (by == Type::F32)
      setTernary<ChooseBySign<T>, T, T, T, float>(decoder, i);
    else if (by == Type::S32)
      setTernary<ChooseBySign<T>, T, T, T, std::int32_t>(decoder, i);
    else
      fail("expected .s32 or .f32 as second type");
  };
  if (bytesOf(type) == 2)
    set.template operator()<std::uint16_t>();
  else if (bytesOf(type) == 4)
    set.template operator()<std::uint32_t>();
  else
    set.template operator()<std::uint64_t>();
}

} // namespace

void addCompare(DecodeTable &table) {
  table["setp"] = decodeSetp;
  table["selp"] = decodeSelp;
  table["slct"] = decodeSlct;
}

} // namespace gpusim
