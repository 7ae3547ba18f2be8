// AttentionKernel.cpp - heed.attention as one launch per sweep: a block of threads for each block of queries walks over the
// tiles of keys that the domain leaves, or over those of one part of the keys.
#include "compiler/gpu/FmaTile.h"
#include "compiler/gpu/HopperConsumer.h"
#include "compiler/gpu/HopperProducer.h"
#include "compiler/gpu/MmaTile.h"
#include "compiler/gpu/ToKernels.h"
#include "compiler/gpu/WarpKeyFilter.h"

using namespace mlir;

namespace heed::device {
namespace {

class AttentionEmitter {
public:
  AttentionEmitter(Emit &emit, ir::AttentionOp op, AttentionOptions options)
      : emit(emit), op(op), options(options), domain(domain::PairDomain::of(op)), blockRows(QueryRows::of(op)),
        mma(MmaShape::of(op, blockRows.rows, options.tf32x3, reason)), fma(FmaShape::of(op, blockRows.rows)), rows(size(op.getRowDim())),
        keys(size(op.getColumnDim())) {}

  std::string run() {
    std::vector<domain::Sweep> sweeps = domain::planSweeps(domain, emit.getContext());
    if (sweeps.empty()) // nothing is visible: the result is 0 all the same
      sweeps.push_back({{1, getAffineConstantExpr(0, emit.getContext())}, {}, {}});
    if (options.hopper && !blockRows.areAll)
      if (std::optional<HopperShape> hopper = HopperShape::of(op, sweeps)) {
        blockRows = {{}, hopper->rows(), hopper->rows(), false};
        run(sweeps.front(), *hopper);
        return "attention by blocks of queries, on tensor cores (wgmma, with a warp that copies by TMA)";
      }
    partial = PartialSums::plan(emit, op, blockRows, sweeps.size());
    KeptSums before{op.getInit()};
    for (auto [number, sweep] : llvm::enumerate(sweeps)) {
      // Blocks of one launch may not write what others of it read, so each sweep has a state of its own.
      KeptSums after{op.getInit()};
      if (!partial && number + 1 < sweeps.size())
        after.state = kernels::SweepState::allocate(emit, op);
      run(sweep, number, before, after);
      before = after;
    }
    if (partial)
      partial->combine(emit);
    return description();
  }

private:
  Value size(unsigned axis) { return op.getSizes()[axis]; }

  /// A sweep in a form of so many keys per tile.
  struct Form {
    StringRef name;
    int64_t keys, threads, sharedBytes;
  };
  struct Block {
    QueryBlock const &queries;
    kernels::KeyWalk &walk;
    ArrayRef<Value> symbols;
    Value thread, part;
  };

  std::string description() {
    std::string text = "attention by blocks of queries, ";
    if (blockRows.shared.members > 1)
      text += "each for " + std::to_string(blockRows.shared.members) + " positions that share keys, ";
    if (!mma)
      text += "with fused multiply-add: " + reason;
    else if (mma->dots == MmaShape::Dots::ByThreads)
      text += "values on tensor cores (mma.sync); scores are sums of terms that are no products, by fused multiply-add";
    else
      text += mma->isWide ? "on tensor cores (mma.sync), f32 as sums of two tf32" : "on tensor cores (mma.sync)";
    if (partial)
      return text + "; the keys are cut into parts, and a second kernel combines what was found in each";
    return text + "; a block sees all its keys, as " +
           (blockRows.areAll ? "they are few" : "the queries are not known to fit into one block");
  }

  void run(domain::Sweep const &sweep, int64_t number, KeptSums const &before, KeptSums const &after) {
    auto kept = [&](Block const &block) { return partial ? partial->of(emit, number, block.part) : after; };
    auto earlier = [&] { return partial ? KeptSums() : before; };
    if (mma)
      return launch(sweep, {"attention_mma", mma->keys, mma->threads(), mma->sharedBytes()}, [&](Block const &block) {
        MmaTile(emit, op, *mma, block.queries, sweep, block.symbols, block.thread).run(block.walk, earlier(), kept(block));
      });
    launch(sweep, {"attention", FmaShape::keys, FmaShape::threads, fma.sharedBytes(op.hasQuery())}, [&](Block const &block) {
      FmaTile tile(emit, op, fma, block.queries, sweep, block.symbols, block.thread);
      tile.allocate();
      KeptSums to = kept(block);
      emit.loop(emit.index(0), size(op.getFeatureDim()), fma.features, [&](Value featureBegin) {
        tile.begin(featureBegin, earlier(), to.isPart);
        block.walk.tiles([&](KeyTile const &tileKeys) { tile.visit(tileKeys); });
        tile.end(to);
      });
    });
  }

