// NarrowAttention.cpp - lets attention read operands of 16 bits as they are stored.
#include "compiler/gpu/NarrowAttention.h"
#include "compiler/gpu/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace heed {
#define GEN_PASS_DEF_NARROWATTENTION
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;

static constexpr llvm::StringLiteral storedName = "heed.stored_as";

namespace {

using Source = std::pair<Value, AffineMap>; ///< a tensor, and from a position to its subscripts

/// Position s of an axis that joins others is position s / inner of the outer and s mod inner of the inner one: heads of a group.
std::optional<Source> joinedSource(tensor::CollapseShapeOp collapse) {
  auto type = collapse.getSrcType();
  SmallVector<AffineExpr> subscripts(type.getRank());
  for (auto [joined, axes] : llvm::enumerate(collapse.getReassociationIndices())) {
    AffineExpr rest = getAffineDimExpr(joined, collapse.getContext());
    for (int64_t axis : llvm::reverse(ArrayRef(axes).drop_front())) {
      if (type.isDynamicDim(axis))
        return std::nullopt;
      subscripts[axis] = rest % type.getDimSize(axis);
      rest = rest.floorDiv(type.getDimSize(axis));
    }
    subscripts[axes.front()] = rest;
  }
  return Source(collapse.getSrc(), AffineMap::get(collapse.getResultType().getRank(), 0, subscripts, collapse.getContext()));
}

/// The tensor that `value` is the f32 form of, and how to get from a position of `value` to its subscripts.
std::optional<Source> narrowSource(Value value) {
  if (auto collapse = value.getDefiningOp<tensor::CollapseShapeOp>()) {
    std::optional<Source> joined = joinedSource(collapse);
    std::optional<Source> narrow = joined ? narrowSource(joined->first) : std::nullopt;
    if (narrow)
      narrow->second = narrow->second.compose(joined->second);
    return narrow;
  }
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!generic || generic.getNumDpsInputs() != 1 || generic.getNumDpsInits() != 1 || generic.getNumReductionLoops())
    return std::nullopt;
  Block *body = generic.getBlock();
  auto extension = body->getTerminator()->getOperand(0).getDefiningOp<arith::ExtFOp>();
  if (!extension || extension.getIn() != body->getArgument(0))
    return std::nullopt;
  AffineMap in = generic.getIndexingMapsArray()[0], out = generic.getIndexingMapsArray()[1];
  if (!out.isPermutation() || !isa<RankedTensorType>(generic.getDpsInputs()[0].getType()))
    return std::nullopt;
  return std::pair(generic.getDpsInputs()[0], in.compose(inversePermutation(out)));
}

/// The type that a user rounds `value` to, if that is all it does with it.
Type roundedTo(OpOperand &use) {
  auto generic = dyn_cast<linalg::GenericOp>(use.getOwner());
  if (!generic || !generic.isDpsInput(&use))
    return {};
  BlockArgument argument = generic.getMatchingBlockArgument(&use);
  if (!argument.hasOneUse())
    return {};
  auto rounding = dyn_cast<arith::TruncFOp>(*argument.getUsers().begin());
  return rounding ? rounding.getType() : Type();
}

struct NarrowAttention : impl::NarrowAttentionBase<NarrowAttention> {
  void runOnOperation() override {
    getOperation().walk([&](ir::AttentionOp op) {
      if (op->getNumResults() == 0)
        return;
      MutableArrayRef<OpOperand> operands = op->getOpOperands().drop_front(op.getSizes().size()).drop_back();
      SmallVector<AffineMap> maps(op.getIndexingMaps().getAsValueRange<AffineMapAttr>());
      for (auto [operand, map] : llvm::zip(operands, maps))
        if (auto narrow = narrowSource(operand.get())) {
          operand.set(narrow->first);
          map = simplifyAffineMap(narrow->second.compose(map));
        }
      op.setIndexingMapsAttr(Builder(op).getAffineMapArrayAttr(maps));
      Type stored;
      for (OpOperand &use : op->getResult(0).getUses()) {
        Type type = roundedTo(use);
        if (!type || (stored && stored != type))
          return;
        stored = type;
      }
      if (stored)
        op->setAttr(storedName, TypeAttr::get(stored));
    });
  }
};

} // namespace

FloatType device::storedTypeOf(ir::AttentionOp op) {
  auto stored = op->getAttrOfType<TypeAttr>(storedName);
  return stored ? cast<FloatType>(stored.getValue()) : Float32Type::get(op.getContext());
}

} // namespace heed
