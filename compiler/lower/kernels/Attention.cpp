// Attention.cpp - heed.attention as a sweep of key blocks over each block of queries.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/KeyRange.h"
#include "compiler/lower/kernels/Lowering.h"

#include "mlir/Dialect/Affine/Utils.h"

using namespace mlir;

namespace heed::kernels {
namespace {

class AttentionEmitter {
public:
  AttentionEmitter(Emit &emit, ir::AttentionOp op, TileShape shape)
      : emit(emit), op(op), blocks(AttentionBlocks::plan(emit, op, shape)), rows(size(op.getRowDim())),
        keys(size(op.getColumnDim())), features(size(op.getFeatureDim())) {
    inner = op.hasQuery() ? size(op.getInnerDim()) : emit.index(1);
  }

  void run() {
    Value rowBlocks = emit.ceilDiv(rows, blocks.rows), count = rowBlocks;
    for (unsigned axis = 0; axis < op.getBatchRank(); ++axis)
      count = emit.mul(count, size(axis));
    emit.tasks(count, [&](Value number) { task(number, rowBlocks); });
  }

private:
  Value size(unsigned axis) { return op.getSizes()[axis]; }

  void task(Value number, Value rowBlocks) {
    Value rowBegin = emit.mul(emit.takeDigit(number, rowBlocks), blocks.rows);
    SmallVector<Value> batch(op.getBatchRank());
    for (unsigned axis = op.getBatchRank(); axis-- > 0;)
      batch[axis] = emit.takeDigit(number, size(axis));
    Value rowCount = emit.min(emit.sub(rows, rowBegin), emit.index(blocks.rows));
    {
      OpBuilder::InsertionGuard guard(emit);
      emit.setInsertionPointToStart(emit.stackBlock());
      blocks.allocate(emit, op.hasQuery());
    }
    KeyRange range = emitKeyRange(emit, op, keys, rowBegin, emit.add(rowBegin, rowCount));
    emit.loop(emit.index(0), features, blocks.features, [&](Value featureBegin) {
      AttentionTile tile(emit, op, blocks, batch, rowBegin, rowCount, featureBegin);
      tile.begin();
      if (op.hasQuery() && hasOneSlice())
        tile.packQuery(emit.index(0), inner);
      emit.loop(range.begin, range.end, blocks.keys, [&](Value keyBegin) {
        Value keyCount = emit.min(emit.sub(range.end, keyBegin), emit.index(blocks.keys));
        if (op.hasQuery())
          dotProducts(tile, keyBegin, keyCount);
        tile.packSource(keyBegin, keyCount);
        tile.weights(keyBegin, keyCount);
        tile.accumulate(keyCount);
      });
      tile.finish();
    });
  }

  /// Whether the inner size is known to fit the buffers.
  bool hasOneSlice() {
    std::optional<int64_t> known = constantOf(inner);
    return known && *known <= blocks.inner;
  }

  void dotProducts(AttentionTile &tile, Value keyBegin, Value keyCount) {
    Value zero = emit.index(0);
    if (hasOneSlice()) {
      tile.packKeys(keyBegin, keyCount, zero, inner);
      return tile.products(keyCount, inner, /*accumulate=*/false);
    }
    auto slice = [&](Value innerBegin, bool accumulate) {
      Value innerCount = emit.min(emit.sub(inner, innerBegin), emit.index(blocks.inner));
      tile.packQuery(innerBegin, innerCount);
      tile.packKeys(keyBegin, keyCount, innerBegin, innerCount);
      tile.products(keyCount, innerCount, accumulate);
    };
    slice(zero, /*accumulate=*/false);
    emit.loop(emit.index(blocks.inner), inner, blocks.inner,
              [&](Value innerBegin) { slice(innerBegin, /*accumulate=*/true); });
  }

  Emit &emit;
  ir::AttentionOp op;
  AttentionBlocks blocks;
  Value rows, keys, features, inner;
};

/// Regions are cloned piece by piece; affine.apply would hide the arithmetic from that.
void expandAffine(ir::AttentionOp op) {
  SmallVector<affine::AffineApplyOp> applies;
  op->walk([&](affine::AffineApplyOp apply) { applies.push_back(apply); });
  for (affine::AffineApplyOp apply : applies) {
    OpBuilder builder(apply);
    auto values = affine::expandAffineMap(builder, apply.getLoc(), apply.getAffineMap(), apply.getOperands());
    apply.getResult().replaceAllUsesWith(values->front());
    apply.erase();
  }
}

} // namespace

LogicalResult emitAttention(OpBuilder &builder, ir::AttentionOp op, KernelTarget const &target) {
  expandAffine(op);
  Emit emit(op.getLoc(), builder);
  emit.fma = target.fma;
  AttentionEmitter(emit, op, TileShape::of(target)).run();
  return success();
}

} // namespace heed::kernels