  /// Positions of the batch along an axis that have blocks of their own.
  Value positions(unsigned axis) {
    kernels::SharedKeys const &shared = blockRows.shared;
    return shared.members > 1 && axis == shared.memberDim ? emit.div(size(axis), shared.members) : size(axis);
  }

  /// One warp group copies, the others compute.
  void run(domain::Sweep const &sweep, HopperShape const &shape) {
    launch(sweep, {"attention_wgmma", shape.keys, shape.threads(), shape.sharedBytes()}, [&](Block const &block) {
      // ptxas lets warp groups exchange registers only if it knows how many of them a block starts with.
      emit.enclosing<gpu::LaunchOp>()->setAttr(minimumBlocks, emit.getI32IntegerAttr(1));
      HopperMemory memory(emit, shape);
      HopperProducer producer(emit, op, shape, block.queries, memory);
      memory.begin(block.thread);
      Value copies = memory.code.uniform(memory.code.i32(emit.div(block.thread, HopperShape::warpGroup)));
      copies = emit.compare(arith::CmpIPredicate::eq, copies, memory.code.i32(int64_t(0)));
      emit.branch(
          copies, [&] { producer.run(block.walk, block.thread); },
          [&] {
            memory.code.registers(shape.workerRegisters(), true);
            HopperConsumer(emit, op, shape, block.queries, sweep, block.symbols, memory, block.thread).run(block.walk);
          });
    });
  }

  void launch(domain::Sweep const &sweep, Form const &form, llvm::function_ref<void(Block const &)> work) {
    int64_t stride = sweep.lattice.stride;
    // The class of residue 0 has the most queries.
    Value rowBlocks = emit.ceilDiv(emit.ceilDiv(rows, stride), blockRows.queries), blocks = emit.mul(rowBlocks, stride);
    for (unsigned axis = 0; axis < op.getBatchRank(); ++axis)
      blocks = emit.mul(blocks, positions(axis));
    if (partial)
      blocks = emit.mul(blocks, partial->parts());
    launchBlocks(emit, form.name, blocks, form.threads, form.sharedBytes, [&](Value block, Value thread) {
      QueryBlock queries;
      // Where later queries see more keys, their blocks had better start first.
      Value place = emit.sub(emit.sub(rowBlocks, emit.takeDigit(block, rowBlocks)), emit.index(1));
      queries.members = blockRows.shared.members;
      queries.memberDim = blockRows.shared.memberDim;
      queries.begin = emit.mul(place, blockRows.queries);
      Value residue = emit.takeDigit(block, emit.index(stride));
      queries.batch.resize(op.getBatchRank());
      for (unsigned axis = op.getBatchRank(); axis-- > 0;) {
        queries.batch[axis] = emit.takeDigit(block, positions(axis));
        if (axis == queries.memberDim)
          queries.batch[axis] = emit.mul(queries.batch[axis], queries.members);
      }
      SmallVector<Value> symbols = llvm::map_to_vector(domain.symbols, [&](Value symbol) {
        return kernels::evaluateUniform(emit, op.getDomain(), symbol, queries.batch);
      });
      queries.steps = kernels::stepsOf(emit, sweep.lattice, residue, symbols, rows, keys);
      queries.count = emit.min(emit.sub(queries.steps.rows, queries.begin), emit.index(blockRows.queries));
      WarpKeyFilter filter(emit, op, queries, thread);
      kernels::KeyWalk walk(emit, sweep, filter, queries, symbols, form.keys, form.keys);
      if (walk.needsList())
        walk.allocate(); // outside of conditions
      if (partial)
        walk.take(block, partial->parts());
      auto some = [&] { work({queries, walk, symbols, thread, block}); };
      if (stride == 1)
        return some();
      emit.branch(emit.less(emit.index(0), queries.count), some);
    });
  }

  Emit &emit;
  ir::AttentionOp op;
  AttentionOptions options;
  domain::PairDomain domain;
  QueryRows blockRows;
  std::string reason;          ///< why tensor cores do not take it
  std::optional<MmaShape> mma; ///< where they do
  FmaShape fma;
  Value rows, keys;
  std::optional<PartialSums> partial; ///< where the keys are cut into parts
};

} // namespace

std::string emitAttention(Emit &emit, ir::AttentionOp op, AttentionOptions options) { return AttentionEmitter(emit, op, options).run(); }

} // namespace heed::device
