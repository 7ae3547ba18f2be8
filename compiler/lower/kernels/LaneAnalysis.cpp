// LaneAnalysis.cpp - which values depend on the lane, to a fixed point over loops.
#include "compiler/lower/kernels/LaneCode.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace heed::kernels {

LaneAnalysis::LaneAnalysis(Region &region, ValueRange varyingArguments) {
  varying.insert(varyingArguments.begin(), varyingArguments.end());
  do {
    changed = false;
    visit(region.front());
  } while (changed && supported);
}

bool LaneAnalysis::markIf(bool condition, Value value) {
  if (condition && varying.insert(value).second)
    changed = true;
  return condition;
}

void LaneAnalysis::visit(Block &block) {
  for (Operation &op : block)
    visit(op);
}

static bool isScalar(Type type) { return type.isIntOrIndexOrFloat(); }

void LaneAnalysis::visit(Operation &op) {
  auto isIn = [&](Value value) { return varying.contains(value); };
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    if (isIn(loop.getLowerBound()) || isIn(loop.getUpperBound()) || isIn(loop.getStep()))
      supported = false;
    visit(*loop.getBody());
    Operation *yield = loop.getBody()->getTerminator();
    for (auto [init, argument, next, result] :
         llvm::zip_equal(loop.getInitArgs(), loop.getRegionIterArgs(), yield->getOperands(), loop.getResults()))
      markIf(markIf(isIn(init) || isIn(next), argument), result);
    return;
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    for (Region *region : {&branch.getThenRegion(), &branch.getElseRegion()}) {
      if (region->empty())
        continue;
      visit(region->front());
      for (auto [value, result] : llvm::zip_equal(region->front().getTerminator()->getOperands(), branch.getResults()))
        markIf(isIn(value) || isIn(branch.getCondition()), result);
    }
    return;
  }
  if (op.hasTrait<OpTrait::IsTerminator>())
    return;
  bool lane = llvm::any_of(op.getOperands(), isIn);
  bool load = isa<memref::LoadOp>(op), affine = isa<affine::AffineApplyOp>(op);
  // A uniform operation is cloned: it must only compute, or read.
  if (op.getNumRegions() != 0 || !(isMemoryEffectFree(&op) || load))
    supported = false;
  if (affine && !cast<affine::AffineApplyOp>(op).getAffineMap().getResult(0).isPureAffine())
    supported = false;
  if (lane && !load && !affine &&
      !(OpTrait::hasElementwiseMappableTraits(&op) && llvm::all_of(op.getOperandTypes(), isScalar) &&
        llvm::all_of(op.getResultTypes(), isScalar)))
    supported = false;
  for (Value result : op.getResults())
    markIf(lane, result);
}

} // namespace heed::kernels
