// Attention.cpp - heed.attention as sweeps of key tiles over each block of queries.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/Lowering.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {
namespace {

class AttentionEmitter {
public:
  AttentionEmitter(Emit &emit, ir::AttentionOp op, TileShape shape)
      : emit(emit), op(op), domain(domain::PairDomain::of(op)),
        blocks(AttentionBlocks::plan(emit, op, shape, domain)), rows(size(op.getRowDim())), keys(size(op.getColumnDim())), features(size(op.getFeatureDim())) {}

  void run() {
    std::vector<domain::Sweep> sweeps = domain::planSweeps(domain, emit.getContext());
    remarkOnVisits(op, domain, sweeps, blocks);
    if (sweeps.empty()) // nothing is visible: the result is 0 all the same
      sweeps.push_back({{1, getAffineConstantExpr(0, emit.getContext())}, {}, {}});
    if (sweeps.size() > 1)
      state = {stateBuffer(), stateBuffer()};
    for (auto [number, sweep] : llvm::enumerate(sweeps))
      run(sweep, /*isFirst=*/number == 0, /*isLast=*/number + 1 == sweeps.size());
  }

private:
  Value size(unsigned axis) { return op.getSizes()[axis]; }

  /// [b.., i], known to the planned workspace.
  Value stateBuffer() {
    SmallVector<int64_t> shape;
    SmallVector<Value> dynamic;
    for (unsigned axis = 0; axis <= op.getRowDim(); ++axis) {
      std::optional<int64_t> known = constantOf(size(axis));
      shape.push_back(known.value_or(ShapedType::kDynamic));
      if (!known)
        dynamic.push_back(size(axis));
    }
    return memref::AllocOp::create(emit, MemRefType::get(shape, emit.getF32Type()), dynamic,
                                   emit.getI64IntegerAttr(64));
  }

  /// One task per batch position, residue class and block of its queries.
  void run(domain::Sweep const &sweep, bool isFirst, bool isLast) {
    int64_t stride = sweep.lattice.stride;
    // The class of residue 0 has the most queries.
    Value rowBlocks = emit.ceilDiv(emit.ceilDiv(rows, stride), blocks.rows), count = emit.mul(rowBlocks, stride);
    for (unsigned axis = 0; axis < op.getBatchRank(); ++axis)
      count = emit.mul(count, size(axis));
    emit.tasks(count, [&](Value number) {
      QueryBlock queries;
      queries.begin = emit.mul(emit.takeDigit(number, rowBlocks), blocks.rows);
      Value residue = emit.takeDigit(number, emit.index(stride));
      queries.batch.resize(op.getBatchRank());
      for (unsigned axis = op.getBatchRank(); axis-- > 0;)
        queries.batch[axis] = emit.takeDigit(number, size(axis));
      SmallVector<Value> symbols = llvm::map_to_vector(
          domain.symbols, [&](Value symbol) { return evaluateUniform(emit, op.getDomain(), symbol, queries.batch); });
      queries.steps = stepsOf(sweep.lattice, residue, symbols);
      queries.count = emit.min(emit.sub(queries.steps.rows, queries.begin), emit.index(blocks.rows));
      onStack([&] { blocks.allocate(emit, op.hasQuery()); });
      auto work = [&] { task(sweep, queries, symbols, isFirst, isLast); };
      if (stride == 1)
        return work();
      emit.branch(emit.less(emit.index(0), queries.count), work);
    });
  }

  Steps stepsOf(domain::Lattice const &lattice, Value residue, ArrayRef<Value> symbols) {
    Value zero = emit.index(0);
    if (lattice.stride == 1)
      return {1, zero, zero, rows, keys};
    MLIRContext *context = emit.getContext();
    AffineExpr own = getAffineSymbolExpr(symbols.size(), context);
    SmallVector<Value> operands(symbols);
    operands.push_back(residue);
    AffineMap map = AffineMap::get(0, operands.size(), (own + lattice.shift) % lattice.stride);
    Value keyOffset = affine::expandAffineMap(emit, emit.getLoc(), map, operands)->front();
    auto members = [&](Value all, Value offset) {
      return emit.ceilDiv(emit.max(emit.sub(all, offset), zero), lattice.stride);
    };
    return {lattice.stride, residue, keyOffset, members(rows, residue), members(keys, keyOffset)};
  }

  void task(domain::Sweep const &sweep, QueryBlock const &queries, ArrayRef<Value> symbols, bool isFirst, bool isLast) {
    KeyFilter filter(emit, op, queries, blocks.shape.lanes);
    KeyWalk walk(emit, sweep, filter, queries, symbols, blocks.keys, blocks.shape.width());
    if (walk.needsList())
      onStack([&] { walk.allocate(); });
    emit.loop(emit.index(0), features, blocks.features, [&](Value featureBegin) {
      AttentionTile tile(emit, op, blocks, queries, walk, sweep.skipped, symbols, featureBegin);
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
  domain::PairDomain domain;
  AttentionBlocks blocks;
  SweepState state;
  Value rows, keys, features;
};

} // namespace

LogicalResult emitAttention(OpBuilder &builder, ir::AttentionOp op, KernelTarget const &target) {
  Emit emit(op.getLoc(), builder);
  emit.fma = target.fma;
  AttentionEmitter(emit, op, TileShape::of(target)).run();
  return success();
}

} // namespace heed::kernels
