// RowChain.cpp - which operations work row by row, and on which axis.
#include "compiler/lower/RowChain.h"
#include "compiler/lower/RowSum.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace heed {
namespace {

/// A static axis of at least this size is as long as one whose size is known at run time only.
constexpr int64_t longSize = 512;

/// Elements of an axis whose size is known at run time only.
constexpr double typicalSize = 4096;

constexpr int64_t invalid = -2;

/// Where `dim` indexes a tensor: an axis, nowhere, or in a way that no slice of rows gives.
int64_t axisIn(AffineMap map, unsigned dim) {
  int64_t axis = RowAccess::whole;
  for (auto [position, expression] : llvm::enumerate(map.getResults())) {
    if (!expression.isFunctionOfDim(dim))
      continue;
    if (axis != RowAccess::whole || !isa<AffineDimExpr>(expression))
      return invalid;
    axis = position;
  }
  return axis;
}

std::optional<unsigned> dimAt(AffineMap map, int64_t axis) {
  auto dim = dyn_cast<AffineDimExpr>(map.getResult(axis));
  return dim ? std::optional<unsigned>(dim.getPosition()) : std::nullopt;
}

/// The operation of `block` that `op` is in.
Operation *ancestorIn(Block *block, Operation *op) { return block->findAncestorOpInBlock(*op); }

/// The axis of a slice for one of the tensor that it is taken from, and back.
int64_t withoutDropped(llvm::SmallBitVector const &dropped, int64_t axis) {
  int64_t result = 0;
  for (int64_t i = 0; i < axis; ++i)
    result += !dropped[i];
  return result;
}
int64_t withDropped(llvm::SmallBitVector const &dropped, int64_t axis) {
  for (int64_t i = 0; i < int64_t(dropped.size()); ++i)
    if (!dropped[i] && axis-- == 0)
      return i;
  return invalid;
}

/// Whether an index of a body counts rows.
bool isRowIndex(Operation *op, Value index, unsigned dim) {
  if (auto position = index.getDefiningOp<linalg::IndexOp>())
    return position->getParentOp() == op && position.getDim() == dim;
  auto argument = dyn_cast<BlockArgument>(index);
  auto attention = dyn_cast<ir::AttentionOp>(op);
  if (!argument || !attention || argument.getOwner()->getParentOp() != op || argument.getArgNumber() != dim)
    return false;
  // The regions have the batch in common, and all but `combine` the rows.
  return dim < attention.getBatchRank() || argument.getOwner()->getParent() != &attention.getCombine();
}

} // namespace

bool RowChain::isLong(int64_t size) { return ShapedType::isDynamic(size) || size >= longSize; }

int64_t RowChain::longAxes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? llvm::count_if(type.getShape(), isLong) : 0;
}

double RowChain::elements(Value value) {
  double count = 1;
  if (auto type = dyn_cast<RankedTensorType>(value.getType()))
    for (int64_t size : type.getShape())
      count *= ShapedType::isDynamic(size) ? typicalSize : double(size);
  return count;
}

bool RowChain::isFree(Operation *op) {
  auto structured = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!structured || op->getNumResults() != 1 || structured.getNumParallelLoops() != structured.getNumLoops() ||
      structured.payloadUsesValueFromOperand(structured.getDpsInitOperand(0)) ||
      llvm::any_of(structured.getDpsInputs(), [](Value input) { return isa<ShapedType>(input.getType()); }))
    return false;
  return !op->walk([](tensor::ExtractOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

SmallVector<OpFoldResult> RowChain::sizesOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return {};
  if (type.hasStaticShape())
    return getAsIndexOpFoldResult(value.getContext(), type.getShape());
  Operation *op = value.getDefiningOp();
  if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op))
    return empty.getMixedSizes();
  if (auto insert = dyn_cast_or_null<tensor::InsertSliceOp>(op))
    return sizesOf(insert.getDest());
  if (auto extract = dyn_cast_or_null<tensor::ExtractSliceOp>(op)) {
    SmallVector<OpFoldResult> sizes;
    llvm::SmallBitVector dropped = extract.getDroppedDims();
    for (auto [axis, size] : llvm::enumerate(extract.getMixedSizes()))
      if (!dropped[axis])
        sizes.push_back(size);
    return sizes;
  }
  if (auto loop = dyn_cast_or_null<scf::ForOp>(op))
    return sizesOf(loop.getInitArgs()[cast<OpResult>(value).getResultNumber()]);
  if (auto destination = dyn_cast_or_null<DestinationStyleOpInterface>(op))
    return sizesOf(destination.getTiedOpOperand(cast<OpResult>(value))->get());
  return {};
}

