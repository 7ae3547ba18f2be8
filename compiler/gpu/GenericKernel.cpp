// GenericKernel.cpp - linalg.generic as one thread per element of the result, with the reductions as loops inside.
#include "compiler/gpu/Element.h"
#include "compiler/gpu/ToKernels.h"

using namespace mlir;

namespace heed::device {
namespace {

class GenericEmitter {
public:
  GenericEmitter(Emit &emit, linalg::GenericOp op) : emit(emit), op(op), element(emit, op) { splitLoops(); }

  void run() {
    if (!owned)
      return launchThreads(emit, "serial", emit.index(1), [&](Value) { serial(0); });
    Value count = emit.index(1);
    for (unsigned loop : items)
      count = emit.mul(count, element.sizes[loop]);
    launchThreads(emit, name(), count, [&](Value item) {
      for (unsigned loop : llvm::reverse(items))
        element.position[loop] = emit.takeDigit(item, element.sizes[loop]);
      SmallVector<Value> initial;
      for (OpOperand &output : op.getDpsInitsMutable())
        initial.push_back(needsInit(output) ? element.load(output) : Value());
      SmallVector<Value> results = nest(0, initial);
      element.store(results);
    });
  }

private:
  /// Loops that are spread over the threads, and the rest, which each thread runs. A thread must own the elements it writes: where
  /// an output leaves a parallel loop out, one thread does everything. Threads in the order of the first output's axes write next
  /// to each other.
  void splitLoops() {
    llvm::SmallSetVector<unsigned, 6> parallel;
    for (AffineExpr expr : op.getMatchingIndexingMap(op.getDpsInitOperand(0)).getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && element.isParallel(dim.getPosition()))
        parallel.insert(dim.getPosition());
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (element.isParallel(loop))
        owned &= llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &output) {
          return llvm::is_contained(op.getMatchingIndexingMap(&output).getResults(),
                                    getAffineDimExpr(loop, emit.getContext()));
        });
    if (owned)
      items.assign(parallel.begin(), parallel.end());
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (!owned || !element.isParallel(loop))
        inner.push_back(loop);
  }

  bool needsInit(OpOperand &output) { return !inner.empty() || op.payloadUsesValueFromOperand(&output); }

  /// The values of the outputs after the loops inner[depth ...] have run over `before`.
  SmallVector<Value> nest(unsigned depth, ArrayRef<Value> before) {
    if (depth == inner.size())
      return element.values(before);
    unsigned loop = inner[depth];
    return emit.loop(emit.index(0), element.sizes[loop], 1, before, [&](Value index, ValueRange values) {
      element.position[loop] = index;
      return nest(depth + 1, SmallVector<Value>(values));
    });
  }

  /// The loops inner[depth ...] on one thread; every step reads and writes memory.
  void serial(unsigned depth) {
    if (depth < inner.size())
      return emit.loop(emit.index(0), element.sizes[inner[depth]], 1, [&](Value index) {
        element.position[inner[depth]] = index;
        serial(depth + 1);
      });
    SmallVector<Value> before;
    for (OpOperand &output : op.getDpsInitsMutable())
      before.push_back(element.load(output));
    element.store(element.values(before));
  }

  StringRef name() {
    if (!inner.empty())
      return "reduce";
    return op.getNumDpsInputs() == 0 && op.getBlock()->without_terminator().empty() ? "fill" : "map";
  }

  Emit &emit;
  linalg::GenericOp op;
  Element element;
  SmallVector<unsigned> items, inner;
  bool owned = true; ///< each thread writes elements of its own
};

} // namespace

void emitGeneric(Emit &emit, linalg::GenericOp op) { GenericEmitter(emit, op).run(); }

} // namespace heed::device
