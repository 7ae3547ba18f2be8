// HopperShape.cpp - which attentions the Hopper form takes, and in what tiles.
#include "compiler/gpu/HopperShape.h"

#include "compiler/gpu/NarrowAttention.h"
#include "compiler/gpu/TensorMap.h"

using namespace mlir;

namespace heed::device {

int64_t HopperShape::rowAxis(AffineMap map, unsigned row) {
  for (unsigned axis = 0; axis < map.getNumResults(); ++axis)
    if (map.getResult(axis) == getAffineDimExpr(row, map.getContext()))
      return axis;
  return -1;
}

/// Whether boxes of rows and of 64 columns are boxes of the buffer: rows are one axis, columns are consecutive on the last.
static bool hasBoxes(Value buffer, AffineMap map, unsigned row, unsigned column) {
  auto type = cast<MemRefType>(buffer.getType());
  int64_t axis = HopperShape::rowAxis(map, row), last = type.getRank() - 1;
  // The strides are multiples of 16 bytes if the length of the last axis is.
  if (!type.getLayout().isIdentity() || type.getRank() > mapRank || axis < 0 || axis == last || type.isDynamicDim(last) ||
      type.getDimSize(last) % 8)
    return false;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    AffineExpr subscript = map.getResult(i);
    if ((i != axis && subscript.isFunctionOfDim(row)) || (i != last && subscript.isFunctionOfDim(column)))
      return false;
  }
  AffineExpr start = simplifyAffineExpr(map.getResult(last) - getAffineDimExpr(column, map.getContext()), map.getNumDims(), 0);
  return !start.isFunctionOfDim(column);
}

static bool readsNothing(Region &region) {
  return !region.walk([](memref::LoadOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

std::optional<HopperShape> HopperShape::of(ir::AttentionOp op, ArrayRef<domain::Sweep> sweeps) {
  if (!op.hasQuery() || op.hasCombine() || sweeps.size() != 1 || sweeps.front().lattice.stride != 1)
    return std::nullopt;
  // So few queries leave most of a block without work.
  std::optional<int64_t> queries = kernels::constantOf(op.getSizes()[op.getRowDim()]);
  if (queries && *queries <= groupRows)
    return std::nullopt;
  auto elementOf = [](Value buffer) { return cast<MemRefType>(buffer.getType()).getElementType(); };
  HopperShape shape;
  shape.element = elementOf(op.getQuery());
  if (!isa<Float16Type, BFloat16Type>(shape.element) || elementOf(op.getKey()) != shape.element ||
      elementOf(op.getSource()) != shape.element)
    return std::nullopt;
  // Weights are rounded to the type of the values: no loss if the result is kept in so few bits. Those that nothing normalises may
  // be beyond the range of f16.
  auto precisionOf = [](Type type) { return APFloat::semanticsPrecision(cast<FloatType>(type).getFloatSemantics()); };
  if (precisionOf(storedTypeOf(op)) > precisionOf(shape.element) || (op.getPlain() && shape.element.isF16()))
    return std::nullopt;
  std::optional<int64_t> inner = kernels::constantOf(op.getSizes()[op.getInnerDim()]);
  std::optional<int64_t> features = kernels::constantOf(op.getSizes()[op.getFeatureDim()]);
  if (!inner || inner != features)
    return std::nullopt;
  shape.width = *inner;
  // What fits 227 KiB of shared memory, and with accumulators and weights the registers of a thread. A mask costs registers, and more
  // of a wide tile is cut by it; what is read for each pair costs more of them.
  bool reads = !readsNothing(op.getScore()) || !readsNothing(op.getDomain());
  switch (shape.width) {
  case 64:
    shape.groups = 3;
    shape.keys = reads ? 64 : 112;
    break;
  case 128:
    shape.groups = 2;
    shape.keys = reads ? 96 : op.hasDomain() ? 112 : 160;
    break;
  case 256:
    shape.groups = 2;
    shape.keys = reads ? 64 : 80;
    break;
  default:
    return std::nullopt;
  }
  if (!hasBoxes(op.getQuery(), op.getQueryMap(), op.getRowDim(), op.getInnerDim()) ||
      !hasBoxes(op.getKey(), op.getKeyMap(), op.getColumnDim(), op.getInnerDim()) ||
      !hasBoxes(op.getSource(), op.getSourceMap(), op.getColumnDim(), op.getFeatureDim()))
    return std::nullopt;
  return shape;
}

} // namespace heed::device
