// ScanToScf.cpp - recurrences as loops.
#include "compiler/derive/Regions.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_SCANTOSCF
#include "compiler/derive/Passes.h.inc"

namespace {

struct ScanToScf : impl::ScanToScfBase<ScanToScf> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<ScanOp> scans;
    getOperation().walk([&](ScanOp scan) { scans.push_back(scan); });
    for (ScanOp scan : scans) {
      rewriter.setInsertionPoint(scan);
      if (scan.getTaken())
        toWhile(scan, rewriter);
      else
        toFor(scan, rewriter);
    }
  }

  static void toFor(ScanOp scan, IRRewriter &rewriter) {
    Location location = scan.getLoc();
    Value zero = arith::ConstantIndexOp::create(rewriter, location, 0);
    Value one = arith::ConstantIndexOp::create(rewriter, location, 1);
    auto loop = scf::ForOp::create(rewriter, location, zero, scan.getSteps(), one, scan.getInits());
    if (loop.getBody()->mightHaveTerminator())
      rewriter.eraseOp(loop.getBody()->getTerminator());
    rewriter.setInsertionPointToEnd(loop.getBody());
    Value step = loop.getInductionVar();
    if (scan.getBackward()) {
      AffineExpr steps, counter;
      bindDims(rewriter.getContext(), steps, counter);
      step = affine::AffineApplyOp::create(rewriter, location, steps - counter - 1, ValueRange{scan.getSteps(), step});
    }
    YieldOp yield = scan.getYield();
    SmallVector<Value> arguments = {step};
    llvm::append_range(arguments, loop.getRegionIterArgs());
    rewriter.inlineBlockBefore(&scan.getBody().front(), loop.getBody(), loop.getBody()->end(), arguments);
    rewriter.setInsertionPoint(yield);
    rewriter.replaceOpWithNewOp<scf::YieldOp>(yield, yield.getValues());
    rewriter.replaceOp(scan, loop.getResults());
  }

  static void toWhile(ScanOp scan, IRRewriter &rewriter) {
    Location location = scan.getLoc();
    Value zero = arith::ConstantIndexOp::create(rewriter, location, 0);
    Value one = arith::ConstantIndexOp::create(rewriter, location, 1);
    Value no = arith::ConstantOp::create(rewriter, location, rewriter.getBoolAttr(false));
    // States, steps taken, and whether the last step ended the scan.
    SmallVector<Value> inits(scan.getInits());
    inits.append({zero, no});
    SmallVector<Type> types(ValueRange(inits).getTypes());
    auto loop = scf::WhileOp::create(rewriter, location, types, inits);
    SmallVector<Location> locations(types.size(), location);
    Block *before = rewriter.createBlock(&loop.getBefore(), {}, types, locations);
    size_t states = scan.getInits().size();
    Value more = arith::CmpIOp::create(rewriter, location, arith::CmpIPredicate::slt, before->getArgument(states),
                                       scan.getSteps());
    Value yes = arith::ConstantOp::create(rewriter, location, rewriter.getBoolAttr(true));
    Value running = arith::XOrIOp::create(rewriter, location, before->getArgument(states + 1), yes);
    Value enter = arith::AndIOp::create(rewriter, location, more, running);
    scf::ConditionOp::create(rewriter, location, enter, before->getArguments());

    Block *after = rewriter.createBlock(&loop.getAfter(), {}, types, locations);
    Value step = after->getArgument(states);
    YieldOp yield = scan.getYield();
    SmallVector<Value> arguments = {step};
    llvm::append_range(arguments, after->getArguments().take_front(states));
    rewriter.inlineBlockBefore(&scan.getBody().front(), after, after->end(), arguments);
    rewriter.setInsertionPoint(yield);
    SmallVector<Value> results(yield.getValues());
    results.push_back(arith::AddIOp::create(rewriter, location, step, one));
    results.push_back(yield.getUntil());
    rewriter.replaceOpWithNewOp<scf::YieldOp>(yield, results);
    rewriter.replaceOp(scan, loop.getResults().take_front(states + 1));
  }
};

} // namespace
} // namespace heed
