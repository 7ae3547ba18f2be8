// Integer.cpp - integer arithmetic.
#include "test/gpusim/ops/Integer.h"

#include "test/gpusim/ops/Elementwise.h"

#include <limits>
#include <type_traits>

namespace gpusim {

namespace {

// Overflow wraps around: everything is done on unsigned values of at least 32 bits.
template <class T>
using Wide = std::conditional_t<sizeof(T) < 4, std::uint32_t, std::make_unsigned_t<T>>;

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return T(Wide<T>(a) + Wide<T>(b));
  }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    return T(Wide<T>(a) - Wide<T>(b));
  }
};
struct MulLow {
  template <class T>
  T operator()(T a, T b) const {
    return T(Wide<T>(a) * Wide<T>(b));
  }
};

template <class T>
using Doubled = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

struct MulHigh {
  template <class T>
  T operator()(T a, T b) const {
    return T((Doubled<T>(a) * Doubled<T>(b)) >> (8 * sizeof(T)));
  }
};
struct MulWide {
  template <class T>
  Doubled<T> operator()(T a, T b) const {
    return Doubled<T>(a) * Doubled<T>(b);
  }
};
struct MadLow {
  template <class T>
  T operator()(T a, T b, T c) const {
    return Add()(MulLow()(a, b), c);
  }
};
struct MadHigh {
  template <class T>
  T operator()(T a, T b, T c) const {
    return Add()(MulHigh()(a, b), c);
  }
};
struct MadWide {
  template <class T>
  Doubled<T> operator()(T a, T b, Doubled<T> c) const {
    return Add()(MulWide()(a, b), c);
  }
};
struct Mul24 {
  template <class T>
  T operator()(T a, T b) const {
    return T(Wide<T>(extended(a)) * Wide<T>(extended(b)));
  }
  template <class T>
  static T extended(T value) {
    return T(T(Wide<T>(value) << 8) >> 8);
  }
};
struct Mad24 {
  template <class T>
  T operator()(T a, T b, T c) const {
    return Add()(Mul24()(a, b), c);
  }
};

// Division by zero is not defined; the hardware gives all ones, and the dividend as remainder.
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0)
      return T(-1);
    if (std::is_signed_v<T> && b == T(-1))
      return Sub()(T(0), a);
    return T(a / b);
  }
};
struct Rem {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == T(-1))
      return 0;
    return T(a % b);
  }
};
struct Min {
  template <class T>
  T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};
struct Neg {
  template <class T>
  T operator()(T a) const {
    return Sub()(T(0), a);
  }
};
struct Abs {
  template <class T>
  T operator()(T a) const {
    return a < 0 ? Neg()(a) : a;
  }
};
struct Sad {
  template <class T>
  T operator()(T a, T b, T c) const {
    return Add()(c, a < b ? Sub()(b, a) : Sub()(a, b));
  }
};

/// Two 16-bit values in one register.
template <class Operation, class T>
struct Packed {
  std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
    auto low = std::uint16_t(Operation()(T(a), T(b))), high = std::uint16_t(Operation()(T(a >> 16), T(b >> 16)));
    return low | std::uint32_t(high) << 16;
  }
};

/// add.sat.s32 and sub.sat.s32.
template <class Operation>
struct Saturating {
  std::int32_t operator()(std::int32_t a, std::int32_t b) const {
    std::int64_t exact = Operation()(std::int64_t(a), std::int64_t(b));
    return std::int32_t(std::clamp<std::int64_t>(exact, std::numeric_limits<std::int32_t>::min(),
                                                 std::numeric_limits<std::int32_t>::max()));
  }
};

template <class Operation>
void setSame(Decoder &decoder, Instruction &i, Type type) {
  dispatchInteger(type, [&]<class T>() { setBinary<Operation, T, T>(decoder, i); });
}

template <class Operation>
void setAdditive(Decoder &decoder, Modifiers &modifiers, Instruction &i, Type type) {
  if (modifiers.take("sat")) {
    if (type != Type::S32)
      fail("'.sat' needs s32");
    return setBinary<Saturating<Operation>, std::int32_t, std::int32_t>(decoder, i);
  }
  setSame<Operation>(decoder, i, type);
}

