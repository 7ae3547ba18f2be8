// Formats.h - floating-point operations on the bits of a format: f32, f64 and the 16-bit ones, single or in pairs.
#pragma once

#include "test/gpusim/Number.h"
#include "test/gpusim/ops/Elementwise.h"

namespace gpusim {

// Formats: how the bits in a register become a number to compute with, and back.
struct Single {
  using Bits = std::uint32_t;
  using Value = float;
  static float read(Bits bits) { return asFloat(bits); }
  static Bits write(float value) { return asBits(value); }
};
struct FlushedSingle : Single {
  static float read(Bits bits) { return flushed(asFloat(bits)); }
  static Bits write(float value) { return asBits(flushed(value)); }
};
struct Double {
  using Bits = std::uint64_t;
  using Value = double;
  static double read(Bits bits) { return asDouble(bits); }
  static Bits write(double value) { return asBits(value); }
};
// Double holds sums of two and products of the 16-bit formats so closely that rounding to odd in between is exact.
struct Half {
  using Bits = std::uint16_t;
  using Value = double;
  static double read(Bits bits) { return floatOfHalf(bits); }
  static Bits write(double value) { return halfOfFloat(roundToOdd(value)); }
};
struct Bfloat {
  using Bits = std::uint16_t;
  using Value = double;
  static double read(Bits bits) { return floatOfBfloat(bits); }
  static Bits write(double value) { return bfloatOfFloat(roundToOdd(value)); }
};

/// An operation on numbers as one on the bits of a format.
template <class Operation, class Format>
struct On {
  template <class... In>
  typename Format::Bits operator()(In... bits) const {
    return Format::write(Operation()(Format::read(bits)...));
  }
};
/// The same on both halves of a register.
template <class Operation, class Format>
struct OnPair {
  template <class... In>
  std::uint32_t operator()(In... bits) const {
    std::uint32_t low = On<Operation, Format>()(std::uint16_t(bits)...);
    std::uint32_t high = On<Operation, Format>()(std::uint16_t(bits >> 16)...);
    return low | high << 16;
  }
};
template <unsigned Count, class Operation, class Bits>
void setCount(Decoder &decoder, Instruction &i) {
  if constexpr (Count == 1)
    setUnary<Operation, Bits, Bits>(decoder, i);
  else if constexpr (Count == 2)
    setBinary<Operation, Bits, Bits>(decoder, i);
  else
    setTernary<Operation, Bits, Bits>(decoder, i);
}

template <unsigned Count, class Operation>
void setFloating(Decoder &decoder, Instruction &i, Type type, bool flush) {
  switch (type) {
  case Type::F32:
    return flush ? setCount<Count, On<Operation, FlushedSingle>, std::uint32_t>(decoder, i)
                 : setCount<Count, On<Operation, Single>, std::uint32_t>(decoder, i);
  case Type::F64:
    return setCount<Count, On<Operation, Double>, std::uint64_t>(decoder, i);
  case Type::F16:
    return setCount<Count, On<Operation, Half>, std::uint16_t>(decoder, i);
  case Type::BF16:
    return setCount<Count, On<Operation, Bfloat>, std::uint16_t>(decoder, i);
  case Type::F16x2:
    return setCount<Count, OnPair<Operation, Half>, std::uint32_t>(decoder, i);
  case Type::BF16x2:
    return setCount<Count, OnPair<Operation, Bfloat>, std::uint32_t>(decoder, i);
  default:
    fail("this type is not supported here");
  }
}

} // namespace gpusim
