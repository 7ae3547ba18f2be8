// MatrixView.cpp - element and vector access, masked and strided.
#include "compiler/lower/kernels/MatrixView.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed::kernels {

bool hasUnitStride(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(type.getStridesAndOffset(strides, offset)) && !strides.empty() && strides.back() == 1;
}

bool isContiguousAlong(Value buffer, AffineMap subscripts, unsigned dim) {
  unsigned last = subscripts.getNumResults();
  auto memory = dyn_cast<MemRefType>(buffer.getType()); // a tensor will be a buffer without gaps
  bool contiguous = last > 0 && (!memory || hasUnitStride(memory));
  for (unsigned result = 0; result < last; ++result) {
    AffineExpr expression = subscripts.getResult(result), alone = getAffineDimExpr(dim, subscripts.getContext());
    if (result + 1 < last)
      contiguous &= !expression.isFunctionOfDim(dim);
    else
      contiguous &= !simplifyAffineExpr(expression - alone, subscripts.getNumDims(), 0).isFunctionOfDim(dim);
  }
  return contiguous;
}

Value maskOfFirst(Emit &emit, int64_t lanes, Value count) {
  return vector::CreateMaskOp::create(emit, emit.vectorOf(lanes, emit.getI1Type()), count);
}

MatrixView MatrixView::ofLastAxes(Value buffer, ArrayRef<Value> leading, bool transposed) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<Value> outer(leading);
  bool single = type.getRank() == static_cast<int64_t>(leading.size()) + 1;
  return MatrixView(buffer, !transposed && hasUnitStride(type),
                    [outer, single, transposed](Emit &, Value row, Value column) {
                      SmallVector<Value> subscripts(outer);
                      if (transposed)
                        std::swap(row, column);
                      if (!single)
                        subscripts.push_back(row);
                      subscripts.push_back(column);
                      return subscripts;
                    });
}

static Value toF32(Emit &emit, Value value) {
  Type type = getElementTypeOrSelf(value), f32 = emit.getF32Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    f32 = vector.cloneWith(std::nullopt, f32);
  if (type.getIntOrFloatBitWidth() < 32)
    return arith::ExtFOp::create(emit, f32, value);
  return type.isF32() ? value : Value(arith::TruncFOp::create(emit, f32, value));
}

Value MatrixView::load(Emit &emit, Value row, Value column) const {
  return toF32(emit, memref::LoadOp::create(emit, buffer, at(emit, row, column)));
}

Value MatrixView::loadVector(Emit &emit, int64_t lanes, Value row, Value column, Value count) const {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  VectorType type = emit.vectorOf(lanes, element);
  if (contiguous && !count)
    return toF32(emit, vector::LoadOp::create(emit, type, buffer, at(emit, row, column)));
  Value zeros = arith::ConstantOp::create(emit, emit.getZeroAttr(type));
  // Narrow floats have no masked load that a target can do in one step.
  if (contiguous && element.isF32())
    return vector::MaskedLoadOp::create(emit, type, buffer, at(emit, row, column), maskOfFirst(emit, lanes, count),
                                        zeros);
  Value end = count ? emit.min(count, emit.index(lanes)) : emit.index(lanes);
  Value f32Zeros = emit.splat(lanes, 0.0f);
  return emit
      .loop(emit.index(0), end, 1, f32Zeros,
            [&](Value lane, ValueRange sums) -> SmallVector<Value> {
              Value scalar = load(emit, row, emit.add(column, lane));
              return {vector::InsertOp::create(emit, scalar, sums[0], OpFoldResult(lane))};
            })
      .front();
}

int64_t MatrixView::elementBytes() const {
  return cast<MemRefType>(buffer.getType()).getElementTypeBitWidth() / 8;
}

void MatrixView::prefetch(Emit &emit, Value row, Value column) const {
  memref::PrefetchOp::create(emit, buffer, at(emit, row, column), /*isWrite=*/false, /*localityHint=*/3,
                             /*isDataCache=*/true);
}

void MatrixView::storeVector(Emit &emit, Value vector, Value row, Value column, Value count) const {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  if (contiguous && !count) {
    vector::StoreOp::create(emit, vector, buffer, at(emit, row, column));
    return;
  }
  if (contiguous) {
    vector::MaskedStoreOp::create(emit, buffer, at(emit, row, column), maskOfFirst(emit, lanes, count), vector);
    return;
  }
  Value end = count ? emit.min(count, emit.index(lanes)) : emit.index(lanes);
  emit.loop(emit.index(0), end, 1, [&](Value lane) {
    Value scalar = vector::ExtractOp::create(emit, vector, OpFoldResult(lane));
    memref::StoreOp::create(emit, scalar, buffer, at(emit, row, emit.add(column, lane)));
  });
}

} // namespace heed::kernels
