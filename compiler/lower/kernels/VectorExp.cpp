// VectorExp.cpp - 2^x = 2^n 2^r with n = round(x), |r| <= 1/2, and a polynomial for 2^r.
#include "compiler/lower/kernels/VectorExp.h"

using namespace mlir;

namespace heed::kernels {

/// Adding this puts round(x) into the low bits of the sum's mantissa.
static constexpr float roundingShift = 12582912.0f; // 1.5 * 2^23
/// 2^x of less than -126 is no normal number; from here on the steps below give exactly 0.
static constexpr float smallest = -127.0f;
/// 2^r on |r| <= 1/2, minimax with the constant term 1, highest power first: relative error 2.6e-9, in f32 1.4 * 2^-24.
static constexpr float coefficients[] = {1.5594678e-4f, 1.3406643e-3f, 9.6176928e-3f, 5.5503104e-2f,
                                         2.4022652e-1f, 6.9314724e-1f, 1.0f};

SmallVector<Value> emitExp2OfNonPositive(Emit &emit, ArrayRef<Value> xs) {
  int64_t lanes = cast<VectorType>(xs.front().getType()).getNumElements();
  VectorType floats = emit.vectorOf(lanes), integers = emit.vectorOf(lanes, emit.getI32Type());
  auto constant = [&](float value) { return emit.splat(lanes, value); };
  // One step of all vectors after the other: in a row, the steps of one would wait for each other.
  SmallVector<Value> clamped, shifted, rests, powers, results;
  for (Value x : xs) {
    // False for NaN, which goes through the polynomial and stays.
    Value below = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, constant(smallest), x);
    clamped.push_back(arith::SelectOp::create(emit, below, constant(smallest), x));
  }
  for (Value x : clamped)
    shifted.push_back(arith::AddFOp::create(emit, x, constant(roundingShift)));
  for (auto [x, sum] : llvm::zip_equal(clamped, shifted))
    rests.push_back(arith::SubFOp::create(emit, x, arith::SubFOp::create(emit, sum, constant(roundingShift))));
  powers.assign(xs.size(), constant(coefficients[0]));
  for (float coefficient : ArrayRef(coefficients).drop_front())
    for (auto [power, rest] : llvm::zip_equal(powers, rests))
      power = emit.multiplyAdd(power, rest, constant(coefficient));
  for (auto [power, sum] : llvm::zip_equal(powers, shifted)) {
    // Adds n to the exponent; the shift drops the bits of the sum that are not n's.
    Value exponent =
        arith::ShLIOp::create(emit, arith::BitcastOp::create(emit, integers, sum), emit.splat(lanes, 23));
    Value bits = arith::AddIOp::create(emit, arith::BitcastOp::create(emit, integers, power), exponent);
    results.push_back(arith::BitcastOp::create(emit, floats, bits));
  }
  return results;
}

Value emitLarger(Emit &emit, Value a, Value b) {
  Value greater = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(emit, greater, a, b);
}

} // namespace heed::kernels
