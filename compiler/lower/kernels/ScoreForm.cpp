// ScoreForm.cpp - follows the dot product through the score region.
#include "compiler/lower/kernels/ScoreForm.h"

using namespace mlir;

namespace heed::kernels {
namespace {

class Follower {
public:
  explicit Follower(ir::AttentionOp op) : region(op.getScore()), rowDim(op.getRowDim()) {}

  std::optional<ScoreForm> run() {
    Value dot = region.getArguments().back(), score = region.front().getTerminator()->getOperand(0), at = dot;
    // Upwards through the factors, then through the terms, for as long as there is one use only.
    for (bool scaling = true; at != score;) {
      if (!at.hasOneUse())
        return std::nullopt;
      Operation *user = *at.getUsers().begin();
      if (user->getBlock() != &region.front() || user->getNumOperands() != 2 || user->getNumResults() != 1)
        return std::nullopt;
      bool left = user->getOperand(0) == at;
      Value other = user->getOperand(left ? 1 : 0);
      bool multiplies = isa<arith::MulFOp>(user), divides = isa<arith::DivFOp>(user) && left;
      if (scaling && (multiplies || divides) && isUniform(other)) {
        form.factors.push_back({other, divides});
      } else if (isa<arith::AddFOp>(user) || (isa<arith::SubFOp>(user) && left)) {
        if (scaling)
          form.scaledDot = at;
        scaling = false;
        form.hasRest = true;
      } else {
        return std::nullopt;
      }
      at = user->getResult(0);
    }
    if (!form.hasRest)
      form.scaledDot = score;
    return form;
  }

private:
  bool isUniform(Value value) {
    if (!region.isAncestor(value.getParentRegion()))
      return true;
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument.getOwner() == &region.front() && argument.getArgNumber() < rowDim;
    Operation *definition = value.getDefiningOp();
    return definition->getNumRegions() == 0 &&
           llvm::all_of(definition->getOperands(), [&](Value operand) { return isUniform(operand); });
  }

  Region &region;
  unsigned rowDim;
  ScoreForm form;
};

} // namespace

std::optional<ScoreForm> ScoreForm::of(ir::AttentionOp op) {
  if (!op.hasQuery() || op.hasCombine()) // only a product is linear in the query
    return std::nullopt;
  return Follower(op).run();
}

} // namespace heed::kernels
