// Matmul.cpp - heed.matmul to register tiles over packed panels, blocked for the caches and split into tasks.
#include "compiler/lower/kernels/Lowering.h"
#include "compiler/lower/kernels/MatrixView.h"
#include "compiler/lower/kernels/RegisterTile.h"

using namespace mlir;

namespace heed::kernels {
namespace {

/// A panel of this many rows of two registers stays in the first-level cache while row tiles pass over it.
constexpr int64_t depthBlock = 512;
/// A task should have at least this many multiply-adds, or handing it to another thread costs more than it saves.
constexpr int64_t taskWork = 1 << 19;
/// Rows that are assumed for a size known only at run time.
constexpr int64_t typicalRows = 32;

class MatmulEmitter {
public:
  MatmulEmitter(Emit &emit, ir::MatmulOp op, TileShape shape) : emit(emit), op(op), shape(shape) {
    Value left = op.getLeft(), packed = op.getPacked();
    int64_t rank = cast<MemRefType>(left.getType()).getRank(),
            packedRank = cast<MemRefType>(packed.getType()).getRank();
    rows = rank == 1 ? emit.index(1) : emit.dim(left, op.getTransposed() ? rank - 1 : rank - 2);
    depth = emit.dim(packed, packedRank - 2);
    panels = emit.dim(packed, packedRank - 3);
    columns = emit.dim(op.getInit(), rank - 1);
    for (int64_t axis = 0; axis + 2 < rank; ++axis)
      batch.push_back(emit.dim(left, axis));
  }

  void run() {
    int64_t blockRows = 16 * shape.rows, blockPanels = panelsPerTask(blockRows);
    Value rowBlocks = emit.ceilDiv(rows, blockRows), panelBlocks = emit.ceilDiv(panels, blockPanels);
    Value count = emit.mul(rowBlocks, panelBlocks);
    for (Value size : batch)
      count = emit.mul(count, size);
    emit.tasks(count, [&](Value task) {
      Value panelBegin = emit.mul(emit.takeDigit(task, panelBlocks), blockPanels);
      Value rowBegin = emit.mul(emit.takeDigit(task, rowBlocks), blockRows);
      SmallVector<Value> leading;
      for (Value size : llvm::reverse(batch))
        leading.insert(leading.begin(), emit.takeDigit(task, size));
      Value rowEnd = emit.min(emit.add(rowBegin, blockRows), rows);
      Value panelEnd = emit.min(emit.add(panelBegin, blockPanels), panels);
      block(leading, rowBegin, rowEnd, panelBegin, panelEnd);
    });
  }

private:
  int64_t panelsPerTask(int64_t blockRows) {
    int64_t taskRows = std::min(constantOf(rows).value_or(typicalRows), blockRows);
    int64_t work = std::max<int64_t>(1, taskRows * constantOf(depth).value_or(depthBlock) * shape.width());
    int64_t most = std::max<int64_t>(1, constantOf(panels).value_or(INT32_MAX));
    return std::clamp<int64_t>(llvm::divideCeil(taskWork, work), std::min<int64_t>(8, most), most);
  }

  void block(ArrayRef<Value> leading, Value rowBegin, Value rowEnd, Value panelBegin, Value panelEnd) {
    Value zero = emit.index(0);
    std::optional<int64_t> known = constantOf(depth);
    Value first = known && *known <= depthBlock ? depth : emit.min(depth, emit.index(depthBlock));
    sweep(leading, rowBegin, rowEnd, panelBegin, panelEnd, zero, first, op.getAccumulate());
    if (!known || *known > depthBlock)
      emit.loop(first, depth, depthBlock, [&](Value from) {
        Value to = emit.min(emit.add(from, depthBlock), depth);
        sweep(leading, rowBegin, rowEnd, panelBegin, panelEnd, from, to, /*accumulate=*/true);
      });
  }