std::optional<int64_t> RowChain::axisOf(Value value) const {
  auto found = axes.find(value);
  return found == axes.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

bool RowChain::coversRows(OpFoldResult offset, OpFoldResult size, OpFoldResult stride) const {
  if (!isConstantIntValue(offset, 0) || !isConstantIntValue(stride, 1))
    return false;
  if (isEqualConstantIntOrValue(size, extent))
    return true;
  auto dim = dyn_cast_or_null<tensor::DimOp>(dyn_cast<Value>(size) ? cast<Value>(size).getDefiningOp() : nullptr);
  return dim && dim.getConstantIndex() && axisOf(dim.getSource()) == dim.getConstantIndex();
}

/// For operations without an iteration space of their own, rows are numbered by the axis of the larger tensor.
SmallVector<RowAccess> RowChain::accesses(Operation *op, unsigned dim, bool &valid) const {
  SmallVector<RowAccess> all;
  valid = true;
  auto add = [&](Value value, int64_t axis) {
    valid &= axis != invalid;
    all.push_back({value, axis, false});
  };
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    valid &= structured.getIteratorTypesArray()[dim] == utils::IteratorType::parallel ||
             (sums && RowSum::match(structured, dim).has_value());
    for (OpOperand &operand : op->getOpOperands())
      if (isa<TensorType>(operand.get().getType()))
        add(operand.get(), axisIn(structured.getMatchingIndexingMap(&operand), dim));
  } else if (auto attention = dyn_cast<ir::AttentionOp>(op)) {
    valid &= dim <= attention.getRowDim();
    if (attention.hasQuery()) {
      add(attention.getQuery(), axisIn(attention.getQueryMap(), dim));
      add(attention.getKey(), axisIn(attention.getKeyMap(), dim));
    }
    add(attention.getSource(), axisIn(attention.getSourceMap(), dim));
    add(attention.getInit(), axisIn(attention.getInitMap(), dim));
  } else if (auto best = dyn_cast<ir::TopKOp>(op)) {
    valid &= int64_t(dim) + 1 < cast<ShapedType>(best.getInit().getType()).getRank();
    for (Value operand : op->getOperands())
      add(operand, dim);
  } else if (auto extract = dyn_cast<tensor::ExtractSliceOp>(op)) {
    valid &= !extract.getDroppedDims()[dim] &&
             coversRows(extract.getMixedOffsets()[dim], extract.getMixedSizes()[dim], extract.getMixedStrides()[dim]);
    add(extract.getSource(), dim);
  } else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    valid &= !insert.getDroppedDims()[dim] &&
             coversRows(insert.getMixedOffsets()[dim], insert.getMixedSizes()[dim], insert.getMixedStrides()[dim]);
    add(insert.getSource(), withoutDropped(insert.getDroppedDims(), dim));
    add(insert.getDest(), dim);
  } else {
    valid = false;
  }
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        if (!isa<TensorType>(operand.getType()) || region.isAncestor(operand.getParentRegion()))
          continue;
        int64_t axis = RowAccess::whole;
        if (auto read = dyn_cast<tensor::ExtractOp>(inner)) {
          // Of two axes with this index, the one that the chain knows, if any.
          for (auto [position, index] : llvm::enumerate(read.getIndices()))
            if (isRowIndex(op, index, dim) && (axis == RowAccess::whole || axisOf(operand) == int64_t(position)))
              axis = position;
        }
        all.push_back({operand, axis, true});
      }
    });
  return all;
}

int64_t RowChain::resultAxis(Operation *op, unsigned dim, unsigned result) const {
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    return axisIn(structured.getIndexingMapMatchingResult(op->getResult(result)), dim);
  if (auto attention = dyn_cast<ir::AttentionOp>(op))
    return axisIn(attention.getInitMap(), dim);
  if (auto extract = dyn_cast<tensor::ExtractSliceOp>(op))
    return withoutDropped(extract.getDroppedDims(), dim);
  return dim;
}

