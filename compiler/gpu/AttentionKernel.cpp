// AttentionKernel.cpp - heed.attention as one launch per sweep: a block of threads for each block of queries walks over the
// tiles of keys that the domain leaves.
#include "compiler/gpu/FmaTile.h"
#include "compiler/gpu/MmaTile.h"
#include "compiler/gpu/ToKernels.h"
#include "compiler/gpu/WarpKeyFilter.h"

using namespace mlir;

namespace heed::device {
namespace {

class AttentionEmitter {
public:
  AttentionEmitter(Emit &emit, ir::AttentionOp op)
      : emit(emit), op(op), domain(domain::PairDomain::of(op)), rows(size(op.getRowDim())),
        keys(size(op.getColumnDim())) {}

  void run() {
    std::vector<domain::Sweep> sweeps = domain::planSweeps(domain, emit.getContext());
    if (sweeps.empty()) // nothing is visible: the result is 0 all the same
      sweeps.push_back({{1, getAffineConstantExpr(0, emit.getContext())}, {}, {}});
    SweepState before;
    for (auto [number, sweep] : llvm::enumerate(sweeps)) {
      // Blocks of one launch may not write what others of it read, so each sweep has a state of its own.
      SweepState after;
      if (number + 1 < sweeps.size())
        after = SweepState::allocate(emit, op);
      run(sweep, before, after);
      before = after;
    }
  }

private:
  Value size(unsigned axis) { return op.getSizes()[axis]; }

  /// A sweep in a form of so many rows of queries per block and keys per tile.
  struct Form {
    StringRef name;
    int64_t rows, keys, threads, sharedBytes;
  };
  struct Block {
    QueryBlock const &queries;
    kernels::KeyWalk &walk;
    ArrayRef<Value> symbols;
    Value thread;
  };

  void run(domain::Sweep const &sweep, SweepState const &before, SweepState const &after) {
    if (std::optional<MmaShape> shape = MmaShape::of(op))
      return launch(
          sweep, {"attention_mma", MmaShape::rows, shape->keys, MmaShape::threads, shape->sharedBytes()}, [&](Block const &block) {
            MmaTile(emit, op, *shape, block.queries, sweep, block.symbols, block.thread).run(block.walk, before, after);
          });
    FmaShape shape = FmaShape::of(op);
    launch(sweep, {"attention", FmaShape::rows, FmaShape::keys, FmaShape::threads, shape.sharedBytes(op.hasQuery())},
           [&](Block const &block) {
             FmaTile tile(emit, op, shape, block.queries, sweep, block.symbols, block.thread);
             tile.allocate();
             emit.loop(emit.index(0), size(op.getFeatureDim()), shape.features, [&](Value featureBegin) {
               tile.begin(featureBegin, before);
               block.walk.tiles([&](KeyTile const &keys) { tile.visit(keys); });
               tile.end(after);
             });
           });
  }

  void launch(domain::Sweep const &sweep, Form const &form, llvm::function_ref<void(Block const &)> work) {
    int64_t stride = sweep.lattice.stride;
    // The class of residue 0 has the most queries.
    Value rowBlocks = emit.ceilDiv(emit.ceilDiv(rows, stride), form.rows), blocks = emit.mul(rowBlocks, stride);
    for (unsigned axis = 0; axis < op.getBatchRank(); ++axis)
      blocks = emit.mul(blocks, size(axis));
    launchBlocks(emit, form.name, blocks, form.threads, form.sharedBytes, [&](Value block, Value thread) {
      QueryBlock queries;
      // Where later queries see more keys, their blocks had better start first.
      Value place = emit.sub(emit.sub(rowBlocks, emit.takeDigit(block, rowBlocks)), emit.index(1));
      queries.begin = emit.mul(place, form.rows);
      Value residue = emit.takeDigit(block, emit.index(stride));
      queries.batch.resize(op.getBatchRank());
      for (unsigned axis = op.getBatchRank(); axis-- > 0;)
        queries.batch[axis] = emit.takeDigit(block, size(axis));
      SmallVector<Value> symbols = llvm::map_to_vector(domain.symbols, [&](Value symbol) {
        return kernels::evaluateUniform(emit, op.getDomain(), symbol, queries.batch);
      });
      queries.steps = kernels::stepsOf(emit, sweep.lattice, residue, symbols, rows, keys);
      queries.count = emit.min(emit.sub(queries.steps.rows, queries.begin), emit.index(form.rows));
      WarpKeyFilter filter(emit, op, queries, thread);
      kernels::KeyWalk walk(emit, sweep, filter, queries, symbols, form.keys, form.keys);
      if (walk.needsList())
        walk.allocate(); // outside of conditions
      auto some = [&] { work({queries, walk, symbols, thread}); };
      if (stride == 1)
        return some();
      emit.branch(emit.less(emit.index(0), queries.count), some);
    });
  }

  Emit &emit;
  ir::AttentionOp op;
  domain::PairDomain domain;
  Value rows, keys;
};

} // namespace

bool emitAttention(Emit &emit, ir::AttentionOp op) {
  AttentionEmitter(emit, op).run();
  return MmaShape::of(op).has_value();
}

} // namespace heed::device
