// ContractArithmetic.cpp - allows a product and a sum to be rounded once.
#include "compiler/lower/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace heed {
#define GEN_PASS_DEF_CONTRACTARITHMETIC
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

struct ContractArithmetic : impl::ContractArithmeticBase<ContractArithmetic> {
  using ContractArithmeticBase::ContractArithmeticBase;

  void runOnOperation() override {
    auto contract = arith::FastMathFlagsAttr::get(&getContext(), arith::FastMathFlags::contract);
    getOperation()->walk([&](arith::ArithFastMathInterface op) {
      if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(op.getOperation()))
        op->setAttr(op.getFastMathAttrName(), contract);
    });
  }
};

} // namespace
} // namespace heed
