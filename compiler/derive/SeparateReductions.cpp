// SeparateReductions.cpp - every reduction into its own definition over the indices it depends on.
#include "compiler/derive/Regions.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_SEPARATEREDUCTIONS
#include "compiler/derive/Passes.h.inc"

namespace {

/// The size of an index, which is an argument of a definition or of a reduction.
OpFoldResult sizeOf(BlockArgument index) {
  Operation *owner = index.getOwner()->getParentOp();
  if (auto define = dyn_cast<DefineOp>(owner))
    return define.getMixedSizes()[index.getArgNumber()];
  if (auto softmax = dyn_cast<SoftmaxOp>(owner))
    return softmax.getMixedSizes()[index.getArgNumber()];
  Value size = cast<ReduceOp>(owner).getSizes()[index.getArgNumber()];
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return Builder(owner->getContext()).getIndexAttr(*constant);
  return size;
}

struct SeparateReductions : impl::SeparateReductionsBase<SeparateReductions> {
  void runOnOperation() override {
    SmallVector<Operation *> definitions;
    getOperation().walk([&](Operation *op) {
      if (isa<DefineOp, SoftmaxOp>(op))
        definitions.push_back(op);
    });
    for (Operation *definition : definitions) {
      SmallVector<ReduceOp> inside; // innermost first
      definition->walk([&](ReduceOp reduce) { inside.push_back(reduce); });
      for (ReduceOp reduce : inside) {
        auto define = dyn_cast<DefineOp>(definition);
        if (define && derive::rootReduce(define) == reduce)
          continue;
        separate(reduce, definition);
      }
    }
  }

  /// The conditions of `definition`'s domain that depend on nothing but `indices` (arguments of its value region).
  static SmallVector<Value> conditionsOn(Operation *definition, derive::IndexSet const &indices) {
    SmallVector<Value> kept;
    Region &domain = definition->getRegion(0), &value = definition->getRegion(1);
    if (domain.empty())
      return kept;
    SmallVector<Value> conjuncts;
    derive::collectConjuncts(domain.front().getTerminator()->getOperand(0), conjuncts);
    for (Value conjunct : conjuncts) {
      bool concerned = llvm::all_of(derive::indicesOf(conjunct, definition), [&](Value index) {
        auto argument = cast<BlockArgument>(index);
        return argument.getOwner()->getParentOp() == definition &&
               indices.contains(value.getArgument(argument.getArgNumber()));
      });
      if (concerned)
        kept.push_back(conjunct);
    }
    return kept;
  }

  void separate(ReduceOp reduce, Operation *definition) {
    derive::IndexSet indices;
    for (Value size : reduce.getSizes())
      derive::collectIndices(size, definition, indices);
    visitUsedValuesDefinedAbove(
        reduce->getRegions(), [&](OpOperand *operand) { derive::collectIndices(operand->get(), definition, indices); });
    // Axes in the order of the surroundings: the definition's, then those of reductions from outside in.
    SmallVector<Value> axes(indices.begin(), indices.end());
    llvm::stable_sort(axes, [&](Value a, Value b) {
      auto x = cast<BlockArgument>(a), y = cast<BlockArgument>(b);
      Operation *outer = x.getOwner()->getParentOp(), *inner = y.getOwner()->getParentOp();
      if (outer == inner)
        return x.getArgNumber() < y.getArgNumber();
      return outer->isProperAncestor(inner);
    });
    SmallVector<OpFoldResult> sizes;
    for (Value axis : axes)
      sizes.push_back(sizeOf(cast<BlockArgument>(axis)));

    OpBuilder builder(definition);
    auto value = [&](OpBuilder &inner, Location, ValueRange arguments) {
      IRMapping map;
      map.map(axes, arguments);
      return derive::cloneSlice(inner, reduce, definition, map);
    };
    bool inValue = definition->getRegion(1).isAncestor(reduce->getParentRegion());
    SmallVector<Value> conditions = inValue ? conditionsOn(definition, indices) : SmallVector<Value>();
    auto domain = [&](OpBuilder &inner, Location location, ValueRange arguments) {
      IRMapping map;
      for (auto [axis, argument] : llvm::zip_equal(axes, arguments)) {
        auto index = cast<BlockArgument>(axis);
        if (index.getOwner()->getParentOp() == definition)
          map.map(definition->getRegion(0).getArgument(index.getArgNumber()), argument);
      }
      Value all;
      for (Value condition : conditions) {
        Value one = derive::cloneSlice(inner, condition, definition, map);
        all = all ? arith::AndIOp::create(inner, location, all, one).getResult() : one;
      }
      return all;
    };
    BodyBuilder where = nullptr;
    if (!conditions.empty())
      where = domain;
    DefineOp own = derive::makeDefine(builder, reduce.getLoc(), reduce.getType(), sizes, where, value);
    remark::passed(reduce.getLoc(), remark::RemarkOpts::name("SeparateReduction").category("derive"))
        << "computed once per " << std::to_string(axes.size()) << " of its indices";
    builder.setInsertionPoint(reduce);
    Value read = tensor::ExtractOp::create(builder, reduce.getLoc(), own, axes);
    reduce.replaceAllUsesWith(read);
    reduce.erase();
  }
};

} // namespace
} // namespace heed
