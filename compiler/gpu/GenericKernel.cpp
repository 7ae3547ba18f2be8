// GenericKernel.cpp - linalg.generic as one thread per element of the result, with the reductions as loops inside.
#include "compiler/gpu/ToKernels.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed::device {
namespace {

class GenericEmitter {
public:
  GenericEmitter(Emit &emit, linalg::GenericOp op) : emit(emit), op(op), position(op.getNumLoops()) {
    for (Range const &range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(emit, op.getLoc()))
      sizes.push_back(getValueOrCreateConstantIndexOp(emit, op.getLoc(), range.size));
    splitLoops();
  }

  void run() {
    if (!owned)
      return launchThreads(emit, "serial", emit.index(1), [&](Value) { serial(0); });
    Value count = emit.index(1);
    for (unsigned loop : items)
      count = emit.mul(count, sizes[loop]);
    launchThreads(emit, name(), count, [&](Value item) {
      for (unsigned loop : llvm::reverse(items))
        position[loop] = emit.takeDigit(item, sizes[loop]);
      SmallVector<Value> initial;
      for (OpOperand &output : op.getDpsInitsMutable())
        initial.push_back(needsInit(output) ? load(output) : Value());
      SmallVector<Value> results = nest(0, initial);
      for (auto [output, result] : llvm::zip_equal(op.getDpsInitsMutable(), results))
        memref::StoreOp::create(emit, result, output.get(), subscripts(output));
    });
  }

private:
  /// Loops that are spread over the threads, and the rest, which each thread runs. A thread must own the elements it writes: where
  /// an output leaves a parallel loop out, one thread does everything. Threads in the order of the first output's axes write next
  /// to each other.
  void splitLoops() {
    llvm::SmallSetVector<unsigned, 6> parallel;
    for (AffineExpr expr : op.getMatchingIndexingMap(op.getDpsInitOperand(0)).getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && isParallel(dim.getPosition()))
        parallel.insert(dim.getPosition());
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (isParallel(loop))
        owned &= llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &output) {
          return llvm::is_contained(op.getMatchingIndexingMap(&output).getResults(),
                                    getAffineDimExpr(loop, emit.getContext()));
        });
    if (owned)
      items.assign(parallel.begin(), parallel.end());
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (!owned || !isParallel(loop))
        inner.push_back(loop);
  }

  bool isParallel(unsigned loop) { return op.getIteratorTypesArray()[loop] == utils::IteratorType::parallel; }

  bool needsInit(OpOperand &output) { return !inner.empty() || op.payloadUsesValueFromOperand(&output); }

  SmallVector<Value> subscripts(OpOperand &operand) {
    SmallVector<Value> result;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (unsigned axis = 0; axis < map.getNumResults(); ++axis)
      result.push_back(getValueOrCreateConstantIndexOp(
          emit, emit.getLoc(),
          affine::makeComposedFoldedAffineApply(emit, emit.getLoc(), map.getSubMap({axis}), getAsOpFoldResult(position))));
    return result;
  }

  Value load(OpOperand &operand) {
    if (!isa<MemRefType>(operand.get().getType()))
      return operand.get();
    return memref::LoadOp::create(emit, operand.get(), subscripts(operand));
  }

  /// The values of the outputs after the loops inner[depth ...] have run over `before`.
  SmallVector<Value> nest(unsigned depth, ArrayRef<Value> before) {
    if (depth == inner.size())
      return element(before);
    unsigned loop = inner[depth];
    return emit.loop(emit.index(0), sizes[loop], 1, before, [&](Value index, ValueRange values) {
      position[loop] = index;
      return nest(depth + 1, SmallVector<Value>(values));
    });
  }

  /// The loops inner[depth ...] on one thread; every step reads and writes memory.
  void serial(unsigned depth) {
    if (depth < inner.size())
      return emit.loop(emit.index(0), sizes[inner[depth]], 1, [&](Value index) {
        position[inner[depth]] = index;
        serial(depth + 1);
      });
    SmallVector<Value> before;
    for (OpOperand &output : op.getDpsInitsMutable())
      before.push_back(load(output));
    for (auto [output, result] : llvm::zip_equal(op.getDpsInitsMutable(), element(before)))
      memref::StoreOp::create(emit, result, output.get(), subscripts(output));
  }

  /// The body at `position`.
  SmallVector<Value> element(ArrayRef<Value> outputs) {
    IRMapping mapping;
    Block *body = op.getBlock();
    for (OpOperand *input : op.getDpsInputOperands())
      if (op.payloadUsesValueFromOperand(input))
        mapping.map(body->getArgument(input->getOperandNumber()), load(*input));
    for (auto [argument, value] : llvm::zip_equal(op.getRegionOutputArgs(), outputs))
      if (value)
        mapping.map(argument, value);
    for (Operation &nested : body->without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(nested)) {
        mapping.map(index.getResult(), position[index.getDim()]);
        continue;
      }
      Operation *copy = emit.clone(nested, mapping);
      // Inside conditions and loops of the body.
      copy->walk([&](linalg::IndexOp index) {
        index.replaceAllUsesWith(position[index.getDim()]);
        index.erase();
      });
    }
    return llvm::map_to_vector(body->getTerminator()->getOperands(),
                               [&](Value value) { return mapping.lookupOrDefault(value); });
  }

  StringRef name() {
    if (!inner.empty())
      return "reduce";
    return op.getNumDpsInputs() == 0 && op.getBlock()->without_terminator().empty() ? "fill" : "map";
  }

  Emit &emit;
  linalg::GenericOp op;
  SmallVector<Value> sizes, position;
  SmallVector<unsigned> items, inner;
  bool owned = true; ///< each thread writes elements of its own
};

} // namespace

void emitGeneric(Emit &emit, linalg::GenericOp op) { GenericEmitter(emit, op).run(); }

} // namespace heed::device
