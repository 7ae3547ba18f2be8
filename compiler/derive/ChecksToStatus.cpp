// ChecksToStatus.cpp - run-time checks as reductions whose outcome selects the status.
#include "compiler/derive/Regions.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_CHECKSTOSTATUS
#include "compiler/derive/Passes.h.inc"

namespace {

struct ChecksToStatus : impl::ChecksToStatusBase<ChecksToStatus> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](CheckOp check) { rewrite(check, rewriter); });
  }

  /// The condition of one index tuple; true outside the domain.
  static Value condition(CheckOp check, OpBuilder &builder, ValueRange indices) {
    IRMapping map;
    map.map(check.getValueBlock()->getArguments(), indices);
    Value holds = derive::cloneSlice(builder, check.getYielded(), check, map);
    if (!check.hasDomain())
      return holds;
    map.map(check.getDomainBlock()->getArguments(), indices);
    Value inside = derive::cloneSlice(builder, check.getCondition(), check, map);
    Value yes = arith::ConstantOp::create(builder, check.getLoc(), builder.getBoolAttr(true));
    return arith::SelectOp::create(builder, check.getLoc(), inside, holds, yes);
  }

  void rewrite(CheckOp check, IRRewriter &rewriter) {
    rewriter.setInsertionPoint(check);
    Location location = check.getLoc();
    auto element = [&](OpBuilder &builder, Location, ValueRange indices) { return condition(check, builder, indices); };
    auto value = [&](OpBuilder &builder, Location where, ValueRange none) -> Value {
      if (check.getSizes().empty())
        return condition(check, builder, none);
      return ReduceOp::create(builder, where, builder.getI1Type(), ReduceKind::All, check.getSizes(), nullptr, element);
    };
    auto type = RankedTensorType::get({}, rewriter.getI1Type());
    Value all = DefineOp::create(rewriter, location, type, ValueRange(), nullptr, value);
    Value holds = tensor::ExtractOp::create(rewriter, location, all, ValueRange());
    auto number = [&](int64_t value) -> Value {
      return arith::ConstantOp::create(rewriter, location, rewriter.getI32IntegerAttr(value));
    };
    Value zero = number(0);
    Value own = arith::SelectOp::create(rewriter, location, holds, zero, number(check.getIndex() + 1));
    Value failed = arith::CmpIOp::create(rewriter, location, arith::CmpIPredicate::ne, check.getPrevious(), zero);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(check, failed, check.getPrevious(), own);
  }
};

} // namespace
} // namespace heed
