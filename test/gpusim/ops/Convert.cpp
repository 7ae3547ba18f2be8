// Convert.cpp - cvt: between all types of numbers, with roundings.
#include "test/gpusim/Number.h"
#include "test/gpusim/ops/Elementwise.h"

#include <cmath>
#include <limits>

namespace gpusim {

namespace {

enum class Rounding { None, Nearest, Zero, Down, Up, NearestAway };

struct ConvertPayload : Payload {
  Type from = Type::None, to = Type::None;
  Rounding rounding = Rounding::None;
  bool toInteger = false; ///< rounds to a whole number, even if the result is a float
  bool flush = false, saturate = false, relu = false;
  std::uint8_t fromWidth = 0, toWidth = 0; ///< of the registers
};

std::uint64_t readRaw(Warp &warp, std::uint32_t place, unsigned width, unsigned lane) {
  switch (width) {
  case 2:
    return warp.at<std::uint16_t>(place)[lane];
  case 4:
    return warp.at<std::uint32_t>(place)[lane];
  default:
    return warp.at<std::uint64_t>(place)[lane];
  }
}

void writeRaw(Warp &warp, std::uint32_t place, unsigned width, unsigned lane, std::uint64_t value) {
  switch (width) {
  case 2:
    warp.at<std::uint16_t>(place)[lane] = std::uint16_t(value);
    break;
  case 4:
    warp.at<std::uint32_t>(place)[lane] = std::uint32_t(value);
    break;
  default:
    warp.at<std::uint64_t>(place)[lane] = value;
  }
}

std::int64_t integerOf(std::uint64_t raw, Type type) {
  switch (type) {
  case Type::S8:
    return std::int8_t(raw);
  case Type::U8:
  case Type::B8:
    return std::uint8_t(raw);
  case Type::S16:
    return std::int16_t(raw);
  case Type::U16:
  case Type::B16:
    return std::uint16_t(raw);
  case Type::S32:
    return std::int32_t(raw);
  case Type::U32:
  case Type::B32:
    return std::uint32_t(raw);
  default:
    return std::int64_t(raw);
  }
}

double floatingOf(std::uint64_t raw, Type type) {
  switch (type) {
  case Type::F16:
    return floatOfHalf(std::uint16_t(raw));
  case Type::BF16:
    return floatOfBfloat(std::uint16_t(raw));
  case Type::F32:
    return asFloat(std::uint32_t(raw));
  default:
    return asDouble(raw);
  }
}

double wholeNumber(double value, Rounding rounding) {
  switch (rounding) {
  case Rounding::Zero:
    return std::trunc(value);
  case Rounding::Down:
    return std::floor(value);
  case Rounding::Up:
    return std::ceil(value);
  default:
    return std::nearbyint(value);
  }
}

/// Out of range gives the end of the range, NaN gives 0.
std::uint64_t integerOf(double value, Type type) {
  if (std::isnan(value))
    return 0;
  unsigned bits = 8 * bytesOf(type);
  double high = std::ldexp(1.0, int(bits) - (isSigned(type) ? 1 : 0)), low = isSigned(type) ? -high : 0;
  std::uint64_t highest = ~std::uint64_t(0) >> (64 - bits + (isSigned(type) ? 1 : 0));
  if (value >= high)
    return highest;
  if (value <= low)
    return isSigned(type) ? ~highest : 0;
  return isSigned(type) ? std::uint64_t(std::int64_t(value)) : std::uint64_t(value);
}

std::uint64_t clampInteger(std::int64_t value, bool fromUnsigned64, Type type) {
  unsigned bits = 8 * bytesOf(type);
  std::uint64_t highest = ~std::uint64_t(0) >> (64 - bits + (isSigned(type) ? 1 : 0));
  if (!fromUnsigned64 && value < 0) {
    auto lowest = isSigned(type) ? -std::int64_t(highest) - 1 : 0;
    return std::uint64_t(std::max(value, lowest));
  }
  return std::min(std::uint64_t(value), highest);
}

/// A double to a float with a rounding; exact doubles of 64-bit integers are not always possible, see convertLane.
float singleOf(double value, Rounding rounding) {
  float nearest = float(value);
  if (rounding == Rounding::None || rounding == Rounding::Nearest || std::isnan(value) || double(nearest) == value)
    return nearest;
  bool isAbove = double(nearest) > value;
  bool wantsBelow = rounding == Rounding::Down || (rounding == Rounding::Zero && value > 0);
  constexpr float Infinity = std::numeric_limits<float>::infinity();
  if (isAbove && wantsBelow)
    return std::nextafter(nearest, -Infinity);
  if (!isAbove && !wantsBelow)
    return std::nextafter(nearest, Infinity);
  return nearest;
}

std::uint64_t floatingBits(double value, ConvertPayload const &c) {
  if (c.saturate)
    value = value >= 1 ? 1 : value > 0 ? value : 0;
  if (c.relu && !(value > 0) && !std::isnan(value))
    value = 0;
  switch (c.to) {
  case Type::F16:
    return halfOfFloat(c.rounding == Rounding::Zero ? singleOf(value, Rounding::Zero) : roundToOdd(value),
                       c.rounding == Rounding::Zero);
  case Type::BF16:
    return c.rounding == Rounding::Zero ? bfloatOfFloatTowardsZero(singleOf(value, Rounding::Zero))
                                        : bfloatOfFloat(roundToOdd(value));
  case Type::TF32:
    return c.rounding == Rounding::Zero ? asBits(float(value)) & 0xffffe000
                                        : tf32OfFloat(float(value), c.rounding == Rounding::NearestAway);
  case Type::F32: {
    float single = singleOf(value, c.rounding);
    return asBits(c.flush ? flushed(single) : single);
  }
  default:
    return asBits(value);
  }
}

void convertHandler(Warp &warp, Instruction const &i, Mask mask) {
  auto const &c = static_cast<ConvertPayload const &>(*i.payload);
  forLanes(mask, [&](unsigned lane) {
    std::uint64_t raw = readRaw(warp, i.source[0], c.fromWidth, lane), bits;
    if (isFloating(c.from)) {
      double value = floatingOf(raw, c.from);
      if (c.flush && c.from == Type::F32)
        value = flushed(float(value));
      if (c.toInteger)
        value = wholeNumber(value, c.rounding);
      bits = isFloating(c.to) ? floatingBits(value, c) : integerOf(value, c.to);
    } else {
      std::int64_t value = integerOf(raw, c.from);
      bool isUnsigned64 = c.from == Type::U64 || c.from == Type::B64;
      if (!isFloating(c.to)) {
        bits =
            c.saturate ? clampInteger(value, isUnsigned64, c.to) : std::uint64_t(integerOf(std::uint64_t(value), c.to));
      } else if (c.to == Type::F32 && bytesOf(c.from) == 8 && c.rounding == Rounding::Nearest) {
        bits = asBits(isUnsigned64 ? float(std::uint64_t(value)) : float(value)); // rounded once
      } else {
        bits = floatingBits(isUnsigned64 ? double(std::uint64_t(value)) : double(value), c);
      }
    }
    // Into a wider register an integer is extended by its own sign.
    if (!isFloating(c.to))
      bits = std::uint64_t(integerOf(bits, c.to));
    writeRaw(warp, i.result, c.toWidth, lane, bits);
  });
}

struct SingleToBfloat {
  std::uint16_t operator()(std::uint32_t a) const { return bfloatOfFloat(asFloat(a)); }
};
struct SingleToHalf {
  std::uint16_t operator()(std::uint32_t a) const { return halfOfFloat(asFloat(a)); }
};

/// cvt.rn.bf16x2.f32 d, a, b: the first operand goes to the upper half.
template <bool IsHalf, bool TowardsZero, bool Relu>
struct ToPair {
  std::uint32_t operator()(std::uint32_t high, std::uint32_t low) const { return part(high) << 16 | part(low); }
  static std::uint32_t part(std::uint32_t bits) {
    float value = asFloat(bits);
    if (Relu && !(value > 0) && !std::isnan(value))
      value = 0;
    if (IsHalf)
      return halfOfFloat(value, TowardsZero);
    return TowardsZero ? bfloatOfFloatTowardsZero(value) : bfloatOfFloat(value);
  }
};
template <bool IsHalf>
void setToPair(Decoder &decoder, Instruction &i, bool towardsZero, bool relu) {
  using U = std::uint32_t;
  if (towardsZero)
    relu ? setBinary<ToPair<IsHalf, true, true>, U, U>(decoder, i)
         : setBinary<ToPair<IsHalf, true, false>, U, U>(decoder, i);
  else
    relu ? setBinary<ToPair<IsHalf, false, true>, U, U>(decoder, i)
         : setBinary<ToPair<IsHalf, false, false>, U, U>(decoder, i);
}

void decodeConvert(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto payload = std::make_unique<ConvertPayload>();
  ConvertPayload &c = *payload;
  c.to = modifiers.takeType();
  c.from = modifiers.takeType();
  if (auto whole = modifiers.takeOneOf({"rni", "rzi", "rmi", "rpi"})) {
    c.rounding = Rounding(*whole + 1);
    c.toInteger = true;
  } else if (auto plain = modifiers.takeOneOf({"rn", "rz", "rm", "rp", "rna"})) {
    c.rounding = Rounding(*plain + 1);
  }
  c.flush = modifiers.take("ftz");
  c.relu = modifiers.take("relu");
  c.saturate = modifiers.take("sat");
  if (c.to == Type::F16x2 || c.to == Type::BF16x2) {
    if (c.from != Type::F32 || (c.rounding != Rounding::Nearest && c.rounding != Rounding::Zero) || c.saturate)
      fail("this form of conversion is not supported");
    bool towardsZero = c.rounding == Rounding::Zero;
    return c.to == Type::F16x2 ? setToPair<true>(decoder, i, towardsZero, c.relu)
                               : setToPair<false>(decoder, i, towardsZero, c.relu);
  }
  if (isFloating(c.from) && !isFloating(c.to) && !c.toInteger)
    fail("a float becomes an integer by .rni, .rzi, .rmi or .rpi");
  if (c.to == Type::F16 || c.to == Type::BF16)
    if (c.rounding == Rounding::Down || c.rounding == Rounding::Up)
      fail("this rounding is not supported here");
  decoder.expectOperands(2);
  bool plain = c.from == Type::F32 && c.rounding == Rounding::Nearest && !c.flush && !c.relu && !c.saturate;
  if (plain && c.to == Type::BF16)
    return setUnary<SingleToBfloat, std::uint16_t, std::uint32_t>(decoder, i);
  if (plain && c.to == Type::F16)
    return setUnary<SingleToHalf, std::uint16_t, std::uint32_t>(decoder, i);
  i.result = decoder.anyRegister(decoder.operand(0), c.toWidth);
  if (decoder.operand(1).kind == Operand::Kind::Register) {
    i.source[0] = decoder.anyRegister(decoder.operand(1), c.fromWidth);
  } else {
    c.fromWidth = std::uint8_t(std::max(2u, bytesOf(c.from)));
    i.source[0] = decoder.source(decoder.operand(1), c.fromWidth);
  }
  if (c.fromWidth < bytesOf(c.from) || c.toWidth < bytesOf(c.to))
    fail("a register is too narrow for its type");
  i.payload = std::move(payload);
  i.run = convertHandler;
}

} // namespace

void addConvert(DecodeTable &table) { table["cvt"] = decodeConvert; }

} // namespace gpusim
