// LinalgOperands.cpp - reads as operands with indexing maps.
#include "compiler/derive/LinalgOperands.h"

#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {

/// The affine form of a size over the index arguments of its function; null if it has none.
static AffineExpr formOf(OpFoldResult size, MLIRContext *context) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return getAffineConstantExpr(*constant, context);
  auto value = cast<Value>(size);
  auto function = value.getParentRegion()->getParentOfType<func::FuncOp>();
  if (auto own = dyn_cast<func::FuncOp>(value.getParentRegion()->getParentOp()))
    function = own;
  if (!function)
    return {};
  SmallVector<Value> arguments;
  for (BlockArgument argument : function.getArguments())
    if (isa<IndexType>(argument.getType()))
      arguments.push_back(argument);
  return affineOf(value, arguments);
}

bool sameSize(OpFoldResult left, OpFoldResult right) {
  if (!left || !right)
    return false;
  if (left == right)
    return true;
  Value value = isa<Value>(left) ? cast<Value>(left) : dyn_cast<Value>(right);
  if (!value)
    return getConstantIntValue(left) == getConstantIntValue(right);
  AffineExpr a = formOf(left, value.getContext()), b = formOf(right, value.getContext());
  return a && a == b;
}

/// The size of an axis of a function's argument, from the interface that import wrote down.
static OpFoldResult sizeOfArgument(BlockArgument argument, int64_t axis) {
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  if (!function)
    return {};
  auto interface = function->getParentOfType<ModuleOp>()->getAttrOfType<DictionaryAttr>("heed.program");
  if (!interface)
    return {};
  SmallVector<Attribute> tensors;
  for (StringRef list : {"inputs", "params"})
    if (auto all = interface.getAs<ArrayAttr>(list))
      llvm::append_range(tensors, all);
  auto dims = interface.getAs<ArrayAttr>("dims");
  unsigned first = dims ? dims.size() : 0;
  unsigned position = argument.getArgNumber() - first;
  if (argument.getArgNumber() < first || position >= tensors.size())
    return {};
  auto shape = cast<DictionaryAttr>(tensors[position]).getAs<AffineMapAttr>("shape");
  if (!shape || axis >= shape.getValue().getNumResults())
    return {};
  // Only a size that is one of the arguments has a value here; others are rare and get a view.
  auto dim = dyn_cast<AffineDimExpr>(shape.getValue().getResult(axis));
  return dim ? OpFoldResult(function.getArgument(dim.getPosition())) : OpFoldResult();
}

OpFoldResult knownSize(Value tensor, int64_t axis) {
  for (int depth = 0; depth < 64; ++depth) {
    auto type = cast<RankedTensorType>(tensor.getType());
    if (!type.isDynamicDim(axis))
      return Builder(tensor.getContext()).getIndexAttr(type.getDimSize(axis));
    if (auto argument = dyn_cast<BlockArgument>(tensor)) {
      auto scan = dyn_cast<ScanOp>(argument.getOwner()->getParentOp());
      if (!scan)
        return sizeOfArgument(argument, axis);
      tensor = scan.getInits()[argument.getArgNumber() - 1];
      continue;
    }
    Operation *op = tensor.getDefiningOp();
    if (auto empty = dyn_cast<tensor::EmptyOp>(op))
      return empty.getMixedSizes()[axis];
    if (auto define = dyn_cast<DefineOp>(op))
      return define.getMixedSizes()[axis];
    if (auto softmax = dyn_cast<SoftmaxOp>(op))
      return softmax.getMixedSizes()[axis];
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      llvm::SmallBitVector dropped = slice.getDroppedDims();
      for (auto [position, size] : llvm::enumerate(slice.getMixedSizes()))
        if (!dropped.test(position) && axis-- == 0)
          return size;
      return {};
    }
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
      tensor = insert.getDest();
    } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
      ReassociationIndices group = collapse.getReassociationIndices()[axis];
      if (group.size() != 1)
        return {};
      tensor = collapse.getSrc(), axis = group.front();
    } else if (auto scan = dyn_cast<ScanOp>(op)) {
      tensor = scan.getInits()[cast<OpResult>(tensor).getResultNumber()];
    } else if (auto destination = dyn_cast<DestinationStyleOpInterface>(op)) {
      tensor = destination.getTiedOpOperand(cast<OpResult>(tensor))->get();
    } else if (auto cast = dyn_cast<tensor::CastOp>(op)) {
      tensor = cast.getSource();
    } else {
      return {};
    }
  }
  return {};
}

namespace {

/// `high * stride + low`.
struct Pair {
  unsigned high, low;
  int64_t stride;
};

std::optional<Pair> pairOf(AffineExpr expr) {
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!sum || expr.getKind() != AffineExprKind::Add)
    return std::nullopt;
  AffineExpr product = sum.getLHS(), rest = sum.getRHS();
  if (product.getKind() != AffineExprKind::Mul)
    std::swap(product, rest);
  auto scaled = dyn_cast<AffineBinaryOpExpr>(product);
  auto low = dyn_cast<AffineDimExpr>(rest);
  if (!scaled || product.getKind() != AffineExprKind::Mul || !low)
    return std::nullopt;
  auto high = dyn_cast<AffineDimExpr>(scaled.getLHS());
  auto stride = dyn_cast<AffineConstantExpr>(scaled.getRHS());
  if (!high || !stride || stride.getValue() <= 0)
    return std::nullopt;
  return Pair{high.getPosition(), low.getPosition(), stride.getValue()};
}

} // namespace