  /// All tiles of a block for one range of k: a panel, or for very few rows a group of panels, at a time.
  void sweep(ArrayRef<Value> leading, Value rowBegin, Value rowEnd, Value panelBegin, Value panelEnd, Value from,
             Value to, bool accumulate) {
    auto tiles = [&](Value panel, int64_t group) {
      emitRowTiles(emit, rowBegin, rowEnd, shape.rows,
                   [&](RowTile const &tile) { emitTile(leading, tile, panel, group, from, to, accumulate); });
    };
    int64_t group = panelsPerTile();
    Value grouped = panelBegin;
    if (group > 1) {
      Value count = emit.sub(panelEnd, panelBegin);
      grouped = emit.add(panelBegin, emit.mul(emit.div(count, group), group));
      emit.loop(panelBegin, grouped, group, [&](Value panel) { tiles(panel, group); });
    }
    emit.loop(grouped, panelEnd, 1, [&](Value panel) { tiles(panel, 1); });
  }

  /// One row of one panel has too few independent sums to hide the latency of an addition.
  int64_t panelsPerTile() {
    int64_t known = constantOf(rows).value_or(shape.rows);
    return known <= 2 ? 4 / std::max<int64_t>(known, 1) : 1;
  }

  void emitTile(ArrayRef<Value> leading, RowTile const &tile, Value panel, int64_t group, Value from, Value to,
                bool accumulate) {
    MatrixView left = MatrixView::ofLastAxes(op.getLeft(), leading, op.getTransposed());
    MatrixView init = MatrixView::ofLastAxes(op.getInit(), leading);
    int64_t vectors = shape.vectors * group;
    SmallVector<Value> rowIndices, columnIndices, sums;
    for (int64_t row = 0; row < tile.height; ++row)
      rowIndices.push_back(tile.row(emit, row));
    Value column = emit.mul(panel, shape.width());
    for (int64_t vector = 0; vector < vectors; ++vector)
      columnIndices.push_back(emit.add(column, vector * shape.lanes));

    auto forEach = [&](llvm::function_ref<void(Value, Value, int64_t)> body) {
      for (int64_t row = 0; row < tile.height; ++row)
        for (int64_t vector = 0; vector < vectors; ++vector)
          body(rowIndices[row], columnIndices[vector], row * vectors + vector);
    };
    Value zeros = emit.splat(shape.lanes, 0.0f);
    forEach([&](Value row, Value column, int64_t) {
      // Only the last panel is partial, and what is read beyond it is not stored.
      sums.push_back(accumulate ? init.loadVector(emit, shape.lanes, row, column, partialCount(column)) : zeros);
    });
    int64_t packedRank = cast<MemRefType>(op.getPacked().getType()).getRank();
    sums =
        emitRegisterTile(emit, tile.height, vectors, from, to, sums,
                         {[&](int64_t row, Value k) { return left.load(emit, rowIndices[row], k); },
                          [&](int64_t vector, Value k) -> Value {
                            SmallVector<Value> subscripts(leading.take_front(packedRank - 3));
                            subscripts.append({emit.add(panel, vector / shape.vectors), k,
                                               emit.index(vector % shape.vectors * shape.lanes)});
                            return vector::LoadOp::create(emit, emit.vectorOf(shape.lanes), op.getPacked(), subscripts);
                          }});
    auto store = [&](bool partial) {
      forEach([&](Value row, Value column, int64_t number) {
        init.storeVector(emit, sums[number], row, column, partial ? emit.sub(columns, column) : Value());
      });
    };
    std::optional<int64_t> known = constantOf(columns);
    if (known && *known % shape.width() == 0)
      return store(/*partial=*/false);
    Value end = emit.add(column, group * shape.width());
    Value whole = emit.compare(arith::CmpIPredicate::sle, end, columns);
    emit.branch(whole, [&] { store(false); }, [&] { store(true); });
  }

  Value partialCount(Value column) {
    std::optional<int64_t> known = constantOf(columns);
    return known && *known % shape.width() == 0 ? Value() : emit.sub(columns, column);
  }

  Emit &emit;
  ir::MatmulOp op;
  TileShape shape;
  Value rows, depth, panels, columns;
  SmallVector<Value> batch;
};

} // namespace

LogicalResult emitMatmul(OpBuilder &builder, ir::MatmulOp op, KernelTarget const &target) {
  std::optional<TileShape> shape = TileShape::forWidth(target, op.getWidth());
  if (!shape)
    return op.emitError() << "panels of width " << op.getWidth() << " do not fit the registers of the target";
  Emit emit(op.getLoc(), builder);
  emit.fma = target.fma;
  MatmulEmitter(emit, op, *shape).run();
  return success();
}

} // namespace heed::kernels
