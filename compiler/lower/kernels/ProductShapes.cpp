// ProductShapes.cpp - transposes, joined axes and unit axes around a product.
#include "compiler/lower/kernels/ProductShapes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace heed::kernels {

using namespace mlir;

OpFoldResult ProductShapes::sizeOf(unsigned dim) {
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    if (auto position = map.getResultPosition(getAffineDimExpr(dim, map.getContext())))
      return tensor::getMixedSize(builder, loc, operand.get(), *position);
  }
  llvm_unreachable("every dimension of a contraction is an axis of an operand");
}
OpFoldResult ProductShapes::sizeOf(ArrayRef<unsigned> dims) {
  OpFoldResult size = builder.getIndexAttr(1);
  AffineExpr product = builder.getAffineDimExpr(0) * builder.getAffineSymbolExpr(0);
  for (unsigned dim : dims)
    size = affine::makeComposedFoldedAffineApply(builder, loc, product, {size, sizeOf(dim)});
  return size;
}

Value ProductShapes::transpose(Value value, ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return value;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value), permuted;
  for (int64_t axis : permutation)
    permuted.push_back(sizes[axis]);
  Value init = tensor::EmptyOp::create(builder, loc, permuted, getElementTypeOrSelf(value));
  return linalg::TransposeOp::create(builder, loc, value, init, permutation)->getResult(0);
}

/// An operand with an axis per batch dim, then one for `second` and one for `third`. A batch dim it does not have:
/// none.
Value ProductShapes::arrange(Value value, AffineMap map, ArrayRef<unsigned> second, ArrayRef<unsigned> third) {
  SmallVector<int64_t> permutation;
  SmallVector<ReassociationIndices> groups;
  auto append = [&](ArrayRef<unsigned> dims) {
    ReassociationIndices &group = groups.emplace_back();
    for (unsigned dim : dims) {
      group.push_back(permutation.size());
      permutation.push_back(axisOf(map, dim));
    }
  };
  for (unsigned dim : product.batch)
    append(dim);
  append(second);
  append(third);
  value = transpose(value, permutation);
  SmallVector<OpFoldResult> shape;
  for (unsigned dim : product.batch)
    shape.push_back(sizeOf(dim));
  shape.append({sizeOf(second), sizeOf(third)});
  return regroup(value, groups, shape);
}
Value ProductShapes::arrangeRow(Value value, AffineMap map) {
  SmallVector<int64_t> permutation;
  ReassociationIndices group;
  for (unsigned dim : product.depth) {
    group.push_back(permutation.size());
    permutation.push_back(axisOf(map, dim));
  }
  return regroup(transpose(value, permutation), {group}, {sizeOf(product.depth)});
}

/// Collapses groups of axes; a group without axes becomes an axis of size 1.
Value ProductShapes::regroup(Value value, ArrayRef<ReassociationIndices> groups, ArrayRef<OpFoldResult> shape) {
  SmallVector<ReassociationIndices> present;
  SmallVector<OpFoldResult> sizes;
  for (auto [group, size] : llvm::zip_equal(groups, shape))
    if (!group.empty()) {
      present.push_back(group);
      sizes.push_back(size);
    }
  if (static_cast<int64_t>(present.size()) != cast<ShapedType>(value.getType()).getRank())
    value = tensor::CollapseShapeOp::create(builder, loc, value, present);
  if (present.size() == groups.size())
    return value;
  // Unit axes go to the group of the axis in front of them, or behind them at the start.
  SmallVector<ReassociationIndices> expanded;
  ReassociationIndices pending;
  for (auto [axis, group] : llvm::enumerate(groups)) {
    if (group.empty() && !expanded.empty()) {
      expanded.back().push_back(axis);
      continue;
    }
    pending.push_back(axis);
    if (!group.empty())
      expanded.push_back(std::exchange(pending, {}));
  }
  return expand(value, expanded, shape);
}

Value ProductShapes::expand(Value value, ArrayRef<ReassociationIndices> groups, ArrayRef<OpFoldResult> shape) {
  SmallVector<int64_t> sizes;
  SmallVector<Value> dynamic;
  dispatchIndexOpFoldResults(shape, dynamic, sizes);
  auto type = RankedTensorType::get(sizes, getElementTypeOrSelf(value));
  return tensor::ExpandShapeOp::create(builder, loc, type, value, groups, SmallVector<OpFoldResult>(shape));
}

/// [batch.., rows, columns] to one axis per loop, in the order of the contraction's result.
Value ProductShapes::spread(Value result) {
  SmallVector<ReassociationIndices> groups;
  SmallVector<OpFoldResult> shape;
  auto append = [&](ArrayRef<unsigned> dims) {
    ReassociationIndices &group = groups.emplace_back();
    for (unsigned dim : dims) {
      group.push_back(shape.size());
      shape.push_back(sizeOf(dim));
    }
  };
  for (unsigned dim : product.batch)
    append(dim);
  bool single = product.isSingleRow(), unitRow = !single && product.rows.empty();
  if (unitRow) { // one row per batch: the unit axis goes
    SmallVector<ReassociationIndices> axes;
    for (unsigned axis = 0; axis < product.batch.size(); ++axis)
      axes.push_back({axis});
    axes.back().push_back(product.batch.size());
    axes.push_back({static_cast<int64_t>(product.batch.size()) + 1});
    result = tensor::CollapseShapeOp::create(builder, loc, result, axes);
  } else if (!single) {
    append(product.rows);
  }
  append(product.columns);
  if (groups.size() != shape.size())
    result = expand(result, groups, shape);
  Dims order = product.order();
  SmallVector<int64_t> permutation;
  for (AffineExpr expression : product.resultMap.getResults()) {
    unsigned dim = cast<AffineDimExpr>(expression).getPosition();
    permutation.push_back(llvm::find(order, dim) - order.begin());
  }
  return transpose(result, permutation);
}

} // namespace heed::kernels
