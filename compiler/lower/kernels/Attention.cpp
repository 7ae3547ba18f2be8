// Attention.cpp - heed.attention as sweeps of key tiles over each block of queries.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/FewQueries.h"
#include "compiler/lower/kernels/Lowering.h"
#include "compiler/lower/kernels/VisitRemark.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace heed::kernels {
namespace {

class AttentionEmitter {
public:
  AttentionEmitter(Emit &emit, ir::AttentionOp op, KernelTarget const &target)
      : emit(emit), op(op), target(target), domain(domain::PairDomain::of(op)), rows(size(op.getRowDim())),
        keys(size(op.getColumnDim())), features(size(op.getFeatureDim())) {}

  void run() {
    sweeps = domain::planSweeps(domain, emit.getContext());
    AttentionBlocks many = AttentionBlocks::plan(emit, op, TileShape::of(target), domain);
    std::string reason;
    std::optional<FewQueries> few = FewQueries::plan(op, target, reason);
    remarkOnForm(few, reason);
    remarkOnVisits(op, domain, sweeps, few ? few->blocks.queries() : many.rows, few ? few->blocks.keys : many.keys);
    if (sweeps.empty()) // nothing is visible: the result is 0 all the same
      sweeps.push_back({{1, getAffineConstantExpr(0, emit.getContext())}, {}, {}});
    if (sweeps.size() > 1)
      state = SweepState::allocate(emit, op);
    if (few)
      run<FewQueriesTile>(few->blocks);
    else
      run<AttentionTile>(many);
  }

private:
  Value size(unsigned axis) { return op.getSizes()[axis]; }

  void remarkOnForm(std::optional<FewQueries> const &few, StringRef reason) {
    auto options = remark::RemarkOpts::name("few-queries").category("lower");
    if (!few)
      return void(remark::missed(op.getLoc(), options) << "keys are copied for blocks of queries: " << reason.str());
    std::string heads = std::to_string(few->blocks.members);
    remark::passed(op.getLoc(), options)
        << "keys and values are read once, where they lie"
        << (few->blocks.members > 1 ? ", for " + heads + " heads at a time" : std::string());
  }

  template <typename Tile>
  void run(typename Tile::Blocks blocks) {
    for (auto [number, sweep] : llvm::enumerate(sweeps))
      run<Tile>(blocks, sweep, /*isFirst=*/number == 0, /*isLast=*/number + 1 == sweeps.size());
  }

  /// One task per batch position, residue class and block of its queries.
  template <typename Tile>
  void run(typename Tile::Blocks &blocks, domain::Sweep const &sweep, bool isFirst, bool isLast) {
    int64_t stride = sweep.lattice.stride, blockQueries = blocks.rows / blocks.members;
    auto positions = [&](unsigned axis) {
      return axis == blocks.memberDim ? emit.div(size(axis), blocks.members) : size(axis);
    };
    // The class of residue 0 has the most queries.
    Value rowBlocks = emit.ceilDiv(emit.ceilDiv(rows, stride), blockQueries), count = emit.mul(rowBlocks, stride);
    for (unsigned axis = 0; axis < op.getBatchRank(); ++axis)
      count = emit.mul(count, positions(axis));
    emit.tasks(count, [&](Value number) {
      QueryBlock queries;
      queries.members = blocks.members;
      queries.memberDim = blocks.memberDim;
      queries.begin = emit.mul(emit.takeDigit(number, rowBlocks), blockQueries);
      Value residue = emit.takeDigit(number, emit.index(stride));
      queries.batch.resize(op.getBatchRank());
      for (unsigned axis = op.getBatchRank(); axis-- > 0;) {
        queries.batch[axis] = emit.takeDigit(number, positions(axis));
        if (axis == blocks.memberDim)
          queries.batch[axis] = emit.mul(queries.batch[axis], blocks.members);
      }
      SmallVector<Value> symbols = llvm::map_to_vector(
          domain.symbols, [&](Value symbol) { return evaluateUniform(emit, op.getDomain(), symbol, queries.batch); });
      queries.steps = stepsOf(emit, sweep.lattice, residue, symbols, rows, keys);
      queries.count = emit.min(emit.sub(queries.steps.rows, queries.begin), emit.index(blockQueries));
      onStack([&] { blocks.allocate(emit, op.hasQuery()); });
      auto work = [&] { task<Tile>(blocks, sweep, queries, symbols, isFirst, isLast); };
      if (stride == 1)
        return work();
      emit.branch(emit.less(emit.index(0), queries.count), work);
    });
  }

  template <typename Tile>
  void task(typename Tile::Blocks const &blocks, domain::Sweep const &sweep, QueryBlock const &queries,
            ArrayRef<Value> symbols, bool isFirst, bool isLast) {
    KeyFilter filter(emit, op, queries, blocks.shape.lanes);
    KeyWalk walk(emit, sweep, filter, queries, symbols, blocks.keys, blocks.shape.width());
    if (walk.needsList())
      onStack([&] { walk.allocate(); });
    emit.loop(emit.index(0), features, blocks.features, [&](Value featureBegin) {
      Tile tile(emit, op, blocks, queries, walk, sweep, symbols, featureBegin);
      if (isFirst)
        tile.begin();
      else
        tile.resume(state);
      if (op.hasQuery() && blocks.oneSlice)
        tile.packQuery(emit.index(0), size(op.getInnerDim()));
      walk.tiles([&](KeyTile const &keys) { tile.visit(keys); });
      if (isLast)
        tile.finish();
      else
        tile.suspend(state);
    });
  }

  void onStack(llvm::function_ref<void()> allocate) {
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPointToStart(emit.stackBlock());
    allocate();
  }

  Emit &emit;
  ir::AttentionOp op;
  KernelTarget const &target;
  domain::PairDomain domain;
  std::vector<domain::Sweep> sweeps;
  SweepState state;
  Value rows, keys, features;
};

} // namespace

LogicalResult emitAttention(OpBuilder &builder, ir::AttentionOp op, KernelTarget const &target) {
  Emit emit(op.getLoc(), builder);
  emit.fma = target.fma;
  AttentionEmitter(emit, op, target).run();
  return success();
}

} // namespace heed::kernels