/// The dimension that the operands and results whose rows are known agree on, or that the first of them gives.
std::optional<unsigned> RowChain::dimOf(Operation *op) const {
  auto from = [&](AffineMap map, Value value) {
    std::optional<int64_t> axis = axisOf(value);
    return axis ? dimAt(map, *axis) : std::nullopt;
  };
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    for (OpResult result : op->getResults())
      if (auto dim = from(structured.getIndexingMapMatchingResult(result), result))
        return dim;
    for (OpOperand &operand : op->getOpOperands())
      if (isa<TensorType>(operand.get().getType()))
        if (auto dim = from(structured.getMatchingIndexingMap(&operand), operand.get()))
          return dim;
  } else if (auto attention = dyn_cast<ir::AttentionOp>(op)) {
    if (attention->getNumResults() == 1)
      if (auto dim = from(attention.getInitMap(), attention.getResult()))
        return dim;
    if (attention.hasQuery()) {
      if (auto dim = from(attention.getQueryMap(), attention.getQuery()))
        return dim;
      if (auto dim = from(attention.getKeyMap(), attention.getKey()))
        return dim;
    }
    if (auto dim = from(attention.getSourceMap(), attention.getSource()))
      return dim;
  } else if (isa<ir::TopKOp>(op)) {
    for (Value value : llvm::concat<Value>(SmallVector<Value>(op->getResults()), SmallVector<Value>(op->getOperands())))
      if (auto axis = axisOf(value))
        return *axis;
  } else if (auto extract = dyn_cast<tensor::ExtractSliceOp>(op)) {
    if (auto axis = axisOf(extract.getSource()))
      return *axis;
    if (auto axis = axisOf(extract.getResult()))
      return withDropped(extract.getDroppedDims(), *axis);
  } else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    for (Value value : {insert.getResult(), insert.getDest()})
      if (auto axis = axisOf(value))
        return *axis;
    if (auto axis = axisOf(insert.getSource()))
      return withDropped(insert.getDroppedDims(), *axis);
  }
  // What a body reads with one of its own indices.
  std::optional<unsigned> found;
  if (isa<linalg::GenericOp, ir::AttentionOp>(op))
    op->walk([&](tensor::ExtractOp read) {
      std::optional<int64_t> axis = axisOf(read.getTensor());
      if (!axis || found)
        return;
      Value index = read.getIndices()[*axis];
      auto argument = dyn_cast<BlockArgument>(index);
      unsigned dim = argument ? argument.getArgNumber() : 0;
      if (auto position = index.getDefiningOp<linalg::IndexOp>())
        dim = position.getDim();
      if (isRowIndex(op, index, dim))
        found = dim;
    });
  return found;
}

bool RowChain::setAxis(Value value, int64_t axis, bool &changed) {
  auto [entry, added] = axes.insert({value, axis});
  changed |= added;
  if (entry->second == axis)
    return true;
  return why = "rows are read by two of its axes", false;
}

bool RowChain::propagate(Operation *op, bool &changed) {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return propagateLoop(loop, changed);
  if (isa<tensor::DimOp>(op))
    return true;
  std::optional<unsigned> dim = dimOf(op);
  if (!dim) {
    bool touched = llvm::any_of(op->getOperands(), [&](Value operand) { return axes.contains(operand); });
    op->walk([&](Operation *inner) {
      touched |= llvm::any_of(inner->getOperands(), [&](Value operand) { return axes.contains(operand); });
    });
    return touched ? (why = "an operation in between does not work row by row", false) : true;
  }
  bool valid;
  for (RowAccess access : accesses(op, *dim, valid)) {
    std::optional<int64_t> known = axisOf(access.value);
    if (known && *known != access.axis)
      return why = "an operation in between reads rows other than its own", false;
  }
  if (!valid)
    return why = "an operation in between does not work row by row", false;
  for (unsigned result = 0; result < op->getNumResults(); ++result) {
    int64_t axis = resultAxis(op, *dim, result);
    if (axis == RowAccess::whole && sums && isa<linalg::LinalgOp>(op)) {
      changed |= summed.insert(op).second;
      continue;
    }
    if (axis < 0)
      return why = "an operation in between sums over the rows", false;
    if (!setAxis(op->getResult(result), axis, changed))
      return false;
  }
  return true;
}

bool RowChain::propagateLoop(scf::ForOp loop, bool &changed) {
  for (bool again = true; again;) {
    again = false;
    for (Operation &inner : loop.getBody()->without_terminator())
      if (!propagate(&inner, again))
        return false;
    for (unsigned state = 0; state < loop.getNumRegionIterArgs(); ++state) {
      Value values[] = {loop.getInitArgs()[state], loop.getRegionIterArgs()[state], loop.getYieldedValues()[state],
                        loop.getResult(state)};
      std::optional<int64_t> axis;
      for (Value value : values)
        if (!axis)
          axis = axisOf(value);
      if (!axis)
        continue;
      // What the state begins with may be a tensor from outside.
      for (Value value : ArrayRef(values).drop_front())
        if (!setAxis(value, *axis, again))
          return false;
      if (std::optional<int64_t> first = axisOf(values[0]); first && *first != *axis)
        return why = "rows of a state change their axis", false;
    }
    changed |= again;
  }
  return true;
}

/// Whether an operation that reads the chain works on the same rows.
bool RowChain::canJoin(Operation *op) {
  RowChain tried = *this;
  bool changed = false;
  return tried.propagate(op, changed) && llvm::all_of(op->getResults(), [&](Value result) { return tried.axes.contains(result); });
}

