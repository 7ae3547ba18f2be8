// Lanes.cpp - values in the lanes of a vector, kept as `base + lane * stride` as long as possible.
#include "compiler/lower/Lanes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heed {

Type LaneValue::elementType() const {
  return vector ? cast<VectorType>(vector.getType()).getElementType() : base.getType();
}

bool hasUnitLastStride(Value buffer) { return cast<MemRefType>(buffer.getType()).isLastDimUnitStride(); }

Value Lanes::vector(LaneValue value) {
  if (value.vector)
    return value.vector;
  VectorType type = vectorOf(value.base.getType());
  Value spread = vector::BroadcastOp::create(builder, loc, type, value.base);
  if (value.stride == 0)
    return spread;
  SmallVector<Attribute> steps;
  for (int64_t lane = 0; lane < count; ++lane)
    steps.push_back(builder.getIntegerAttr(type.getElementType(), lane * value.stride));
  Value step = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, steps));
  return arith::AddIOp::create(builder, loc, spread, step);
}

LaneValue Lanes::constant(int64_t value) {
  return LaneValue::uniform(arith::ConstantIndexOp::create(builder, loc, value));
}

LaneValue Lanes::binary(StringRef name, LaneValue left, LaneValue right) {
  bool uniform = left.isUniform() && right.isUniform();
  Value a = uniform ? left.base : vector(left), b = uniform ? right.base : vector(right);
  Value result = builder.create(OperationState(loc, name, {a, b}, {a.getType()}))->getResult(0);
  return uniform ? LaneValue::uniform(result) : LaneValue::varying(result);
}

LaneValue Lanes::add(LaneValue left, LaneValue right) {
  if (left.vector || right.vector)
    return binary(arith::AddIOp::getOperationName(), left, right);
  return {builder.createOrFold<arith::AddIOp>(loc, left.base, right.base), left.stride + right.stride, {}};
}

LaneValue Lanes::subtract(LaneValue left, LaneValue right) {
  if (left.vector || right.vector)
    return binary(arith::SubIOp::getOperationName(), left, right);
  return {builder.createOrFold<arith::SubIOp>(loc, left.base, right.base), left.stride - right.stride, {}};
}

LaneValue Lanes::multiply(LaneValue left, LaneValue right) {
  if (left.isUniform())
    std::swap(left, right);
  std::optional<int64_t> factor = right.isUniform() ? getConstantIntValue(right.base) : std::nullopt;
  if (left.vector || !right.isUniform() || (left.stride != 0 && !factor))
    return binary(arith::MulIOp::getOperationName(), left, right);
  return {builder.createOrFold<arith::MulIOp>(loc, left.base, right.base), left.stride * factor.value_or(0), {}};
}

LaneValue Lanes::apply(AffineExpr expression, ArrayRef<LaneValue> dims) {
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return dims[dim.getPosition()];
  if (auto number = dyn_cast<AffineConstantExpr>(expression))
    return constant(number.getValue());
  auto parts = cast<AffineBinaryOpExpr>(expression);
  LaneValue left = apply(parts.getLHS(), dims), right = apply(parts.getRHS(), dims);
  switch (expression.getKind()) {
  case AffineExprKind::Add:
    return add(left, right);
  case AffineExprKind::Mul:
    return multiply(left, right);
  case AffineExprKind::FloorDiv:
    return binary(arith::FloorDivSIOp::getOperationName(), left, right);
  case AffineExprKind::CeilDiv:
    return binary(arith::CeilDivSIOp::getOperationName(), left, right);
  default: // Mod, of a positive constant
    LaneValue quotient = binary(arith::FloorDivSIOp::getOperationName(), left, right);
    return subtract(left, multiply(quotient, right));
  }
}

Value Lanes::storable(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.getElementType().isInteger(1))
    return buffer;
  auto bytes = MemRefType::get(type.getShape(), builder.getI8Type(), type.getLayout(), type.getMemorySpace());
  return UnrealizedConversionCastOp::create(builder, loc, bytes, buffer).getResult(0);
}

