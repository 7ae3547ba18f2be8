// RowTile.cpp - slices, bodies and loops of the rows of a tile.
#include "compiler/lower/RowTile.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace heed {

/// One tensor may be read twice, with its rows and whole: each operand counts for itself.
static int64_t accessAxis(Operation *op, unsigned number, unsigned dim, int64_t otherwise) {
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured || !isa<TensorType>(op->getOperand(number).getType()))
    return otherwise;
  AffineMap map = structured.getMatchingIndexingMap(&op->getOpOperand(number));
  std::optional<unsigned> position = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  return position ? int64_t(*position) : RowAccess::whole;
}

void RowTile::clone(Operation *op) {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return cloneLoop(loop);
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    // Asked for the size of a slice, which is set where the slice is, or for the number of all rows.
    if (dim.getConstantIndex() && chain.axisOf(dim.getSource()) == dim.getConstantIndex()) {
      mapping.map(dim.getResult(), getValueOrCreateConstantIndexOp(builder, dim.getLoc(), chain.rows()));
      return;
    }
  std::optional<unsigned> dim = chain.dimOf(op);
  if (!dim) {
    builder.clone(*op, mapping);
    return;
  }
  if (chain.isSum(op))
    return cloneSum(cast<linalg::LinalgOp>(op), *dim);
  if (auto extract = dyn_cast<tensor::ExtractSliceOp>(op))
    return cloneExtract(extract, *dim);
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return cloneInsert(insert, *dim);
  bool valid;
  DenseMap<Value, int64_t> axes;
  for (RowAccess access : chain.accesses(op, *dim, valid))
    if (!access.captured)
      axes[access.value] = access.axis;
  SmallVector<Value> operands;
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    int64_t axis = accessAxis(op, number, *dim, axes.lookup_or(operand, RowAccess::whole));
    operands.push_back(axis < 0 ? mapping.lookupOrDefault(operand) : rowsOf(operand, axis));
  }
  Operation *copy = builder.clone(*op, mapping);
  copy->setOperands(operands);
  if (auto attention = dyn_cast<ir::AttentionOp>(copy))
    attention.getSizesMutable()[*dim].set(getValueOrCreateConstantIndexOp(builderBefore(copy), op->getLoc(), count));
  for (auto [result, init] : llvm::zip(copy->getResults(), cast<DestinationStyleOpInterface>(copy).getDpsInits()))
    result.setType(init.getType());
  shiftRows(op, copy, *dim);
  mapping.map(op->getResults(), copy->getResults());
}

OpBuilder &RowTile::builderBefore(Operation *op) {
  builder.setInsertionPoint(op);
  return builder;
}

/// The rows of a tensor: of the chain, made here again, or cut out of the whole.
Value RowTile::rowsOf(Value value, int64_t axis) {
  if (chain.axisOf(value))
    return mapping.lookup(value);
  Location loc = value.getLoc();
  if (auto empty = value.getDefiningOp<tensor::EmptyOp>()) {
    SmallVector<OpFoldResult> sizes;
    for (OpFoldResult size : empty.getMixedSizes()) {
      auto known = dyn_cast<Value>(size);
      sizes.push_back(known ? OpFoldResult(mapping.lookupOrDefault(known)) : size);
    }
    sizes[axis] = count;
    return tensor::EmptyOp::create(builder, loc, sizes, empty.getType().getElementType());
  }
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    return linalg::FillOp::create(builder, loc, mapping.lookupOrDefault(fill.getInputs().front()),
                                  rowsOf(fill.getOutputs().front(), axis))
        .getResult(0);
  Value whole = mapping.lookupOrDefault(value);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, whole),
                            offsets(sizes.size(), builder.getIndexAttr(0)), strides(sizes.size(), builder.getIndexAttr(1));
  offsets[axis] = first;
  sizes[axis] = count;
  return tensor::ExtractSliceOp::create(builder, loc, whole, offsets, sizes, strides);
}

