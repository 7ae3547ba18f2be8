// Regions.cpp - dependence, slices, affine subscripts and comparison of scalar code.
#include "compiler/derive/Regions.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {

static void collect(Value value, Operation *top, IndexSet &indices, DenseSet<Value> &seen) {
  if (!seen.insert(value).second)
    return;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *owner = argument.getOwner()->getParentOp();
    if (top == owner || top->isProperAncestor(owner))
      indices.insert(argument);
    return;
  }
  Operation *op = value.getDefiningOp();
  if (!top->isProperAncestor(op))
    return;
  for (Value operand : op->getOperands())
    collect(operand, top, indices, seen);
  visitUsedValuesDefinedAbove(op->getRegions(),
                              [&](OpOperand *operand) { collect(operand->get(), top, indices, seen); });
}

void collectIndices(Value value, Operation *top, IndexSet &indices) {
  DenseSet<Value> seen;
  collect(value, top, indices, seen);
}

IndexSet indicesOf(Value value, Operation *top) {
  IndexSet indices;
  collectIndices(value, top, indices);
  return indices;
}

Value cloneSlice(OpBuilder &builder, Value value, Operation *top, IRMapping &map) {
  if (Value known = map.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op || !top->isProperAncestor(op)) {
    assert((op || !top->isAncestor(cast<BlockArgument>(value).getOwner()->getParentOp())) &&
           "an index of the slice is not mapped");
    return value;
  }
  for (Value operand : op->getOperands())
    cloneSlice(builder, operand, top, map);
  visitUsedValuesDefinedAbove(op->getRegions(),
                              [&](OpOperand *operand) { cloneSlice(builder, operand->get(), top, map); });
  builder.clone(*op, map);
  return map.lookup(value);
}

AffineExpr affineOf(Value value, ValueRange dims, SmallVectorImpl<Value> *symbols) {
  MLIRContext *context = value.getContext();
  for (auto [position, dim] : llvm::enumerate(dims))
    if (dim && dim == value)
      return getAffineDimExpr(position, context);
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return getAffineConstantExpr(*constant, context);
  Operation *op = value.getDefiningOp();
  if (auto apply = dyn_cast_or_null<affine::AffineApplyOp>(op)) {
    SmallVector<AffineExpr> operands;
    for (Value operand : apply.getMapOperands()) {
      operands.push_back(affineOf(operand, dims, symbols));
      if (!operands.back())
        return {};
    }
    AffineMap map = apply.getAffineMap();
    ArrayRef<AffineExpr> all = operands;
    return map.getResult(0).replaceDimsAndSymbols(all.take_front(map.getNumDims()), all.drop_front(map.getNumDims()));
  }
  if (isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op)) {
    AffineExpr left = affineOf(op->getOperand(0), dims, symbols), right = affineOf(op->getOperand(1), dims, symbols);
    if (left && right) {
      if (isa<arith::AddIOp>(op))
        return left + right;
      if (isa<arith::SubIOp>(op))
        return left - right;
      if (isa<AffineConstantExpr>(left) || isa<AffineConstantExpr>(right))
        return left * right;
    }
  }
  if (!symbols || !isa<IndexType>(value.getType()))
    return {};
  // Only what no dim varies may be a symbol.
  for (Value dim : dims)
    if (Operation *owner = dim ? cast<BlockArgument>(dim).getOwner()->getParentOp() : nullptr)
      if (op ? owner->isProperAncestor(op) : owner->isAncestor(cast<BlockArgument>(value).getOwner()->getParentOp()))
        return {};
  for (auto [position, symbol] : llvm::enumerate(*symbols))
    if (symbol == value)
      return getAffineSymbolExpr(position, context);
  symbols->push_back(value);
  return getAffineSymbolExpr(symbols->size() - 1, context);
}

AffineMap affineSubscripts(tensor::ExtractOp read, ValueRange dims) {
  SmallVector<AffineExpr> exprs;
  for (Value subscript : read.getIndices()) {
    exprs.push_back(affineOf(subscript, dims));
    if (!exprs.back())
      return {};
  }
  return AffineMap::get(dims.size(), 0, exprs, read.getContext());
}

