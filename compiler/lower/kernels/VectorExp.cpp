// VectorExp.cpp - exp(x) = 2^n exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2, and a polynomial for exp(r).
#include "compiler/lower/kernels/VectorExp.h"

using namespace mlir;

namespace heed::kernels {

/// Adding this puts round(y) into the low bits of the sum's mantissa.
static constexpr float roundingShift = 12582912.0f; // 1.5 * 2^23
/// ln 2 in two parts; products of the first with |n| < 2^13 are exact, with or without fused multiply-add.
static constexpr float ln2High = 0.693359375f, ln2Low = -2.12194440e-4f;
static constexpr float smallest = -87.336540f; // exp of less is no normal number
/// (exp(r) - 1 - r) / r^2 on |r| <= ln 2 / 2, minimax, highest power first.
static constexpr float coefficients[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                         4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};

Value emitExpOfNonPositive(Emit &emit, Value x) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  auto constant = [&](float value) { return emit.splat(lanes, value); };
  Value shifted = emit.multiplyAdd(x, constant(1.44269504088896341f), constant(roundingShift));
  Value n = arith::SubFOp::create(emit, shifted, constant(roundingShift));
  Value r = emit.multiplyAdd(n, constant(-ln2High), x);
  r = emit.multiplyAdd(n, constant(-ln2Low), r);
  Value sum = constant(coefficients[0]);
  for (float coefficient : ArrayRef(coefficients).drop_front())
    sum = emit.multiplyAdd(sum, r, constant(coefficient));
  Value power =
      arith::AddFOp::create(emit, emit.multiplyAdd(sum, arith::MulFOp::create(emit, r, r), r), constant(1.0f));

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
