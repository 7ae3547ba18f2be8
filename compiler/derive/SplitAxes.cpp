// SplitAxes.cpp - axes used through quotient and remainder become two axes.
#include "compiler/derive/Regions.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_SPLITAXES
#include "compiler/derive/Passes.h.inc"

namespace {

/// The divisor by which `index` is divided somewhere in `define`.
std::optional<int64_t> divisorOf(DefineOp define, BlockArgument index) {
  std::optional<int64_t> divisor;
  define.walk([&](affine::AffineApplyOp apply) {
    for (auto [position, operand] : llvm::enumerate(apply.getMapOperands())) {
      unsigned dims = apply.getAffineMap().getNumDims();
      if (operand != index)
        continue;
      AffineExpr self = position < dims ? getAffineDimExpr(position, define.getContext())
                                        : getAffineSymbolExpr(position - dims, define.getContext());
      apply.getAffineMap().getResult(0).walk([&](AffineExpr part) {
        auto binary = dyn_cast<AffineBinaryOpExpr>(part);
        if (!binary || (part.getKind() != AffineExprKind::FloorDiv && part.getKind() != AffineExprKind::Mod))
          return;
        if (binary.getLHS() == self)
          if (auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS()))
            divisor = constant.getValue();
      });
    }
  });
  return divisor;
}

struct SplitAxes : impl::SplitAxesBase<SplitAxes> {
  void runOnOperation() override {
    SmallVector<DefineOp> worklist;
    getOperation().walk([&](DefineOp define) { worklist.push_back(define); });
    while (!worklist.empty()) {
      DefineOp define = worklist.pop_back_val();
      for (BlockArgument index : define.getValueBlock()->getArguments()) {
        int64_t size = define.getType().getDimSize(index.getArgNumber());
        std::optional<int64_t> divisor = divisorOf(define, index);
        if (!divisor || ShapedType::isDynamic(size) || *divisor <= 1 || *divisor >= size || size % *divisor != 0)
          continue;
        worklist.push_back(split(define, index.getArgNumber(), *divisor));
        break;
      }
    }
  }

  DefineOp split(DefineOp define, unsigned axis, int64_t divisor) {
    OpBuilder builder(define);
    Location location = define.getLoc();
    SmallVector<OpFoldResult> sizes = define.getMixedSizes();
    int64_t quotient = define.getType().getDimSize(axis) / divisor;
    sizes[axis] = builder.getIndexAttr(quotient);
    sizes.insert(sizes.begin() + axis + 1, builder.getIndexAttr(divisor));

    auto body = [&](Region &region) {
      return [&, axis, divisor](OpBuilder &inner, Location, ValueRange at) {
        AffineExpr high, low;
        bindDims(inner.getContext(), high, low);
        IRMapping map;
        for (BlockArgument old : region.getArguments()) {
          unsigned position = old.getArgNumber();
          Value joined = at[position < axis ? position : position + 1];
          if (position == axis)
            joined = affine::AffineApplyOp::create(inner, location, high * divisor + low,
                                                   ValueRange{at[axis], at[axis + 1]});
          map.map(old, joined);
        }
        return derive::cloneSlice(inner, region.front().getTerminator()->getOperand(0), define, map);
      };
    };
    auto domain = body(define.getDomain()), value = body(define.getValue());
    BodyBuilder where = nullptr;
    if (define.hasDomain())
      where = domain;
    DefineOp own = derive::makeDefine(builder, location, define.getType().getElementType(), sizes, where, value);
    for (Region *region : {&own.getDomain(), &own.getValue()})
      if (!region->empty())
        simplify(own, *region);
    derive::eraseUnused(own);

    SmallVector<ReassociationIndices> groups;
    for (int64_t old = 0, next = 0; old < define.getType().getRank(); ++old) {
      ReassociationIndices group = {next++};
      if (old == axis)
        group.push_back(next++);
      groups.push_back(group);
    }
    Value joined = tensor::CollapseShapeOp::create(builder, location, define.getType(), own, groups);
    define.replaceAllUsesWith(joined);
    define.erase();
    return own;
  }

  /// Index arithmetic over the new indices, where quotient and remainder of `high * divisor + low` are known.
  static void simplify(DefineOp define, Region &region) {
    SmallVector<std::optional<int64_t>> sizes;
    for (OpFoldResult size : define.getMixedSizes())
      sizes.push_back(getConstantIntValue(size));
    ValueRange indices = region.getArguments();
    SmallVector<affine::AffineApplyOp> applies;
    region.walk([&](affine::AffineApplyOp apply) { applies.push_back(apply); });
    for (affine::AffineApplyOp apply : applies) {
      SmallVector<Value> symbols;
      AffineExpr form = derive::affineOf(apply, indices, &symbols);
      if (!form)
        continue;
      form = derive::simplifyInBox(form, sizes);
      OpBuilder builder(apply);
      SmallVector<OpFoldResult> operands(indices.begin(), indices.end());
      llvm::append_range(operands, symbols);
      AffineMap map = AffineMap::get(indices.size(), symbols.size(), form);
      OpFoldResult folded = affine::makeComposedFoldedAffineApply(builder, apply.getLoc(), map, operands);
      apply.replaceAllUsesWith(derive::sizeValues(builder, apply.getLoc(), folded).front());
    }
  }
};

} // namespace
} // namespace heed