AffineExpr simplifyInBox(AffineExpr expr, ArrayRef<std::optional<int64_t>> sizes) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return expr;
  AffineExpr left = simplifyInBox(binary.getLHS(), sizes), right = simplifyInBox(binary.getRHS(), sizes);
  expr = getAffineBinaryOpExpr(expr.getKind(), left, right);
  binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return expr;
  auto dim = dyn_cast<AffineDimExpr>(binary.getLHS());
  auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  bool below = dim && divisor && dim.getPosition() < sizes.size() && sizes[dim.getPosition()] &&
               *sizes[dim.getPosition()] <= divisor.getValue();
  if (below && expr.getKind() == AffineExprKind::FloorDiv)
    return getAffineConstantExpr(0, expr.getContext());
  if (below && expr.getKind() == AffineExprKind::Mod)
    return dim;
  return expr;
}

void collectConjuncts(Value condition, SmallVectorImpl<Value> &conjuncts) {
  if (auto conjunction = condition.getDefiningOp<arith::AndIOp>()) {
    collectConjuncts(conjunction.getLhs(), conjuncts);
    collectConjuncts(conjunction.getRhs(), conjuncts);
    return;
  }
  if (!matchPattern(condition, m_One()))
    conjuncts.push_back(condition);
}

void collectFactors(Value product, SmallVectorImpl<Value> &factors) {
  auto multiply = product.getDefiningOp<arith::MulFOp>();
  if (!multiply || !multiply->hasOneUse()) {
    factors.push_back(product);
    return;
  }
  collectFactors(multiply.getLhs(), factors);
  collectFactors(multiply.getRhs(), factors);
}

bool sameComputation(Value left, Value right, IRMapping const &map) {
  if (map.lookupOrDefault(left) == right)
    return true;
  Operation *a = left.getDefiningOp(), *b = right.getDefiningOp();
  if (!a || !b || a->getName() != b->getName() || a->getNumRegions() || b->getNumRegions() ||
      a->getNumOperands() != b->getNumOperands() || a->getAttrDictionary() != b->getAttrDictionary() ||
      left.getType() != right.getType() ||
      cast<OpResult>(left).getResultNumber() != cast<OpResult>(right).getResultNumber() || !isPure(a))
    return false;
  return llvm::all_of(llvm::zip_equal(a->getOperands(), b->getOperands()),
                      [&](auto pair) { return sameComputation(std::get<0>(pair), std::get<1>(pair), map); });
}

bool containsReduce(Operation *op) {
  bool found = false;
  op->walk([&](ReduceOp reduce) { found |= reduce != op; });
  return found;
}

ReduceOp rootReduce(DefineOp define) {
  auto reduce = define.getYielded().getDefiningOp<ReduceOp>();
  if (!reduce || reduce->getBlock() != define.getValueBlock() || !reduce->hasOneUse() || containsReduce(reduce))
    return {};
  return reduce;
}

SmallVector<Value> sizeValues(OpBuilder &builder, Location location, ArrayRef<OpFoldResult> sizes) {
  return getValueOrCreateConstantIndexOp(builder, location, sizes);
}

DefineOp makeDefine(OpBuilder &builder, Location location, Type element, ArrayRef<OpFoldResult> sizes,
                    BodyBuilder domain, BodyBuilder value) {
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  for (OpFoldResult size : sizes) {
    std::optional<int64_t> constant = getConstantIntValue(size);
    bool isStatic = constant && *constant >= 0;
    shape.push_back(isStatic ? *constant : ShapedType::kDynamic);
    if (!isStatic)
      dynamic.push_back(getValueOrCreateConstantIndexOp(builder, location, size));
  }
  return DefineOp::create(builder, location, RankedTensorType::get(shape, element), dynamic, domain, value);
}

void eraseUnused(Operation *top) {
  SmallVector<Operation *> candidates;
  top->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != top)
      candidates.push_back(op);
  });
  // Users stand behind what they use, and nested operations before their parents.
  for (Operation *op : llvm::reverse(candidates))
    if (isOpTriviallyDead(op))
      op->erase();
}

bool isPlainSum(ReduceOp sum) {
  return sum && sum.getKind() == ReduceKind::Sum && sum.getSizes().size() == 1 && sum.getType().isF32();
}

std::optional<SmallVector<Value>> distinctIndices(tensor::ExtractOp read) {
  SmallVector<Value> axes;
  for (Value subscript : read.getIndices()) {
    if (!isa<BlockArgument>(subscript) || llvm::is_contained(axes, subscript))
      return std::nullopt;
    axes.push_back(subscript);
  }
  return axes;
}

} // namespace heed::derive
