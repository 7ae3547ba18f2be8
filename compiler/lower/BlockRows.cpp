// BlockRows.cpp - what holds a number for each pair is computed for a few rows at a time.
#include "compiler/lower/Passes.h"
#include "compiler/lower/RowChain.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace heed {
#define GEN_PASS_DEF_BLOCKROWS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

constexpr llvm::StringLiteral triedName = "heed.tried";

/// Repeats the operations of a chain for `count` rows from `first` on.
class Tile {
public:
  Tile(RowChain const &chain, OpBuilder &builder, Value first, OpFoldResult count)
      : chain(chain), builder(builder), first(first), count(count) {}

  void clone(Operation *op) {
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

  Value tileOf(Value value) { return mapping.lookup(value); }

private:
  RowChain const &chain;
  OpBuilder &builder;
  Value first;
  OpFoldResult count;
  IRMapping mapping;

  OpBuilder &builderBefore(Operation *op) {
    builder.setInsertionPoint(op);
    return builder;
  }

  /// One tensor may be read twice, with its rows and whole: each operand counts for itself.
  static int64_t accessAxis(Operation *op, unsigned number, unsigned dim, int64_t otherwise) {
    auto structured = dyn_cast<linalg::LinalgOp>(op);
    if (!structured || !isa<TensorType>(op->getOperand(number).getType()))
      return otherwise;
    AffineMap map = structured.getMatchingIndexingMap(&op->getOpOperand(number));
    std::optional<unsigned> position = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
    return position ? int64_t(*position) : RowAccess::whole;
  }

  /// The rows of a tensor: of the chain, made here again, or cut out of the whole.
  Value rowsOf(Value value, int64_t axis) {
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

  void cloneLoop(scf::ForOp loop) {
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

  SmallVector<OpFoldResult> mapped(SmallVector<OpFoldResult> values) {
    for (OpFoldResult &value : values)
      if (auto known = dyn_cast<Value>(value))
        value = mapping.lookupOrDefault(known);
    return values;
  }

  void cloneExtract(tensor::ExtractSliceOp extract, unsigned axis) {
    SmallVector<OpFoldResult> sizes = mapped(extract.getMixedSizes());
    sizes[axis] = count;
    SmallVector<int64_t> shape(extract.getType().getShape());
    shape[*chain.axisOf(extract.getResult())] = getConstantIntValue(count).value_or(ShapedType::kDynamic);
    Value slice = tensor::ExtractSliceOp::create(builder, extract.getLoc(), extract.getType().clone(shape),
                                                 rowsOf(extract.getSource(), axis), mapped(extract.getMixedOffsets()), sizes,
                                                 mapped(extract.getMixedStrides()));
    mapping.map(extract.getResult(), slice);
  }

  void cloneInsert(tensor::InsertSliceOp insert, unsigned axis) {
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
  void shiftRows(Operation *op, Operation *copy, unsigned dim) {
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
};

struct BlockRows : impl::BlockRowsBase<BlockRows> {
  using BlockRowsBase::BlockRowsBase;

  void runOnOperation() override {
    runOn(getOperation().getBody().front());
    // Then inside the loops that are left, outer ones first: what a chain takes of them is behind the one at hand.
    for (size_t next = 0;; ++next) {
      SmallVector<scf::ForOp> loops;
      getOperation().walk<WalkOrder::PreOrder>([&](scf::ForOp loop) {
        if (!loop->getParentOfType<scf::ForallOp>())
          loops.push_back(loop);
      });
      if (next >= loops.size())
        break;
      runOn(*loops[next].getBody());
    }
    getOperation().walk([](Operation *op) { op->removeAttr(triedName); });
    fuseFreeTensors();
  }

  /// Chains begin with what makes a large tensor of smaller ones. A chain takes beginnings of others with it, so each search starts anew;
  /// what was tried in vain is marked.
  void runOn(Block &block) {
    auto next = [&]() -> Operation * {
      for (Operation &op : block)
        if (isSeed(&op) && !op.hasAttr(triedName))
          return &op;
      return nullptr;
    };
    while (Operation *seed = next())
      if (!tryFrom(seed->getResult(0)))
        seed->setAttr(triedName, UnitAttr::get(&getContext()));
  }

  static bool isSeed(Operation *op) {
    if (!isa<linalg::GenericOp, ir::AttentionOp>(op) || op->getNumResults() != 1 || RowChain::isFree(op))
      return false;
    Value result = op->getResult(0);
    int64_t rank = RowChain::longAxes(result);
    if (rank < 2)
      return false;
    double read = 0;
    for (Value input : cast<DestinationStyleOpInterface>(op).getDpsInputs()) {
      if (RowChain::isFree(input.getDefiningOp()))
        continue;
      if (RowChain::longAxes(input) >= rank)
        return false;
      read += RowChain::elements(input);
    }
    return RowChain::elements(result) >= RowChain::worthwhile * read;
  }

  bool tryFrom(Value seed) {
    std::string reason;
    auto type = cast<RankedTensorType>(seed.getType());
    SmallVector<int64_t> axes;
    for (auto [axis, size] : llvm::enumerate(type.getShape()))
      if (RowChain::isLong(size))
        axes.push_back(axis);
    // The last of the long axes is what a row is made of; the one before it first, further ones are those of a batch.
    axes.pop_back();
    for (int64_t axis : llvm::reverse(axes)) {
      std::string here;
      std::optional<RowChain> chain = RowChain::grow(seed, axis, here);
      if (chain) {
        remark::passed(seed.getLoc(), remark::RemarkOpts::name("BlockRows").category("heed-memory"))
            << ("computed for " + std::to_string(rows) + " rows at a time, with " + std::to_string(chain->largeCount() - 1) +
                " other tensors of this size");
        rewrite(*chain);
        return true;
      }
      if (reason.empty())
        reason = here;
    }
    if (!reason.empty())
      remark::missed(seed.getLoc(), remark::RemarkOpts::name("BlockRows").category("heed-memory"))
          << ("held whole, not for a few rows at a time: " + reason);
    return false;
  }

  /// Rows are dealt out to a fixed number of tasks, and each task goes through its own in blocks. All blocks have the same height, so
  /// that their memory can be planned: the last one of a task begins early enough, and computes some rows again.
  void rewrite(RowChain const &chain) {
    ArrayRef<Operation *> operations = chain.operations();
    Operation *last = operations.back();
    Location loc = last->getLoc();
    moveReadersBehind(chain);
    OpBuilder builder(last);
    SmallVector<Value> results = chain.results(), empties;
    Value total = getValueOrCreateConstantIndexOp(builder, loc, chain.rows());
    AffineExpr s0 = builder.getAffineSymbolExpr(0);
    Value height = arith::ConstantIndexOp::create(builder, loc, rows);
    OpFoldResult count;
    if (std::optional<int64_t> known = getConstantIntValue(chain.rows()))
      count = builder.getIndexAttr(std::min<int64_t>(*known, rows));
    else
      count = arith::MinSIOp::create(builder, loc, height, total).getResult();
    auto affine = [&](AffineExpr expression, ArrayRef<OpFoldResult> operands) {
      return getValueOrCreateConstantIndexOp(builder, loc,
                                             affine::makeComposedFoldedAffineApply(builder, loc, expression, operands));
    };
    Value full = affine(s0.floorDiv(rows), {chain.rows()});
    Value parts = arith::MinSIOp::create(builder, loc, full, arith::ConstantIndexOp::create(builder, loc, tasks));
    parts = arith::MaxSIOp::create(builder, loc, parts, arith::ConstantIndexOp::create(builder, loc, 1));
    for (Value result : results)
      empties.push_back(tensor::EmptyOp::create(builder, loc, RowChain::sizesOf(result), getElementTypeOrSelf(result)));

    auto all = scf::ForallOp::create(builder, loc, ArrayRef<OpFoldResult>{parts}, empties, std::nullopt);
    builder.setInsertionPoint(all.getTerminator());
    Value task = all.getInductionVars().front(), one = arith::ConstantIndexOp::create(builder, loc, 1);
    auto bound = [&](Value number) -> Value {
      Value product = arith::MulIOp::create(builder, loc, number, total);
      return arith::DivSIOp::create(builder, loc, product, parts);
    };
    Value begin = bound(task), end = bound(arith::AddIOp::create(builder, loc, task, one));
    Value mine = arith::SubIOp::create(builder, loc, end, begin);
    SmallVector<Value> slices;
    auto slice = [&](Value source, int64_t axis, OpFoldResult from, OpFoldResult size) {
      SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, source),
                                offsets(sizes.size(), builder.getIndexAttr(0)), strides(sizes.size(), builder.getIndexAttr(1));
      offsets[axis] = from;
      sizes[axis] = size;
      return std::tuple(offsets, sizes, strides);
    };
    for (auto [result, target] : llvm::zip(results, all.getRegionIterArgs())) {
      auto [offsets, sizes, strides] = slice(target, *chain.axisOf(result), begin, mine);
      slices.push_back(tensor::ExtractSliceOp::create(builder, loc, target, offsets, sizes, strides));
    }
    Value blocks = affine(s0.ceilDiv(rows), {mine}), zero = arith::ConstantIndexOp::create(builder, loc, 0);
    auto loop = scf::ForOp::create(builder, loc, zero, blocks, one, slices);
    if (loop.getBody()->mightHaveTerminator())
      loop.getBody()->getTerminator()->erase();
    builder.setInsertionPointToEnd(loop.getBody());
    Value counted = getValueOrCreateConstantIndexOp(builder, loc, count);
    Value next = arith::MulIOp::create(builder, loc, loop.getInductionVar(), height);
    Value inside = arith::MinSIOp::create(builder, loc, next, arith::SubIOp::create(builder, loc, mine, counted));
    Value first = arith::AddIOp::create(builder, loc, begin, inside);
    Tile tile(chain, builder, first, count);
    for (Operation *op : operations) {
      builder.setInsertionPointToEnd(loop.getBody());
      tile.clone(op);
    }
    builder.setInsertionPointToEnd(loop.getBody());
    SmallVector<Value> states;
    for (auto [result, state] : llvm::zip(results, loop.getRegionIterArgs())) {
      auto [offsets, sizes, strides] = slice(state, *chain.axisOf(result), inside, count);
      states.push_back(tensor::InsertSliceOp::create(builder, loc, tile.tileOf(result), state, offsets, sizes, strides));
    }
    scf::YieldOp::create(builder, loc, states);
    builder.setInsertionPoint(all.getTerminator());
    SmallVector<std::tuple<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>, SmallVector<OpFoldResult>>> places;
    for (auto [result, target] : llvm::zip(results, all.getRegionIterArgs()))
      places.push_back(slice(target, *chain.axisOf(result), begin, mine));
    builder.setInsertionPointToEnd(all.getTerminator().getBody());
    for (auto [state, target, place] : llvm::zip(loop.getResults(), all.getRegionIterArgs(), places)) {
      auto &[offsets, sizes, strides] = place;
      tensor::ParallelInsertSliceOp::create(builder, loc, state, target, offsets, sizes, strides);
    }
    for (auto [result, whole] : llvm::zip(results, all.getResults()))
      result.replaceAllUsesWith(whole);
    // What is free stays for its other readers.
    for (Operation *op : llvm::reverse(operations))
      if (op->use_empty())
        op->erase();
  }

  /// What reads a result but gives the chain nothing may stand between its operations.
  static void moveReadersBehind(RowChain const &chain) {
    ArrayRef<Operation *> operations = chain.operations();
    Operation *last = operations.back();
    llvm::DenseSet<Operation *> behind;
    SmallVector<Operation *> moved;
    for (Operation *op = operations.front(); op != last; op = op->getNextNode()) {
      bool member = llvm::is_contained(operations, op), reads = false;
      op->walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (Operation *maker = operand.getDefiningOp())
            reads |= behind.contains(maker);
      });
      if (member && !RowChain::isFree(op))
        behind.insert(op);
      else if (!member && reads) {
        behind.insert(op);
        moved.push_back(op);
      }
    }
    for (Operation *op : llvm::reverse(moved))
      op->moveAfter(last);
  }

  /// A large tensor of indices alone is computed where it is read.
  void fuseFreeTensors() {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, [](OpOperand *operand) {
      Operation *maker = operand->get().getDefiningOp();
      return RowChain::isFree(maker) && RowChain::longAxes(operand->get()) >= 2 &&
             !operand->getOwner()->getParentOfType<scf::ForallOp>();
    });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace heed
