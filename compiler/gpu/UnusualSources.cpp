// UnusualSources.cpp - tests of exponents, two in a word.
#include "compiler/gpu/UnusualSources.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {

static constexpr float infinity = std::numeric_limits<float>::infinity();

Value UnusualSources::isUnusual(Value pair, unsigned which) {
  int64_t exponent = (element.isF16() ? 0x7c00 : 0x7f80) << 16 * which;
  Value bits = arith::AndIOp::create(emit, pair, core.i32(exponent));
  return arith::CmpIOp::create(emit, arith::CmpIPredicate::eq, bits, core.i32(exponent));
}

Value UnusualSources::marks(Value pair) {
  // An exponent of ones and 1 carry into the sign.
  uint32_t exponent = element.isF16() ? 0x7c00 : 0x7f80, one = 0x8000 - exponent;
  Value bits = arith::AndIOp::create(emit, pair, core.i32(exponent << 16 | exponent));
  return arith::AddIOp::create(emit, bits, core.i32(one << 16 | one));
}

Value UnusualSources::marksOnly(Value marks) { return arith::AndIOp::create(emit, marks, core.i32(int32_t(0x80008000))); }

Value UnusualSources::without(Value pair) {
  for (unsigned which = 0; which < 2; ++which) {
    Value unusual = isUnusual(pair, which);
    Value cleared = arith::AndIOp::create(emit, pair, core.i32(which ? 0x0000ffff : int32_t(0xffff0000)));
    any = any ? arith::OrIOp::create(emit, any, unusual).getResult() : unusual;
    pair = arith::SelectOp::create(emit, unusual, cleared, pair);
  }
  return pair;
}

Value UnusualSources::found() { return any; }

Value UnusualSources::kind(Value value) {
  Value kind = emit.f32(0);
  auto where = [&](arith::CmpFPredicate predicate, float with, float is) {
    Value match = arith::CmpFOp::create(emit, predicate, value, emit.f32(with));
    kind = arith::SelectOp::create(emit, match, emit.f32(is), kind);
  };
  where(arith::CmpFPredicate::OEQ, infinity, 1.0f / 256);
  where(arith::CmpFPredicate::OEQ, -infinity, 1);
  where(arith::CmpFPredicate::UNO, 0, 256);
  return kind;
}

Value UnusualSources::kinds(Value pair) {
  Value first = kind(core.unpack(element, pair, 0)), second = kind(core.unpack(element, pair, 1));
  return core.pack(element, first, second);
}

Value UnusualSources::indicator(Value weight) {
  Value zero = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, weight, emit.f32(0));
  return arith::SelectOp::create(emit, zero, emit.f32(0), emit.f32(1));
}

Value UnusualSources::valueOf(Value count) {
  auto atLeast = [&](Value value, float bound) -> Value {
    return arith::CmpFOp::create(emit, arith::CmpFPredicate::OGE, value, emit.f32(bound));
  };
  // Digits of base 256: NaN, negative and positive infinities.
  Value whole = math::FloorOp::create(emit, count), part = arith::SubFOp::create(emit, count, whole);
  Value positive = arith::SelectOp::create(emit, atLeast(part, 1.0f / 256), emit.f32(infinity), emit.f32(0));
  Value negative = arith::SelectOp::create(emit, atLeast(count, 1), emit.f32(-infinity), emit.f32(0));
  Value sum = arith::AddFOp::create(emit, positive, negative); // inf - inf is NaN
  return arith::SelectOp::create(emit, atLeast(count, 256), emit.f32(std::numeric_limits<float>::quiet_NaN()), sum);
}

} // namespace heed::device
