// Float.cpp - floating-point arithmetic, in f32, f64 and the 16-bit formats, single or packed in pairs.
//
// The 16-bit formats are computed in float or double and rounded once. The approximate functions are computed by the C
// library: a GPU differs in the last bits, and no test may depend on them.
#include "test/gpusim/ops/Formats.h"
#include "test/gpusim/ops/Integer.h"

#include <algorithm>
#include <cmath>

namespace gpusim {

namespace {

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    return a - b;
  }
};
struct Mul {
  template <class T>
  T operator()(T a, T b) const {
    return a * b;
  }
};
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    return a / b;
  }
};
struct Fma {
  template <class T>
  T operator()(T a, T b, T c) const {
    return std::fma(a, b, c);
  }
};
struct FmaRelu {
  template <class T>
  T operator()(T a, T b, T c) const {
    T value = std::fma(a, b, c);
    return value > 0 || std::isnan(value) ? value : T(0);
  }
};
/// -0 is below +0; of a number and a NaN the number is taken, unless NaNs are to be passed on.
template <bool PassesNan, bool Largest>
struct Extreme {
  template <class T>
  T operator()(T a, T b) const {
    if (std::isnan(a) || std::isnan(b))
      return PassesNan ? std::numeric_limits<T>::quiet_NaN() : std::isnan(a) ? b : a;
    if (a == b)
      return std::signbit(a) == Largest ? b : a;
    return (a < b) == Largest ? b : a;
  }
};
struct Neg {
  template <class T>
  T operator()(T a) const {
    return -a;
  }
};
struct Abs {
  template <class T>
  T operator()(T a) const {
    return std::fabs(a);
  }
};
struct Reciprocal {
  template <class T>
  T operator()(T a) const {
    return 1 / a;
  }
};
struct SquareRoot {
  template <class T>
  T operator()(T a) const {
    return std::sqrt(a);
  }
};
struct ReciprocalRoot {
  template <class T>
  T operator()(T a) const {
    return T(1 / std::sqrt(double(a)));
  }
};
struct Sine {
  template <class T>
  T operator()(T a) const {
    return std::sin(a);
  }
};
struct Cosine {
  template <class T>
  T operator()(T a) const {
    return std::cos(a);
  }
};
struct Power2 {
  template <class T>
  T operator()(T a) const {
    return std::exp2(a);
  }
};
struct Log2 {
  template <class T>
  T operator()(T a) const {
    return std::log2(a);
  }
};
struct Tanh {
  template <class T>
  T operator()(T a) const {
    return std::tanh(a);
  }
};

/// .sat: to [0, 1], NaN to 0.
template <class Operation>
struct Saturated {
  template <class... T>
  auto operator()(T... values) const {
    auto value = Operation()(values...);
    using Value = decltype(value);
    return value >= 1 ? Value(1) : value > 0 ? value : Value(0);
  }
};

template <unsigned Count, class Operation>
void decodeRounded(Decoder &decoder, Modifiers &modifiers, Instruction &i, Type type) {
  modifiers.take("rn"); // the other roundings are left over, and so an error
  bool flush = modifiers.take("ftz");
  if (modifiers.take("sat"))
    setFloating<Count, Saturated<Operation>>(decoder, i, type, flush);
  else
    setFloating<Count, Operation>(decoder, i, type, flush);
}

void decodeAdd(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (decodePackedAdd(decoder, modifiers, i))
    return;
  Type type = modifiers.takeType();
  isFloating(type) ? decodeRounded<2, Add>(decoder, modifiers, i, type) : decodeIntegerAdd(decoder, modifiers, i, type);
}
void decodeSub(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  isFloating(type) ? decodeRounded<2, Sub>(decoder, modifiers, i, type) : decodeIntegerSub(decoder, modifiers, i, type);
}
void decodeMul(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  isFloating(type) ? decodeRounded<2, Mul>(decoder, modifiers, i, type) : decodeIntegerMul(decoder, modifiers, i, type);
}
void decodeDiv(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  if (!isFloating(type))
    return decodeIntegerDiv(decoder, i, type);
  modifiers.takeOneOf({"approx", "full"});
  decodeRounded<2, Div>(decoder, modifiers, i, type);
}
void decodeFma(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  if (modifiers.take("relu"))
    decodeRounded<3, FmaRelu>(decoder, modifiers, i, type);
  else
    decodeRounded<3, Fma>(decoder, modifiers, i, type);
}