std::pair<Value, LaneValue> Lanes::flatten(Value buffer, ArrayRef<LaneValue> indices) {
  auto type = cast<MemRefType>(buffer.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, buffer);
  LaneValue position = constant(0);
  for (auto [axis, index] : llvm::enumerate(indices)) {
    LaneValue stride = ShapedType::isDynamic(strides[axis]) ? LaneValue::uniform(metadata.getStrides()[axis])
                                                            : constant(strides[axis]);
    position = add(position, multiply(index, stride));
  }
  auto layout = StridedLayoutAttr::get(builder.getContext(), ShapedType::kDynamic, {1});
  auto flatType = MemRefType::get({ShapedType::kDynamic}, type.getElementType(), layout);
  // The extent is of no interest: positions are in bounds because the subscripts were.
  OpFoldResult extent = arith::ConstantIndexOp::create(builder, loc, std::numeric_limits<int32_t>::max()).getResult();
  Value flat = memref::ReinterpretCastOp::create(builder, loc, flatType, metadata.getBaseBuffer(),
                                                 OpFoldResult(metadata.getOffset()), ArrayRef<OpFoldResult>{extent},
                                                 ArrayRef<OpFoldResult>{builder.getIndexAttr(1)});
  return {flat, position};
}

Value Lanes::fullMask() {
  return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(vectorOf(builder.getI1Type()), true));
}

LaneValue Lanes::load(Value buffer, ArrayRef<LaneValue> indices) {
  bool uniform = llvm::all_of(indices, [](LaneValue const &index) { return index.isUniform(); });
  if (uniform && !mayBeEmpty) {
    SmallVector<Value> scalars = llvm::map_to_vector(indices, [](LaneValue const &index) { return index.base; });
    return LaneValue::uniform(memref::LoadOp::create(builder, loc, buffer, scalars));
  }
  bool isBool = cast<MemRefType>(buffer.getType()).getElementType().isInteger(1);
  buffer = storable(buffer);
  VectorType type = vectorOf(cast<MemRefType>(buffer.getType()).getElementType());
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  auto loadConsecutive = [&](Value from, ValueRange position) -> Value {
    if (mask)
      return vector::MaskedLoadOp::create(builder, loc, type, from, position, mask, zero);
    return vector::LoadOp::create(builder, loc, type, from, position);
  };
  Value result;
  bool direct = hasUnitLastStride(buffer) && !indices.empty() && !indices.back().vector && indices.back().stride == 1 &&
                llvm::all_of(indices.drop_back(), [](LaneValue const &index) { return index.isUniform(); });
  if (direct) {
    result = loadConsecutive(buffer, llvm::map_to_vector(indices, [](LaneValue const &index) { return index.base; }));
  } else {
    auto [flat, position] = flatten(buffer, indices);
    if (!position.vector && position.stride == 1) {
      result = loadConsecutive(flat, position.base);
    } else {
      Value origin = arith::ConstantIndexOp::create(builder, loc, 0);
      result = vector::GatherOp::create(builder, loc, type, flat, ValueRange{origin}, vector(position),
                                        mask ? mask : fullMask(), zero);
    }
  }
  if (isBool)
    result = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, result, zero);
  return LaneValue::varying(result);
}

void Lanes::store(LaneValue value, Value buffer, ArrayRef<LaneValue> indices) {
  if (count == 0) {
    SmallVector<Value> scalars = llvm::map_to_vector(indices, [](LaneValue const &index) { return index.base; });
    memref::StoreOp::create(builder, loc, value.base, buffer, scalars);
    return;
  }
  Value data = vector(value);
  if (cast<MemRefType>(buffer.getType()).getElementType().isInteger(1))
    data = arith::ExtUIOp::create(builder, loc, vectorOf(builder.getI8Type()), data);
  buffer = storable(buffer);
  auto storeConsecutive = [&](Value to, ValueRange position) {
    if (mask)
      vector::MaskedStoreOp::create(builder, loc, to, position, mask, data);
    else
      vector::StoreOp::create(builder, loc, data, to, position);
  };
  bool direct = hasUnitLastStride(buffer) && !indices.empty() && !indices.back().vector && indices.back().stride == 1 &&
                llvm::all_of(indices.drop_back(), [](LaneValue const &index) { return index.isUniform(); });
  if (direct)
    return storeConsecutive(buffer, llvm::map_to_vector(indices, [](LaneValue const &index) { return index.base; }));
  auto [flat, position] = flatten(buffer, indices);
  if (!position.vector && position.stride == 1)
    return storeConsecutive(flat, position.base);
  Value origin = arith::ConstantIndexOp::create(builder, loc, 0);
  vector::ScatterOp::create(builder, loc, Type(), flat, ValueRange{origin}, vector(position), mask ? mask : fullMask(),
                            data);
}

} // namespace heed
