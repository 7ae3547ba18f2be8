// LinalgToVectorLoops.cpp - lowers linalg operations on buffers to loops over vectors, parallel where worth it.
#include "compiler/lower/Passes.h"
#include "compiler/lower/SizeFormula.h"
#include "compiler/lower/VectorLoops.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"

namespace heed {
#define GEN_PASS_DEF_LINALGTOVECTORLOOPS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;
using linalg::GenericOp;

namespace {

constexpr int64_t assumedUnbounded = 512;

struct LinalgToVectorLoops : impl::LinalgToVectorLoopsBase<LinalgToVectorLoops> {
  using LinalgToVectorLoopsBase::LinalgToVectorLoopsBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration())
        continue;
      copiesToGenerics(function);
      SmallVector<GenericOp> ops;
      function.walk([&](GenericOp op) {
        if (op.hasPureBufferSemantics())
          ops.push_back(op);
      });
      SizeFormulas formulas(function);
      for (GenericOp op : ops)
        lower(op, formulas);
    }
  }

  /// A copy between buffers that are not both contiguous is a loop like any other.
  void copiesToGenerics(func::FuncOp function) {
    SmallVector<memref::CopyOp> copies;
    function.walk([&](memref::CopyOp copy) { copies.push_back(copy); });
    for (memref::CopyOp copy : copies) {
      auto source = cast<MemRefType>(copy.getSource().getType()), target = cast<MemRefType>(copy.getTarget().getType());
      if (source.getLayout().isIdentity() && target.getLayout().isIdentity())
        continue;
      IRRewriter rewriter(copy);
      linalg::makeMemRefCopyOp(rewriter, copy.getLoc(), copy.getSource(), copy.getTarget());
      rewriter.eraseOp(copy);
    }
  }

  void lower(GenericOp op, SizeFormulas &formulas) {
    LoopPlan plan = planLoops(op, vectorBits);
    Location loc = op.getLoc();
    if (plan.vectorDim)
      remark::passed(loc, remark::RemarkOpts::name("vectorise").category("heed-vector"))
          << (std::to_string(plan.lanes) + " lanes along dimension " + std::to_string(*plan.vectorDim) +
              (plan.vectorIsReduction ? ", reduced" : ""));
    else if (!plan.reason.empty())
      remark::missed(loc, remark::RemarkOpts::name("vectorise").category("heed-vector")) << plan.reason;

    IRRewriter rewriter(op);
    VectorLoops loops(rewriter, op, plan);
    if (!emitChunks(rewriter, op, plan, loops, formulas))
      loops.emit();
    rewriter.eraseOp(op);
  }

  /// Splits one parallel dimension into chunks, if the whole is worth at least two of them.
  bool emitChunks(IRRewriter &rewriter, GenericOp op, LoopPlan const &plan, VectorLoops &loops,
                  SizeFormulas &formulas) {
    if (op->getParentOfType<scf::ParallelOp>() || parallelCost <= 0)
      return false;
    double total = plan.cost;
    SmallVector<int64_t> bounds;
    for (Value size : loops.sizes()) {
      bounds.push_back(formulas.upperBound(size).value_or(assumedUnbounded));
      total *= bounds.back();
    }
    if (total < 2.0 * parallelCost)
      return false;
    std::optional<unsigned> split;
    for (unsigned dim : plan.parallel)
      if (!split || bounds[dim] > bounds[*split])
        split = dim;
    bool vectors = plan.vectorDim && !plan.vectorIsReduction;
    if (vectors && (!split || bounds[*split] < 4))
      split = plan.vectorDim;
    if (!split || bounds[*split] < 2)
      return false;

    Location loc = op.getLoc();
    auto constant = [&](int64_t value) { return arith::ConstantIndexOp::create(rewriter, loc, value).getResult(); };
    // Cost of a single index of the dimension: in sixteenths, so that cheap elements count.
    Value each = constant(std::max<int64_t>(1, std::llround(16 * plan.cost)));
    for (auto [dim, size] : llvm::enumerate(loops.sizes()))
      if (dim != *split)
        each = arith::MulIOp::create(rewriter, loc, each, size);
    each = arith::MaxSIOp::create(rewriter, loc, each, constant(1));
    Value grain = arith::CeilDivSIOp::create(rewriter, loc, constant(16 * parallelCost), each);
    if (split == plan.vectorDim) {
      Value group = constant(plan.lanes * plan.interleave);
      grain = arith::MulIOp::create(rewriter, loc, arith::CeilDivSIOp::create(rewriter, loc, grain, group), group);
    }
    Value size = loops.sizes()[*split];
    Value chunks = arith::CeilDivSIOp::create(rewriter, loc, size, grain);
    auto parallel =
        scf::ParallelOp::create(rewriter, loc, ValueRange{constant(0)}, ValueRange{chunks}, ValueRange{constant(1)});
    remark::passed(loc, remark::RemarkOpts::name("chunks").category("heed-parallel"))
        << ("chunks of dimension " + std::to_string(*split));
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(parallel.getBody());
    Value begin = arith::MulIOp::create(rewriter, loc, parallel.getInductionVars().front(), grain);
    Value end = arith::MinSIOp::create(rewriter, loc, arith::AddIOp::create(rewriter, loc, begin, grain), size);
    loops.emitRange(*split, begin, end);
    return true;
  }
};

} // namespace
} // namespace heed
