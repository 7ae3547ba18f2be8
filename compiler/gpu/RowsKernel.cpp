// RowsKernel.cpp - long reductions: a warp per element of the result.
//
// A lane takes every 32nd step of one reduction loop, the one along which an input lies in memory, so that a warp reads neighbours.
// Its partial result starts with the neutral element; five exchanges of the lanes combine them, always in the same order.
#include "compiler/gpu/Element.h"
#include "compiler/gpu/ToKernels.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed::device {
namespace {

constexpr int64_t lanes = 32, rowsOfBlock = blockThreads / lanes;
/// Below that most of a warp would only combine.
constexpr int64_t leastSteps = 64;
/// With more results than that, threads of their own fill the GPU, and read neighbours as well where the inputs lie that way.
constexpr int64_t fewResults = 1024;

class RowsEmitter {
public:
  RowsEmitter(Emit &emit, linalg::GenericOp op) : emit(emit), op(op) {}

  bool matches() {
    SmallVector<unsigned> parallel;
    op.getReductionDims(reductions);
    op.getParallelDims(parallel);
    if (reductions.empty())
      return false;
    for (OpOperand &output : op.getDpsInitsMutable()) {
      AffineMap map = op.getMatchingIndexingMap(&output);
      if (!map.isProjectedPermutation() || map.getNumResults() != parallel.size() || !findCombiner(output))
        return false;
    }
    items.clear();
    AffineMap first = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    for (unsigned axis = 0; axis < first.getNumResults(); ++axis)
      items.push_back(first.getDimPosition(axis));
    return findLaneLoop();
  }

  void run() {
    Element element(emit, op);
    Value count = emit.index(1);
    for (unsigned loop : items)
      count = emit.mul(count, element.sizes[loop]);
    launchBlocks(emit, "rows", emit.ceilDiv(count, rowsOfBlock), blockThreads, 0, [&](Value block, Value thread) {
      Value row = emit.add(emit.mul(block, rowsOfBlock), emit.div(thread, lanes));
      Value lane = emit.createOrFold<arith::RemUIOp>(thread, emit.index(lanes));
      // The same for all lanes.
      emit.branch(emit.less(row, count), [&] {
        for (unsigned loop : llvm::reverse(items))
          element.position[loop] = emit.takeDigit(row, element.sizes[loop]);
        SmallVector<Value> results;
        for (Operation *combiner : combiners)
          results.push_back(arith::ConstantOp::create(emit, *arith::getNeutralElement(combiner)));
        results = nest(element, 0, lane, results);
        for (auto [result, combiner] : llvm::zip_equal(results, combiners))
          for (int32_t distance = lanes / 2; distance > 0; distance /= 2)
            result = combine(combiner, result, exchange(result, distance));
        emit.branch(emit.compare(arith::CmpIPredicate::eq, lane, emit.index(0)), [&] {
          for (auto [output, result, combiner] : llvm::zip_equal(op.getDpsInitsMutable(), results, combiners))
            result = combine(combiner, element.load(output), result);
          element.store(results);
        });
      });
    });
  }

private:
  /// What is yielded for `output` must be its value so far combined with something by an operation whose order does not matter.
  bool findCombiner(OpOperand &output) {
    BlockArgument before = op.getMatchingBlockArgument(&output);
    Value yielded = op.getBlock()->getTerminator()->getOperand(output.getOperandNumber() - op.getNumDpsInputs());
    Operation *combiner = yielded.getDefiningOp();
    if (!combiner || !before.hasOneUse() || *before.user_begin() != combiner || !yielded.hasOneUse() ||
        combiner->getBlock() != op.getBlock() || combiner->getNumOperands() != 2 || !arith::getNeutralElement(combiner))
      return false;
    Type type = yielded.getType();
    if (!type.isF32() && !type.isInteger(32))
      return false;
    combiners.push_back(combiner);
    return true;
  }

  bool findLaneLoop() {
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    auto isLong = [&](unsigned loop) { return sizes[loop] < 0 || sizes[loop] >= leastSteps; };
    int64_t results = 1;
    for (unsigned loop : items)
      results = results < 0 || sizes[loop] < 0 ? -1 : results * sizes[loop];
    for (unsigned loop : llvm::reverse(reductions)) {
      bool liesInMemory = llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *input) {
        AffineMap map = op.getMatchingIndexingMap(input);
        return map.getNumResults() > 0 && map.getResults().back().isFunctionOfDim(loop);
      });
      if (isLong(loop) && (liesInMemory || (results >= 0 && results <= fewResults))) {
        laneLoop = loop;
        return true;
      }
    }
    return false;
  }

  SmallVector<Value> nest(Element &element, unsigned depth, Value lane, ArrayRef<Value> before) {
    if (depth == reductions.size())
      return element.values(before);
    unsigned loop = reductions[depth];
    bool isLanes = loop == laneLoop;
    return emit.loop(isLanes ? lane : emit.index(0), element.sizes[loop], isLanes ? lanes : 1, before,
                     [&](Value index, ValueRange values) {
                       element.position[loop] = index;
                       return nest(element, depth + 1, lane, SmallVector<Value>(values));
                     });
  }

  Value exchange(Value value, int32_t distance) {
    return gpu::ShuffleOp::create(emit, value, distance, lanes, gpu::ShuffleMode::XOR).getShuffleResult();
  }

  Value combine(Operation *combiner, Value before, Value value) {
    BlockArgument argument;
    for (Value operand : combiner->getOperands())
      if (auto candidate = dyn_cast<BlockArgument>(operand);
          candidate && candidate.getOwner() == op.getBlock() && candidate.getArgNumber() >= op.getNumDpsInputs())
        argument = candidate;
    IRMapping mapping;
    for (Value operand : combiner->getOperands())
      mapping.map(operand, operand == argument ? before : value);
    return emit.clone(*combiner, mapping)->getResult(0);
  }

  Emit &emit;
  linalg::GenericOp op;
  SmallVector<unsigned> items, reductions;
  SmallVector<Operation *> combiners;
  unsigned laneLoop = 0;
};

} // namespace

bool emitRows(Emit &emit, linalg::GenericOp op) {
  RowsEmitter emitter(emit, op);
  if (!emitter.matches())
    return false;
  emitter.run();
  return true;
}

} // namespace heed::device