void RowTile::cloneLoop(scf::ForOp loop) {
  SmallVector<Value> inits;
  for (auto [init, state] : llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs()))
    inits.push_back(rowsOf(init, *chain.axisOf(state)));
  auto copy = scf::ForOp::create(builder, loop.getLoc(), mapping.lookupOrDefault(loop.getLowerBound()),
                                 mapping.lookupOrDefault(loop.getUpperBound()), mapping.lookupOrDefault(loop.getStep()), inits);
  if (copy.getBody()->mightHaveTerminator())
    copy.getBody()->getTerminator()->erase();
  mapping.map(loop.getBody()->getArguments(), copy.getBody()->getArguments());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(copy.getBody());
  for (Operation &inner : loop.getBody()->without_terminator())
    clone(&inner);
  SmallVector<Value> next;
  for (auto [value, state] : llvm::zip(loop.getYieldedValues(), loop.getRegionIterArgs()))
    next.push_back(rowsOf(value, *chain.axisOf(state)));
  scf::YieldOp::create(builder, loop.getLoc(), next);
  mapping.map(loop.getResults(), copy.getResults());
}

SmallVector<OpFoldResult> RowTile::mapped(SmallVector<OpFoldResult> values) {
  for (OpFoldResult &value : values)
    if (auto known = dyn_cast<Value>(value))
      value = mapping.lookupOrDefault(known);
  return values;
}

void RowTile::cloneExtract(tensor::ExtractSliceOp extract, unsigned axis) {
  SmallVector<OpFoldResult> sizes = mapped(extract.getMixedSizes());
  sizes[axis] = count;
  SmallVector<int64_t> shape(extract.getType().getShape());
  shape[*chain.axisOf(extract.getResult())] = getConstantIntValue(count).value_or(ShapedType::kDynamic);
  Value slice = tensor::ExtractSliceOp::create(builder, extract.getLoc(), extract.getType().clone(shape),
                                               rowsOf(extract.getSource(), axis), mapped(extract.getMixedOffsets()), sizes,
                                               mapped(extract.getMixedStrides()));
  mapping.map(extract.getResult(), slice);
}

void RowTile::cloneInsert(tensor::InsertSliceOp insert, unsigned axis) {
  SmallVector<OpFoldResult> sizes = mapped(insert.getMixedSizes());
  sizes[axis] = count;
  bool valid;
  SmallVector<RowAccess> accesses = chain.accesses(insert, axis, valid);
  Value result = tensor::InsertSliceOp::create(builder, insert.getLoc(), rowsOf(insert.getSource(), accesses[0].axis),
                                               rowsOf(insert.getDest(), axis), mapped(insert.getMixedOffsets()), sizes,
                                               mapped(insert.getMixedStrides()));
  mapping.map(insert.getResult(), result);
}

/// Bodies go on counting rows of the whole, except where they read rows of the block.
void RowTile::shiftRows(Operation *op, Operation *copy, unsigned dim) {
  SmallVector<Value> indices;
  if (auto attention = dyn_cast<ir::AttentionOp>(copy)) {
    for (Region &region : copy->getRegions())
      if (!region.empty() && (dim < attention.getBatchRank() || &region != &attention.getCombine()))
        indices.push_back(region.getArgument(dim));
  } else {
    copy->walk([&](linalg::IndexOp index) {
      if (index->getParentOp() == copy && index.getDim() == dim)
        indices.push_back(index);
    });
  }
  SmallVector<std::pair<OpOperand *, Value>> local;
  SmallVector<tensor::ExtractOp> reads, copies;
  op->walk([&](tensor::ExtractOp read) { reads.push_back(read); });
  copy->walk([&](tensor::ExtractOp read) { copies.push_back(read); });
  for (auto [read, repeated] : llvm::zip_equal(reads, copies))
    if (std::optional<int64_t> axis = chain.axisOf(read.getTensor())) {
      OpOperand &index = repeated.getIndicesMutable()[*axis];
      local.push_back({&index, index.get()});
    }
  for (Value index : indices) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(index);
    AffineExpr d0, d1;
    bindDims(builder.getContext(), d0, d1);
    auto shifted = affine::AffineApplyOp::create(builder, op->getLoc(), AffineMap::get(2, 0, d0 + d1), ValueRange{index, first});
    index.replaceAllUsesExcept(shifted, shifted);
  }
  for (auto [operand, index] : local)
    operand->set(index);
}

