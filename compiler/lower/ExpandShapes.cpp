// ExpandShapes.cpp - memref.expand_shape of contiguous buffers as memref.reinterpret_cast.
#include "compiler/lower/Passes.h"

namespace heed {
#define GEN_PASS_DEF_EXPANDSHAPES
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

struct ExpandShapes : impl::ExpandShapesBase<ExpandShapes> {
  using ExpandShapesBase::ExpandShapesBase;

  void runOnOperation() override {
    getOperation()->walk([](memref::ExpandShapeOp op) {
      if (op.getSrcType().getLayout().isIdentity() && op.getResultType().getLayout().isIdentity())
        reinterpret(op);
    });
  }

  static void reinterpret(memref::ExpandShapeOp op) {
    OpBuilder builder(op);
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(), strides(sizes.size());
    OpFoldResult stride = builder.getIndexAttr(1);
    AffineExpr product = builder.getAffineSymbolExpr(0) * builder.getAffineSymbolExpr(1);
    for (size_t axis = sizes.size(); axis-- > 0;) {
      strides[axis] = stride;
      if (axis) // the outermost size is no part of a stride
        stride = affine::makeComposedFoldedAffineApply(builder, loc, product, {sizes[axis], stride});
    }
    auto cast = memref::ReinterpretCastOp::create(builder, loc, op.getResultType(), op.getSrc(),
                                                  builder.getIndexAttr(0), sizes, strides);
    op.replaceAllUsesWith(cast.getResult());
    op.erase();
  }
};

} // namespace
} // namespace heed
