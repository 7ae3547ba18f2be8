// SizeFormula.cpp - sizes of buffers as functions of the dims, so that they can be evaluated anywhere.
#include "compiler/lower/SizeFormula.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace heed {

static constexpr double unboundedSize = 512;

Value chunkNumber(OpBuilder &builder, Location loc, scf::ParallelOp parallel) {
  Value number = arith::ConstantIndexOp::create(builder, loc, 0);
  for (auto [iv, lower, upper, step] : llvm::zip_equal(parallel.getInductionVars(), parallel.getLowerBound(),
                                                       parallel.getUpperBound(), parallel.getStep())) {
    Value span = arith::SubIOp::create(builder, loc, upper, lower);
    Value count = arith::CeilDivSIOp::create(builder, loc, span, step);
    Value here = arith::DivSIOp::create(builder, loc, arith::SubIOp::create(builder, loc, iv, lower), step);
    number = arith::AddIOp::create(builder, loc, arith::MulIOp::create(builder, loc, number, count), here);
  }
  return number;
}

SizeFormulas::SizeFormulas(func::FuncOp function) : entry(&function.getBody().front()), model(Model::of(function)) {
  while (dims < function.getNumArguments() && isa<IndexType>(function.getArgument(dims).getType()))
    maxima.push_back(model ? model->maximumOf(dims) : std::nullopt), ++dims;
}

/// The size of an argument of the function, which its shape in `heed.program` gives.
AffineExpr SizeFormulas::sizeOfArgument(Value source, int64_t axis) const {
  auto argument = dyn_cast<BlockArgument>(source);
  if (!argument || argument.getOwner() != entry || !model)
    return {};
  AffineMap shape = model->shapeOfArgument(argument.getArgNumber());
  return shape && axis < shape.getNumResults() ? shape.getResult(axis) : AffineExpr();
}

/// The size of a buffer along an axis, through reshapes down to what allocates it or to an argument.
AffineExpr SizeFormulas::sizeOf(Value source, int64_t axis) const {
  auto type = dyn_cast<MemRefType>(source.getType());
  if (!type || axis >= type.getRank())
    return {};
  if (!type.isDynamicDim(axis))
    return getAffineConstantExpr(type.getDimSize(axis), source.getContext());
  if (isa<BlockArgument>(source))
    return sizeOfArgument(source, axis);
  Operation *op = source.getDefiningOp();
  if (auto alloc = dyn_cast<memref::AllocOp>(op))
    return affine(alloc.getDynamicSizes()[type.getDynamicDimIndex(axis)]);
  if (auto expand = dyn_cast<memref::ExpandShapeOp>(op)) {
    auto size = dyn_cast<Value>(expand.getMixedOutputShape()[axis]);
    return size ? affine(size) : AffineExpr();
  }
  if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op)) {
    AffineExpr product = getAffineConstantExpr(1, source.getContext());
    for (int64_t inner : collapse.getReassociationIndices()[axis]) {
      AffineExpr size = sizeOf(collapse.getSrc(), inner);
      if (!size || !(size.isSymbolicOrConstant() || product.isSymbolicOrConstant()))
        return {};
      product = product * size;
    }
    return product;
  }
  return {};
}

AffineExpr SizeFormulas::affine(Value value) const {
  MLIRContext *context = value.getContext();
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return getAffineConstantExpr(*constant, context);
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getOwner() == entry && argument.getArgNumber() < dims
               ? getAffineDimExpr(argument.getArgNumber(), context)
               : AffineExpr();
  Operation *op = value.getDefiningOp();
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    std::optional<int64_t> axis = dim.getConstantIndex();
    return axis ? sizeOf(dim.getSource(), *axis) : AffineExpr();
  }
  if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op)) {
    AffineExpr left = affine(op->getOperand(0)), right = affine(op->getOperand(1));
    if (!left || !right)
      return {};
    if (isa<arith::AddIOp>(op))
      return left + right;
    if (isa<arith::SubIOp>(op))
      return left - right;
    return left.isSymbolicOrConstant() || right.isSymbolicOrConstant() ? left * right : AffineExpr();
  }
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    SmallVector<AffineExpr> operands;
    for (Value operand : apply.getMapOperands()) {
      operands.push_back(affine(operand));
      if (!operands.back())
        return {};
    }
    AffineMap map = apply.getAffineMap();
    ArrayRef<AffineExpr> all = operands;
    AffineExpr result =
        map.getResult(0).replaceDimsAndSymbols(all.take_front(map.getNumDims()), all.drop_front(map.getNumDims()));
    return simplifyAffineExpr(result, dims, 0);
  }
  return {};
}

bool SizeFormulas::computable(Value value) const {
  if (affine(value))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() != 0 || !isPure(op) || isa<memref::DimOp>(op))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) { return computable(operand); });
}

FailureOr<SizeFormula> SizeFormulas::product(int64_t constant, ArrayRef<int64_t> shape, ValueRange dynamic) {
  SizeFormula size{constant, {}, {}, {}};
  unsigned next = 0;
  for (int64_t extent : shape) {
    if (!ShapedType::isDynamic(extent)) {
      size.constant *= extent;
      continue;
    }
    Value value = dynamic[next++];
    if (AffineExpr expression = affine(value))
      size.affine.push_back(simplifyAffineExpr(expression, dims, 0));
    else if (computable(value))
      size.values.push_back(value);
    else
      return failure();
  }
  llvm::sort(size.affine, [](AffineExpr a, AffineExpr b) { return hash_value(a) < hash_value(b); });
  return size;
}

