// Pack.cpp - heed.pack to copies of panels.
#include "compiler/lower/kernels/Lowering.h"
#include "compiler/lower/kernels/Panels.h"
#include "compiler/lower/kernels/RegisterTile.h"

using namespace mlir;

namespace heed::kernels {

LogicalResult emitPack(OpBuilder &builder, ir::PackOp op, KernelTarget const &target) {
  auto source = cast<MemRefType>(op.getSource().getType());
  Type element = source.getElementType();
  if (!element.isF32())
    return op.emitError() << "only f32 is packed, found " << element;
  std::optional<TileShape> shape = TileShape::forWidth(target, op.getWidth());
  if (!shape)
    return op.emitError() << "panels of width " << op.getWidth() << " do not fit the registers of the target";
  Emit emit(op.getLoc(), builder);
  int64_t rank = source.getRank();
  bool transposed = op.getTransposed();
  Value rows = emit.dim(op.getSource(), transposed ? rank - 1 : rank - 2);
  Value columns = emit.dim(op.getSource(), transposed ? rank - 2 : rank - 1);
  Value panels = emit.dim(op.getInit(), rank - 2), count = panels;
  for (int64_t axis = 0; axis + 2 < rank; ++axis)
    count = emit.mul(count, emit.dim(op.getSource(), axis));
  emit.tasks(count, [&](Value task) {
    Value panel = emit.takeDigit(task, panels);
    SmallVector<Value> leading;
    for (int64_t axis = rank - 3; axis >= 0; --axis)
      leading.insert(leading.begin(), emit.takeDigit(task, emit.dim(op.getSource(), axis)));
    MatrixView view = MatrixView::ofLastAxes(op.getSource(), leading);
    leading.push_back(panel);
    emitPanelCopy(emit, {view, transposed, emit.mul(panel, op.getWidth()), columns, emit.index(0), rows, op.getInit(),
                         leading, op.getWidth(), shape->lanes});
  });
  return success();
}

} // namespace heed::kernels