enum class Half { Low, High, Wide };
Half takeHalf(Modifiers &modifiers) {
  auto half = modifiers.takeOneOf({"lo", "hi", "wide"});
  if (!half)
    fail("expected .lo, .hi or .wide");
  return Half(*half);
}

void decodeMad(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Half half = takeHalf(modifiers);
  dispatchInteger(modifiers.takeType(), [&]<class T>() {
    if (half == Half::Low)
      setTernary<MadLow, T, T>(decoder, i);
    else if (half == Half::High)
      setTernary<MadHigh, T, T>(decoder, i);
    else if constexpr (sizeof(T) < 8)
      setTernary<MadWide, Doubled<T>, T, T, Doubled<T>>(decoder, i);
    else
      fail("'.wide' needs 16 or 32 bits");
  });
}

template <bool Adds>
void decodeMul24(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (!modifiers.take("lo"))
    fail("expected .lo");
  Type type = modifiers.takeType();
  if (bytesOf(type) != 4)
    fail("expected 32 bits");
  dispatchInteger(type, [&]<class T>() {
    if constexpr (Adds)
      setTernary<Mad24, T, T>(decoder, i);
    else
      setBinary<Mul24, T, T>(decoder, i);
  });
}

void decodeRem(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  setSame<Rem>(decoder, i, modifiers.takeType());
}

void decodeSad(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  dispatchInteger(modifiers.takeType(), [&]<class T>() { setTernary<Sad, T, T>(decoder, i); });
}

/// u16x2 and s16x2 are no types of registers, so they are words of their own.
template <class Operation>
bool decodePacked(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (modifiers.take("u16x2"))
    return setBinary<Packed<Operation, std::uint16_t>, std::uint32_t, std::uint32_t>(decoder, i), true;
  if (modifiers.take("s16x2"))
    return setBinary<Packed<Operation, std::int16_t>, std::uint32_t, std::uint32_t>(decoder, i), true;
  return false;
}

} // namespace

bool decodePackedAdd(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  return decodePacked<Add>(decoder, modifiers, i);
}
bool decodePackedMin(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  return decodePacked<Min>(decoder, modifiers, i);
}
bool decodePackedMax(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  return decodePacked<Max>(decoder, modifiers, i);
}

void decodeIntegerAdd(Decoder &decoder, Modifiers &modifiers, Instruction &i, Type type) {
  setAdditive<Add>(decoder, modifiers, i, type);
}
void decodeIntegerSub(Decoder &decoder, Modifiers &modifiers, Instruction &i, Type type) {
  setAdditive<Sub>(decoder, modifiers, i, type);
}
void decodeIntegerMul(Decoder &decoder, Modifiers &modifiers, Instruction &i, Type type) {
  Half half = takeHalf(modifiers);
  dispatchInteger(type, [&]<class T>() {
    if (half == Half::Low)
      setBinary<MulLow, T, T>(decoder, i);
    else if (half == Half::High)
      setBinary<MulHigh, T, T>(decoder, i);
    else if constexpr (sizeof(T) < 8)
      setBinary<MulWide, Doubled<T>, T>(decoder, i);
    else
      fail("'.wide' needs 16 or 32 bits");
  });
}
void decodeIntegerDiv(Decoder &decoder, Instruction &i, Type type) { setSame<Div>(decoder, i, type); }
void decodeIntegerMin(Decoder &decoder, Instruction &i, Type type) { setSame<Min>(decoder, i, type); }
void decodeIntegerMax(Decoder &decoder, Instruction &i, Type type) { setSame<Max>(decoder, i, type); }
void decodeIntegerNeg(Decoder &decoder, Instruction &i, Type type) {
  dispatchInteger(type, [&]<class T>() { setUnary<Neg, T, T>(decoder, i); });
}
void decodeIntegerAbs(Decoder &decoder, Instruction &i, Type type) {
  dispatchInteger(type, [&]<class T>() { setUnary<Abs, T, T>(decoder, i); });
}

void addInteger(DecodeTable &table) {
  table["mad"] = decodeMad;
  table["mul24"] = decodeMul24<false>;
  table["mad24"] = decodeMul24<true>;
  table["rem"] = decodeRem;
  table["sad"] = decodeSad;
}

} // namespace gpusim