bool RowChain::joinNeighbours(Operation *op, bool &changed) {
  // Makers of large operands.
  bool valid = true;
  SmallVector<RowAccess> reads;
  op->walk([&](Operation *inner) {
    std::optional<unsigned> dim = dimOf(inner);
    if (dim)
      llvm::append_range(reads, accesses(inner, *dim, valid));
  });
  for (RowAccess read : reads) {
    Operation *maker = read.value.getDefiningOp();
    if (read.axis < 0 || !isLarge(read.value) || !maker || maker->getBlock() != block || isa<tensor::EmptyOp>(maker) ||
        members.contains(maker))
      continue;
    if (!setAxis(read.value, read.axis, changed))
      return false;
    members.insert(maker);
    changed = true;
  }
  // Readers of large results; one that cannot work on rows leaves the result whole.
  for (Value result : op->getResults()) {
    if (!isLarge(result))
      continue;
    for (Operation *user : result.getUsers()) {
      Operation *reader = ancestorIn(block, user);
      if (reader && !members.contains(reader) && canJoin(reader)) {
        members.insert(reader);
        changed = true;
      }
    }
  }
  return true;
}

/// Adds what depends on the chain and what the chain depends on in turn.
bool RowChain::close(bool &changed) {
  auto reads = [&](Operation *op, llvm::DenseSet<Operation *> const &makers) {
    bool found = false;
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (Operation *maker = operand.getDefiningOp())
          found |= makers.contains(maker);
    });
    return found;
  };
  llvm::DenseSet<Operation *> after, before;
  for (Operation &op : *block)
    if (members.contains(&op) || reads(&op, after))
      after.insert(&op);
  for (Operation &op : llvm::reverse(*block)) {
    bool feeds = members.contains(&op);
    for (Operation *user : op.getUsers()) {
      Operation *reader = ancestorIn(block, user);
      feeds |= reader && before.contains(reader);
    }
    if (feeds)
      before.insert(&op);
  }
  for (Operation &op : *block)
    if (after.contains(&op) && before.contains(&op) && !members.contains(&op)) {
      if (isa<tensor::DimOp>(op))
        return why = "a size is asked of it", false;
      members.insert(&op);
      changed = true;
    }
  return true;
}

SmallVector<Value> RowChain::results() const {
  SmallVector<Value> values;
  for (Operation *op : ordered)
    if (!isFree(op))
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(ancestorIn(block, user)); }))
          values.push_back(result);
  return values;
}

/// Nothing as large as the seed goes in or out, and everything has rows.
bool RowChain::isComplete() {
  double largest = 0;
  llvm::SetVector<Value> around;
  for (Operation &op : *block)
    if (members.contains(&op))
      ordered.push_back(&op);
  for (Operation *op : ordered) {
    for (Value result : op->getResults()) {
      if (!axes.contains(result))
        return why = "an operation in between does not work row by row", false;
      large += isLarge(result) && !isFree(op);
      largest = std::max(largest, elements(result));
    }
    bool valid = true, fits = true;
    op->walk([&](Operation *inner) {
      std::optional<unsigned> dim = dimOf(inner);
      if (!dim)
        return;
      for (RowAccess read : accesses(inner, *dim, valid)) {
        Operation *maker = read.value.getDefiningOp();
        bool made = maker && isa<tensor::EmptyOp>(maker);
        fits &= axes.contains(read.value) || made || !isLarge(read.value);
        if (!axes.contains(read.value) && !made && !isFree(maker))
          around.insert(read.value);
      }
    });
    if (!fits)
      return why = "it reads a tensor as large", false;
  }
  SmallVector<Value> all = results();
  for (Value result : all) {
    if (isLarge(result))
      return why = "it is returned, or read other than row by row", false;
    if (sizesOf(result).empty())
      return why = "the sizes of a result are not known", false;
  }
  around.insert_range(all);
  double outside = 0;
  for (Value value : around)
    outside += elements(value);
  if (largest < worthwhile * outside)
    return why = "what goes in and out is about as large", false;
  return all.empty() ? (why = "nothing is made of it", false) : true;
}

std::optional<RowChain> RowChain::grow(Value seed, int64_t axis, std::string &reason) {
  RowChain chain;
  chain.block = seed.getDefiningOp()->getBlock();
  chain.rank = longAxes(seed);
  SmallVector<OpFoldResult> sizes = sizesOf(seed);
  if (sizes.empty())
    return reason = "its sizes are not known", std::nullopt;
  chain.extent = sizes[axis];
  chain.axes[seed] = axis;
  chain.members.insert(seed.getDefiningOp());
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation &op : *chain.block)
      if (chain.members.contains(&op) && (!chain.propagate(&op, changed) || !chain.joinNeighbours(&op, changed)))
        return reason = chain.why, std::nullopt;
    if (!chain.close(changed))
      return reason = chain.why, std::nullopt;
  }
  if (!chain.isComplete())
    return reason = chain.why, std::nullopt;
  return chain;
}

} // namespace heed
