// RowBlocks.cpp - the loops around the blocks of a chain, and what becomes of its results.
#include "compiler/lower/RowBlocks.h"
#include "compiler/lower/RowTile.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace heed {
namespace {

/// What reads a result but gives the chain nothing may stand between its operations.
void moveReadersBehind(RowChain const &chain) {
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

/// A result of a chain: rows that the blocks write, or a sum that they add to.
struct Result {
  Value value;
  std::optional<int64_t> axis; ///< of the rows; none for a sum
};

/// Offsets and sizes of a part of a tensor along one axis.
struct Part {
  SmallVector<OpFoldResult> offsets, sizes, strides;

  Part(OpBuilder &builder, Location loc, Value source, int64_t axis, OpFoldResult from, OpFoldResult size)
      : sizes(tensor::getMixedSizes(builder, loc, source)), strides(sizes.size(), builder.getIndexAttr(1)) {
    offsets.assign(sizes.size(), builder.getIndexAttr(0));
    offsets[axis] = from;
    sizes[axis] = size;
  }
};

class Blocks {
public:
  Blocks(RowChain const &chain, int64_t rows)
      : chain(chain), last(chain.operations().back()), builder(last), loc(last->getLoc()), rows(rows) {
    for (Value value : chain.results())
      results.push_back({value, chain.axisOf(value)});
    total = index(chain.rows());
    if (std::optional<int64_t> known = getConstantIntValue(chain.rows()))
      count = builder.getIndexAttr(std::min<int64_t>(*known, rows));
    else
      count = arith::MinSIOp::create(builder, loc, constant(rows), total).getResult();
  }

  /// One task does all, in a loop.
  Block *runAlone() {
    SmallVector<Value> inits;
    for (Result const &result : results)
      inits.push_back(result.axis ? empty(result) : Value());
    scf::ForOp loop = blocks(constant(0), total, inits);
    finish(loop.getResults());
    return loop.getBody();
  }

  Block *runInTasks(int64_t tasks) {
    Value full = apply(symbol().floorDiv(rows), {chain.rows()});
    Value parts = arith::MinSIOp::create(builder, loc, full, constant(tasks));
    parts = arith::MaxSIOp::create(builder, loc, parts, constant(1));
    SmallVector<Value> empties;
    for (Result const &result : results)
      empties.push_back(result.axis ? empty(result) : partialSums(result, parts));
    auto all = scf::ForallOp::create(builder, loc, ArrayRef<OpFoldResult>{parts}, empties, std::nullopt);
    builder.setInsertionPoint(all.getTerminator());
    Value task = all.getInductionVars().front();
    auto bound = [&](Value number) -> Value {
      Value product = arith::MulIOp::create(builder, loc, number, total);
      return arith::DivSIOp::create(builder, loc, product, parts);
    };
    Value begin = bound(task), end = bound(arith::AddIOp::create(builder, loc, task, constant(1)));
    Value mine = arith::SubIOp::create(builder, loc, end, begin);
    SmallVector<Value> slices;
    SmallVector<Part> places;
    for (auto [result, target] : llvm::zip(results, all.getRegionIterArgs())) {
      places.push_back(result.axis ? Part(builder, loc, target, *result.axis, begin, mine)
                                   : Part(builder, loc, target, 0, task, builder.getIndexAttr(1)));
      Part &place = places.back();
      slices.push_back(result.axis ? tensor::ExtractSliceOp::create(builder, loc, target, place.offsets, place.sizes, place.strides)
                                         .getResult()
                                   : Value());
    }
    scf::ForOp loop = blocks(begin, mine, slices);
    builder.setInsertionPointToEnd(all.getTerminator().getBody());
    for (auto [state, target, place] : llvm::zip(loop.getResults(), all.getRegionIterArgs(), places))
      tensor::ParallelInsertSliceOp::create(builder, loc, state, target, place.offsets, place.sizes, place.strides);
    builder.setInsertionPoint(last);
    SmallVector<Value> wholes;
    for (auto [result, whole] : llvm::zip(results, all.getResults()))
      wholes.push_back(result.axis ? Value(whole) : combined(result, whole));
    finish(wholes);
    return loop.getBody();
  }

private:
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }
  Value index(OpFoldResult value) { return getValueOrCreateConstantIndexOp(builder, loc, value); }
  AffineExpr symbol() { return builder.getAffineSymbolExpr(0); }
  Value apply(AffineExpr expression, ArrayRef<OpFoldResult> operands) {
    return index(affine::makeComposedFoldedAffineApply(builder, loc, expression, operands));
  }
  Value empty(Result const &result) {
    return tensor::EmptyOp::create(builder, loc, RowChain::sizesOf(result.value), getElementTypeOrSelf(result.value));
  }

  /// One sum per task.
  Value partialSums(Result const &result, Value parts) {
    SmallVector<OpFoldResult> sizes = RowChain::sizesOf(result.value);
    sizes.insert(sizes.begin(), OpFoldResult(parts));
    return tensor::EmptyOp::create(builder, loc, sizes, getElementTypeOrSelf(result.value));
  }
  Value initOf(Result const &result) {
    auto op = result.value.getDefiningOp<DestinationStyleOpInterface>();
    return op.getTiedOpOperand(cast<OpResult>(result.value))->get();
  }
  /// The sum of the tasks, in their order.
  Value combined(Result const &result, Value partial) {
    auto op = cast<linalg::LinalgOp>(result.value.getDefiningOp());
    Operation *combiner = RowSum::match(op, *chain.dimOf(op))->combiner;
    auto type = cast<RankedTensorType>(result.value.getType());
    int64_t rank = type.getRank();
    SmallVector<utils::IteratorType> iterators(rank + 1, utils::IteratorType::parallel);
    iterators[0] = utils::IteratorType::reduction;
    AffineMap whole = builder.getMultiDimIdentityMap(rank + 1);
    return linalg::GenericOp::create(builder, loc, type, partial, initOf(result), {whole, whole.dropResult(0)}, iterators,
                                     [&](OpBuilder &body, Location loc, ValueRange arguments) {
                                       Operation *copy = body.clone(*combiner);
                                       copy->setOperands({arguments[1], arguments[0]});
                                       linalg::YieldOp::create(body, loc, copy->getResult(0));
                                     })
        .getResult(0);
  }

  /// The loop over the blocks of `mine` rows from `begin` on. `targets`: where rows go; null for sums, which begin here.
  scf::ForOp blocks(Value begin, Value mine, SmallVector<Value> targets) {
    bool sums = false;
    for (auto [result, target] : llvm::zip(results, targets))
      if (!result.axis) {
        sums = true;
        auto fill = initOf(result).getDefiningOp<linalg::FillOp>();
        target = linalg::FillOp::create(builder, loc, fill.getInputs().front(), empty(result)).getResult(0);
      }
    Value number = apply(symbol().ceilDiv(rows), {mine});
    auto loop = scf::ForOp::create(builder, loc, constant(0), number, constant(1), targets);
    if (loop.getBody()->mightHaveTerminator())
      loop.getBody()->getTerminator()->erase();
    builder.setInsertionPointToEnd(loop.getBody());
    Value counted = index(count);
    Value next = arith::MulIOp::create(builder, loc, loop.getInductionVar(), constant(rows));
    Value inside = arith::MinSIOp::create(builder, loc, next, arith::SubIOp::create(builder, loc, mine, counted));
    Value first = arith::AddIOp::create(builder, loc, begin, inside);
    Value repeated = sums ? arith::SubIOp::create(builder, loc, next, inside).getResult() : Value();
    RowTile tile(chain, builder, first, count, repeated);
    for (auto [result, state] : llvm::zip(results, loop.getRegionIterArgs()))
      if (!result.axis)
        tile.setSum(result.value, state);
    for (Operation *op : chain.operations()) {
      builder.setInsertionPointToEnd(loop.getBody());
      tile.clone(op);
    }
    builder.setInsertionPointToEnd(loop.getBody());
    SmallVector<Value> states;
    for (auto [result, state] : llvm::zip(results, loop.getRegionIterArgs())) {
      Value made = tile.tileOf(result.value);
      if (result.axis) {
        Part place(builder, loc, state, *result.axis, inside, count);
        made = tensor::InsertSliceOp::create(builder, loc, made, state, place.offsets, place.sizes, place.strides);
      }
      states.push_back(made);
    }
    scf::YieldOp::create(builder, loc, states);
    builder.setInsertionPointAfter(loop);
    return loop;
  }

  void finish(ValueRange wholes) {
    for (auto [result, whole] : llvm::zip(results, wholes))
      result.value.replaceAllUsesWith(whole);
    // What is free stays for its other readers.
    for (Operation *op : llvm::reverse(chain.operations()))
      if (op->use_empty())
        op->erase();
  }

  RowChain const &chain;
  Operation *last;
  OpBuilder builder;
  Location loc;
  int64_t rows;
  Value total;
  OpFoldResult count;
  SmallVector<Result> results;
};

} // namespace

Block *runByBlocks(RowChain const &chain, int64_t rows, int64_t tasks) {
  moveReadersBehind(chain);
  Blocks blocks(chain, rows);
  return tasks == 1 ? blocks.runAlone() : blocks.runInTasks(tasks);
}

} // namespace heed
