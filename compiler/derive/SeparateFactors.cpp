// SeparateFactors.cpp - stores what a sum of products would compute again for every output.
#include "compiler/derive/Regions.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_SEPARATEFACTORS
#include "compiler/derive/Passes.h.inc"

namespace {

struct SeparateFactors : impl::SeparateFactorsBase<SeparateFactors> {
  void runOnOperation() override {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    for (DefineOp define : defines)
      if (ReduceOp reduce = derive::rootReduce(define))
        if (reduce.getKind() == ReduceKind::Sum && isa<FloatType>(reduce.getType()))
          separate(define, reduce);
  }

  struct Group {
    SmallVector<Value> factors;
    derive::IndexSet indices;
    bool isRead() const { return factors.size() == 1 && factors.front().getDefiningOp<tensor::ExtractOp>() != nullptr; }
  };

  /// Groups factors by the indices of the result they depend on; a factor joins a group that has all of its indices.
  static SmallVector<Group> group(DefineOp define, ArrayRef<Value> factors) {
    SmallVector<Group> groups;
    SmallVector<std::pair<Value, derive::IndexSet>> sorted;
    for (Value factor : factors)
      sorted.push_back({factor, derive::indicesOf(factor, define)});
    llvm::stable_sort(sorted, [](auto &a, auto &b) { return a.second.size() > b.second.size(); });
    for (auto &[factor, indices] : sorted) {
      auto *home = llvm::find_if(groups, [&](Group &candidate) {
        return llvm::all_of(indices, [&](Value index) { return candidate.indices.contains(index); });
      });
      if (home == groups.end())
        home = &groups.emplace_back(Group{{}, indices});
      home->factors.push_back(factor);
    }
    return groups;
  }

  void separate(DefineOp define, ReduceOp reduce) {
    SmallVector<Value> factors;
    derive::collectFactors(reduce.getYielded(), factors);
    if (factors.size() < 2)
      return;
    SmallVector<Group> groups = group(define, factors);
    if (groups.size() != 2)
      return;
    ValueRange outer = define.getValueBlock()->getArguments(), inner = reduce.getValueBlock()->getArguments();
    auto dependsOnAll = [&](Group &candidate, ValueRange indices) {
      return llvm::all_of(indices, [&](Value index) { return candidate.indices.contains(index); });
    };
    // With a factor that needs every index anyway there is no product of two tensors to find.
    if (dependsOnAll(groups[0], outer) && dependsOnAll(groups[1], outer))
      return;
    // A matrix product sums over what both sides have.
    if (!dependsOnAll(groups[0], inner) || !dependsOnAll(groups[1], inner))
      return;
    bool changed = false;
    for (Group &part : groups) {
      if (part.isRead() || (dependsOnAll(part, outer) && !outer.empty()))
        continue;
      store(define, reduce, part);
      changed = true;
    }
    if (!changed)
      return;
    OpBuilder builder(reduce.getValueBlock()->getTerminator());
    Value product = arith::MulFOp::create(builder, reduce.getLoc(), multiply(builder, reduce.getLoc(), groups[0]),
                                          multiply(builder, reduce.getLoc(), groups[1]));
    reduce.getValueBlock()->getTerminator()->setOperand(0, product);
    derive::eraseUnused(define);
  }

  static Value multiply(OpBuilder &builder, Location location, Group &part) {
    Value product;
    for (Value factor : part.factors)
      product = product ? arith::MulFOp::create(builder, location, product, factor).getResult() : factor;
    return product;
  }

  /// Replaces the factors of `part` by one read of a new definition.
  void store(DefineOp define, ReduceOp reduce, Group &part) {
    SmallVector<Value> axes;
    SmallVector<OpFoldResult> sizes;
    for (BlockArgument index : define.getValueBlock()->getArguments())
      if (part.indices.contains(index)) {
        axes.push_back(index);
        sizes.push_back(define.getMixedSizes()[index.getArgNumber()]);
      }
    for (BlockArgument index : reduce.getValueBlock()->getArguments())
      if (part.indices.contains(index)) {
        axes.push_back(index);
        sizes.push_back(getAsOpFoldResult(reduce.getSizes()[index.getArgNumber()]));
      }
    OpBuilder builder(define);
    Location location = part.factors.front().getLoc();
    DefineOp own =
        derive::makeDefine(builder, location, reduce.getType(), sizes, nullptr,
                           [&](OpBuilder &body, Location where, ValueRange arguments) {
                             IRMapping map;
                             map.map(axes, arguments);
                             Value product;
                             for (Value factor : part.factors) {
                               Value one = derive::cloneSlice(body, factor, define, map);
                               product = product ? arith::MulFOp::create(body, where, product, one).getResult() : one;
                             }
                             return product;
                           });
    remark::passed(location, remark::RemarkOpts::name("SeparateFactor").category("derive"))
        << "stored as one side of a matrix product";
    builder.setInsertionPoint(reduce.getValueBlock()->getTerminator());
    Value read = tensor::ExtractOp::create(builder, location, own, axes);
    part.factors.assign(1, read);
  }
};

} // namespace
} // namespace heed