LogicalResult SizeFormulas::multiplyByChunks(SizeFormula &size, scf::ParallelOp parallel) {
  for (OperandRange bounds : {parallel.getLowerBound(), parallel.getUpperBound(), parallel.getStep()})
    for (Value bound : bounds)
      if (!computable(bound))
        return failure();
  size.chunks.push_back(parallel);
  return success();
}

/// Evaluates `expression` at the largest dims.
static double evaluate(AffineExpr expression, ArrayRef<std::optional<int64_t>> maxima) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return maxima[dim.getPosition()] ? double(*maxima[dim.getPosition()]) : unboundedSize;
  auto binary = cast<AffineBinaryOpExpr>(expression);
  double left = evaluate(binary.getLHS(), maxima), right = evaluate(binary.getRHS(), maxima);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return left + right;
  case AffineExprKind::Mul:
    return left * right;
  case AffineExprKind::Mod:
    return right;
  default:
    return right != 0 ? left / right : left;
  }
}

double SizeFormulas::typicalValue(Value value) const {
  if (AffineExpr expression = affine(value))
    return evaluate(expression, maxima);
  Operation *op = value.getDefiningOp();
  if (op && isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::CeilDivSIOp, arith::DivSIOp, arith::MinSIOp,
                arith::MaxSIOp>(op)) {
    double left = typicalValue(op->getOperand(0)), right = typicalValue(op->getOperand(1));
    if (isa<arith::AddIOp>(op))
      return left + right;
    if (isa<arith::SubIOp>(op))
      return left - right;
    if (isa<arith::MulIOp>(op))
      return left * right;
    if (isa<arith::MinSIOp>(op))
      return std::min(left, right);
    if (isa<arith::MaxSIOp>(op))
      return std::max(left, right);
    return right != 0 ? std::max(1.0, left / right) : left;
  }
  return unboundedSize;
}

double SizeFormulas::typicalChunks(scf::ParallelOp parallel) const {
  double chunks = 1;
  for (auto [lower, upper, step] :
       llvm::zip_equal(parallel.getLowerBound(), parallel.getUpperBound(), parallel.getStep()))
    chunks *= (typicalValue(upper) - typicalValue(lower)) / std::max(1.0, typicalValue(step));
  return chunks;
}

double SizeFormulas::typical(SizeFormula const &size) const {
  double bytes = size.constant;
  for (AffineExpr expression : size.affine)
    bytes *= evaluate(expression, maxima);
  for (Value value : size.values)
    bytes *= typicalValue(value);
  for (scf::ParallelOp parallel : size.chunks)
    bytes *= typicalChunks(parallel);
  return bytes;
}

std::optional<int64_t> SizeFormulas::upperBound(Value value) const {
  if (AffineExpr expression = affine(value)) {
    // With non-negative coefficients the largest dims give the largest value.
    bool bounded = true;
    expression.walk([&](AffineExpr part) {
      if (auto dim = dyn_cast<AffineDimExpr>(part))
        bounded &= maxima[dim.getPosition()].has_value();
      if (auto constant = dyn_cast<AffineConstantExpr>(part))
        bounded &= constant.getValue() >= 0 || part == expression || !isa<AffineBinaryOpExpr>(expression);
    });
    if (bounded)
      return int64_t(evaluate(expression, maxima));
  }
  return std::nullopt;
}

SizeFormulas::Cloner::Cloner(SizeFormulas &formulas, OpBuilder &builder, ValueRange dims)
    : formulas(formulas), builder(builder), dims(dims) {
  for (auto [position, dim] : llvm::enumerate(dims))
    mapping.map(formulas.entry->getArgument(position), dim);
}

Value SizeFormulas::Cloner::emit(Value value) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Value result;
  if (AffineExpr expression = formulas.affine(value)) {
    result = affine::makeComposedAffineApply(builder, value.getLoc(), AffineMap::get(dims.size(), 0, expression),
                                             getAsOpFoldResult(ValueRange(dims)))
                 .getResult();
  } else {
    for (Value operand : value.getDefiningOp()->getOperands())
      emit(operand);
    builder.clone(*value.getDefiningOp(), mapping);
    result = mapping.lookup(value);
  }
  mapping.map(value, result);
  return result;
}

Value SizeFormulas::Cloner::emit(SizeFormula const &size, Location loc) {
  Value bytes = arith::ConstantIndexOp::create(builder, loc, size.constant);
  for (AffineExpr expression : size.affine) {
    Value factor = affine::makeComposedAffineApply(builder, loc, AffineMap::get(dims.size(), 0, expression),
                                                   getAsOpFoldResult(ValueRange(dims)));
    bytes = arith::MulIOp::create(builder, loc, bytes, factor);
  }
  for (Value value : size.values)
    bytes = arith::MulIOp::create(builder, loc, bytes, emit(value));
  if (size.chunks.empty())
    return bytes;
  // Each chunk's copy is aligned.
  Value rounding = arith::ConstantIndexOp::create(builder, loc, bufferAlignment - 1);
  Value inverse = arith::ConstantIndexOp::create(builder, loc, ~(bufferAlignment - 1));
  bytes = arith::AndIOp::create(builder, loc, arith::AddIOp::create(builder, loc, bytes, rounding), inverse);
  for (scf::ParallelOp parallel : size.chunks)
    for (auto [lower, upper, step] :
         llvm::zip_equal(parallel.getLowerBound(), parallel.getUpperBound(), parallel.getStep())) {
      Value span = arith::SubIOp::create(builder, loc, emit(upper), emit(lower));
      bytes = arith::MulIOp::create(builder, loc, bytes, arith::CeilDivSIOp::create(builder, loc, span, emit(step)));
    }
  return bytes;
}

} // namespace heed