/// Rows that were in the tile before become neutral, so that a product of them adds nothing.
Value RowTile::withoutRepeated(Value tile, int64_t axis) {
  if (!repeated)
    return tile;
  Location loc = tile.getLoc();
  auto type = cast<RankedTensorType>(tile.getType());
  SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> parallel(type.getRank(), utils::IteratorType::parallel);
  Value empty = tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, tile), type.getElementType());
  return linalg::GenericOp::create(builder, loc, type, tile, empty, maps, parallel,
                                   [&](OpBuilder &body, Location loc, ValueRange arguments) {
                                     Value index = linalg::IndexOp::create(body, loc, axis);
                                     Value fresh = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::sge, index, repeated);
                                     Value zero = arith::ConstantOp::create(body, loc, body.getZeroAttr(type.getElementType()));
                                     Value kept = arith::SelectOp::create(body, loc, fresh, arguments[0], zero);
                                     linalg::YieldOp::create(body, loc, kept);
                                   })
      .getResult(0);
}

/// A product is added to the sum before, where it then begins; any other sum goes on from it.
void RowTile::cloneSum(linalg::LinalgOp op, unsigned dim) {
  Location loc = op.getLoc();
  RowSum sum = *RowSum::match(op, dim);
  Value before = sums.lookup(op->getResult(0));
  SmallVector<Value> operands;
  for (OpOperand *input : op.getDpsInputOperands()) {
    int64_t axis = accessAxis(op, input->getOperandNumber(), dim, RowAccess::whole);
    Value tile = axis < 0 ? mapping.lookupOrDefault(input->get()) : rowsOf(input->get(), axis);
    operands.push_back(sum.isProduct && axis >= 0 ? withoutRepeated(tile, axis) : tile);
  }
  if (!sum.isProduct) {
    operands.push_back(before);
    Operation *copy = builder.clone(*op, mapping);
    copy->setOperands(operands);
    shiftRows(op, copy, dim);
    mapping.map(op->getResults(), copy->getResults());
    if (!repeated || sum.isIdempotent())
      return;
    auto structured = cast<linalg::LinalgOp>(copy);
    Operation *combiner = structured.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
    OpOperand &term = combiner->getOpOperand(combiner->getOperand(0) == structured.getBlock()->getArguments().back() ? 1 : 0);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(combiner);
    Value index = linalg::IndexOp::create(builder, loc, dim);
    Value fresh = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, index, repeated);
    Value neutral = arith::ConstantOp::create(builder, loc, sum.neutral);
    term.set(arith::SelectOp::create(builder, loc, fresh, term.get(), neutral));
    return;
  }
  auto type = cast<RankedTensorType>(before.getType());
  auto empty = [&]() { return tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType()); };
  Value zero = arith::ConstantOp::create(builder, loc, sum.neutral);
  operands.push_back(linalg::FillOp::create(builder, loc, zero, empty().getResult()).getResult(0));
  Operation *copy = builder.clone(*op, mapping);
  copy->setOperands(operands);
  SmallVector<AffineMap> maps(3, builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> parallel(type.getRank(), utils::IteratorType::parallel);
  auto add = linalg::GenericOp::create(builder, loc, type, ValueRange{before, copy->getResult(0)}, empty().getResult(), maps,
                                       parallel, [](OpBuilder &body, Location loc, ValueRange arguments) {
                                         Value total = arith::AddFOp::create(body, loc, arguments[0], arguments[1]);
                                         linalg::YieldOp::create(body, loc, total);
                                       });
  mapping.map(op->getResults(), add->getResults());
}

} // namespace heed