template <bool Largest>
void decodeExtreme(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  if (Largest ? decodePackedMax(decoder, modifiers, i) : decodePackedMin(decoder, modifiers, i))
    return;
  Type type = modifiers.takeType();
  if (!isFloating(type))
    return Largest ? decodeIntegerMax(decoder, i, type) : decodeIntegerMin(decoder, i, type);
  bool flush = modifiers.take("ftz");
  if (modifiers.take("NaN"))
    setFloating<2, Extreme<true, Largest>>(decoder, i, type, flush);
  else
    setFloating<2, Extreme<false, Largest>>(decoder, i, type, flush);
}

void decodeNeg(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  isFloating(type) ? setFloating<1, Neg>(decoder, i, type, modifiers.take("ftz")) : decodeIntegerNeg(decoder, i, type);
}
void decodeAbs(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  Type type = modifiers.takeType();
  isFloating(type) ? setFloating<1, Abs>(decoder, i, type, modifiers.take("ftz")) : decodeIntegerAbs(decoder, i, type);
}

template <class Operation>
void decodeFunction(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  modifiers.take("approx");
  decodeRounded<1, Operation>(decoder, modifiers, i, modifiers.takeType());
}

void copySignHandler(Warp &warp, Instruction const &i, Mask mask) {
  bool isWide = i.type == Type::F64;
  forLanes(mask, [&](unsigned lane) {
    if (isWide)
      warp.at<double>(i.result)[lane] =
          std::copysign(warp.at<double>(i.source[1])[lane], warp.at<double>(i.source[0])[lane]);
    else
      warp.at<float>(i.result)[lane] =
          std::copysign(warp.at<float>(i.source[1])[lane], warp.at<float>(i.source[0])[lane]);
  });
}
void decodeCopySign(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  i.type = modifiers.takeType();
  decoder.expectOperands(3);
  unsigned width = bytesOf(i.type);
  i.result = decoder.result(decoder.operand(0), width);
  i.source[0] = decoder.source(decoder.operand(1), width);
  i.source[1] = decoder.source(decoder.operand(2), width);
  i.run = copySignHandler;
}

void testHandler(Warp &warp, Instruction const &i, Mask mask) {
  Mask value = 0;
  forLanes(mask, [&](unsigned lane) {
    double number =
        i.type == Type::F64 ? warp.at<double>(i.source[0])[lane] : double(warp.at<float>(i.source[0])[lane]);
    bool subnormal =
        number != 0 && std::fabs(number) < (i.type == Type::F64 ? std::numeric_limits<double>::min()
                                                                : double(std::numeric_limits<float>::min()));
    bool const answers[] = {std::isfinite(number),
                            std::isinf(number),
                            !std::isnan(number),
                            std::isnan(number),
                            std::isfinite(number) && number != 0 && !subnormal,
                            subnormal};
    value |= Mask(answers[i.immediate]) << lane;
  });
  Mask &out = warp.predicate(i.result);
  out = (out & ~mask) | value;
}
void decodeTest(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto question = modifiers.takeOneOf({"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
  if (!question)
    fail("expected a property to test");
  i.type = modifiers.takeType();
  decoder.expectOperands(2);
  i.immediate = *question;
  i.result = decoder.predicateResult(decoder.operand(0));
  i.source[0] = decoder.source(decoder.operand(1), bytesOf(i.type));
  i.run = testHandler;
}

} // namespace

void addFloat(DecodeTable &table) {
  table["add"] = decodeAdd;
  table["sub"] = decodeSub;
  table["mul"] = decodeMul;
  table["div"] = decodeDiv;
  table["fma"] = decodeFma;
  table["min"] = decodeExtreme<false>;
  table["max"] = decodeExtreme<true>;
  table["neg"] = decodeNeg;
  table["abs"] = decodeAbs;
  table["rcp"] = decodeFunction<Reciprocal>;
  table["sqrt"] = decodeFunction<SquareRoot>;
  table["rsqrt"] = decodeFunction<ReciprocalRoot>;
  table["sin"] = decodeFunction<Sine>;
  table["cos"] = decodeFunction<Cosine>;
  table["ex2"] = decodeFunction<Power2>;
  table["lg2"] = decodeFunction<Log2>;
  table["tanh"] = decodeFunction<Tanh>;
  table["copysign"] = decodeCopySign;
  table["testp"] = decodeTest;
}

} // namespace gpusim