/// `expr` as one dim plus what no dim varies.
static std::optional<std::pair<unsigned, AffineExpr>> shiftedDim(AffineExpr expr, unsigned dims, unsigned symbols) {
  std::optional<unsigned> only;
  for (unsigned dim = 0; dim < dims; ++dim) {
    if (!expr.isFunctionOfDim(dim))
      continue;
    if (only)
      return std::nullopt;
    only = dim;
  }
  if (!only)
    return std::nullopt;
  AffineExpr rest = simplifyAffineExpr(expr - getAffineDimExpr(*only, expr.getContext()), dims, symbols);
  if (!rest.isSymbolicOrConstant())
    return std::nullopt;
  return std::make_pair(*only, rest);
}

std::optional<LinalgOperand> operandOf(OpBuilder &builder, tensor::ExtractOp read, ValueRange dims,
                                       ArrayRef<OpFoldResult> sizes) {
  Value tensor = read.getTensor();
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<Value> symbols;
  SmallVector<AffineExpr> subscripts;
  for (Value subscript : read.getIndices()) {
    AffineExpr form = affineOf(subscript, dims, &symbols);
    if (!form)
      return std::nullopt;
    subscripts.push_back(form);
  }
  llvm::SmallBitVector used(dims.size());
  auto take = [&](unsigned dim) {
    bool fresh = !used.test(dim);
    used.set(dim);
    return fresh;
  };
  // First decide, then build: nothing may be left behind for a read that does not qualify.
  enum class Kind { Index, Fixed, Split };
  SmallVector<Kind> kinds;
  for (auto [axis, form] : llvm::enumerate(subscripts)) {
    if (auto shifted = shiftedDim(form, dims.size(), symbols.size())) {
      if (!take(shifted->first))
        return std::nullopt;
      kinds.push_back(Kind::Index);
    } else if (form.isSymbolicOrConstant()) {
      kinds.push_back(Kind::Fixed);
    } else if (std::optional<Pair> pair = pairOf(form)) {
      std::optional<int64_t> high = getConstantIntValue(sizes[pair->high]), low = getConstantIntValue(sizes[pair->low]);
      if (!high || low != pair->stride || type.getDimSize(axis) != *high * *low || !take(pair->high) ||
          !take(pair->low))
        return std::nullopt;
      kinds.push_back(Kind::Split);
    } else {
      return std::nullopt;
    }
  }

  // A slice that drops some axes of one element and keeps others is ambiguous: its verifier drops the first ones.
  bool drops = llvm::is_contained(kinds, Kind::Fixed);
  for (auto [kind, form] : llvm::zip_equal(kinds, subscripts))
    if (drops && kind == Kind::Index && getConstantIntValue(sizes[shiftedDim(form, dims.size(), symbols.size())->first]) == 1)
      return std::nullopt;

  Location location = read.getLoc();
  // A view without the fixed axes, and of no more than the range of the loops.
  SmallVector<OpFoldResult> offsets, lengths, strides(type.getRank(), builder.getIndexAttr(1));
  SmallVector<int64_t> shape;
  bool view = false;
  for (auto [axis, form] : llvm::enumerate(subscripts)) {
    OpFoldResult whole = tensor::getMixedSize(builder, location, tensor, axis);
    auto offsetAt = [&](AffineExpr expr) {
      SmallVector<OpFoldResult> operands(symbols.begin(), symbols.end());
      AffineMap map = AffineMap::get(0, symbols.size(), expr);
      return affine::makeComposedFoldedAffineApply(builder, location, map, operands);
    };
    if (kinds[axis] == Kind::Fixed) {
      offsets.push_back(offsetAt(form));
      lengths.push_back(builder.getIndexAttr(1));
      view = true;
      continue;
    }
    OpFoldResult offset = builder.getIndexAttr(0), length = whole;
    if (kinds[axis] == Kind::Index) {
      auto [dim, shift] = *shiftedDim(form, dims.size(), symbols.size());
      offset = offsetAt(shift);
      if (!isConstantIntValue(offset, 0) || !sameSize(knownSize(tensor, axis), sizes[dim])) {
        length = sizes[dim];
        view = true;
      }
    }
    // A constant size must be one in the type and in the operation.
    if (std::optional<int64_t> known = getConstantIntValue(length))
      length = builder.getIndexAttr(*known);
    offsets.push_back(offset);
    lengths.push_back(length);
    shape.push_back(getConstantIntValue(length).value_or(ShapedType::kDynamic));
  }
  if (view)
    tensor = tensor::ExtractSliceOp::create(builder, location, RankedTensorType::get(shape, type.getElementType()),
                                            tensor, offsets, lengths, strides);

  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> expanded;
  SmallVector<OpFoldResult> expandedSizes;
  SmallVector<AffineExpr> results;
  bool splits = false;
  auto push = [&](unsigned dim, OpFoldResult size) {
    groups.back().push_back(expanded.size());
    expanded.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
    expandedSizes.push_back(size);
    results.push_back(builder.getAffineDimExpr(dim));
  };
  for (auto [axis, form] : llvm::enumerate(subscripts)) {
    if (kinds[axis] == Kind::Fixed)
      continue;
    groups.emplace_back();
    if (kinds[axis] == Kind::Index) {
      push(shiftedDim(form, dims.size(), symbols.size())->first, lengths[axis]);
      continue;
    }
    Pair pair = *pairOf(form);
    push(pair.high, sizes[pair.high]);
    push(pair.low, sizes[pair.low]);
    splits = true;
  }
  if (splits)
    tensor = tensor::ExpandShapeOp::create(builder, location, RankedTensorType::get(expanded, type.getElementType()),
                                           tensor, groups, expandedSizes);
  return LinalgOperand{tensor, AffineMap::get(dims.size(), 0, results, builder.getContext())};
}

} // namespace heed::derive
