// VectorExp.cpp - 2^x = 2^n 2^r with n = round(x), |r| <= 1/2, and a polynomial for 2^r.
#include "compiler/lower/kernels/VectorExp.h"

using namespace mlir;

namespace heed::kernels {

/// Adding this puts round(x) into the low bits of the sum's mantissa.
static constexpr float roundingShift = 12582912.0f; // 1.5 * 2^23
static constexpr float smallest = -126.0f;          // 2^x of less is no normal number
/// 2^r on |r| <= 1/2, minimax with the constant term 1, highest power first: relative error 2.6e-9, in f32 1.4 * 2^-24.
static constexpr float coefficients[] = {1.5594678e-4f, 1.3406643e-3f, 9.6176928e-3f, 5.5503104e-2f,
                                         2.4022652e-1f, 6.9314724e-1f, 1.0f};

Value emitExp2OfNonPositive(Emit &emit, Value x) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  auto constant = [&](float value) { return emit.splat(lanes, value); };
  Value shifted = arith::AddFOp::create(emit, x, constant(roundingShift));
  Value n = arith::SubFOp::create(emit, shifted, constant(roundingShift));
  Value r = arith::SubFOp::create(emit, x, n);
  Value power = constant(coefficients[0]);
  for (float coefficient : ArrayRef(coefficients).drop_front())
    power = emit.multiplyAdd(power, r, constant(coefficient));

  // Adds n to the exponent; the shift drops the bits of `shifted` that are not n's.
  VectorType integers = emit.vectorOf(lanes, emit.getI32Type());
  Value exponent =
      arith::ShLIOp::create(emit, arith::BitcastOp::create(emit, integers, shifted), emit.splat(lanes, 23));
  Value bits = arith::AddIOp::create(emit, arith::BitcastOp::create(emit, integers, power), exponent);
  Value result = arith::BitcastOp::create(emit, emit.vectorOf(lanes), bits);
  // False for NaN, which went through the polynomial and stays.
  Value below = arith::CmpFOp::create(emit, arith::CmpFPredicate::OLT, x, constant(smallest));
  return arith::SelectOp::create(emit, below, constant(0.0f), result);
}

} // namespace heed::kernels
