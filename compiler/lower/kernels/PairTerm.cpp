// PairTerm.cpp - terms on lanes; element by element where the region cannot run on lanes.
#include "compiler/lower/kernels/PairTerm.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::kernels {

void allowTermAccuracy(Region &region) {
  region.walk([&](math::TanhOp tanh) { tanh->setAttr("heed.term", UnitAttr::get(region.getContext())); });
}

PairTerm::PairTerm(ir::AttentionOp op)
    : region(&op.getCombine()), analysis(op.getCombine(), op.getCombine().getArguments().take_back(2)) {
  allowTermAccuracy(*region);
}

std::optional<PairTerm> PairTerm::of(ir::AttentionOp op) {
  if (!op.hasCombine())
    return std::nullopt;
  return PairTerm(op);
}

int64_t PairTerm::rowsOfTile(int64_t rowsOfProduct) const {
  // Functions become polynomials, whose constants and intermediate results need the registers.
  bool callsFunction = false;
  region->walk([&](Operation *op) {
    callsFunction |= isa<math::MathDialect>(op->getDialect()) && !isa<math::AbsFOp, math::FmaOp, math::CopySignOp>(op);
  });
  return callsFunction ? std::min<int64_t>(rowsOfProduct, 2) : rowsOfProduct;
}

Value PairTerm::emit(Emit &emit, ArrayRef<Value> batch, Value inner, Value query, Value key) const {
  SmallVector<Value> arguments(batch);
  arguments.append({inner, query, key});
  auto vector = dyn_cast<VectorType>(query.getType());
  int64_t lanes = (vector ? vector : cast<VectorType>(key.getType())).getNumElements();
  if (analysis.isSupported()) {
    LaneCode code(emit, analysis, lanes, Value());
    for (auto [argument, value] : llvm::zip_equal(region->getArguments(), arguments)) {
      if (isa<VectorType>(value.getType()))
        code.bindVector(argument, value);
      else
        code.bindUniform(argument, value);
    }
    return code.run(region->front()).front();
  }
  Value result = emit.splat(lanes, 0.0f);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> scalars = llvm::map_to_vector(arguments, [&](Value value) -> Value {
      return isa<VectorType>(value.getType()) ? vector::ExtractOp::create(emit, value, lane).getResult() : value;
    });
    Value term = evaluateUniform(emit, *region, region->front().getTerminator()->getOperand(0), scalars);
    result = vector::InsertOp::create(emit, term, result, lane);
  }
  return result;
}

} // namespace heed::kernels
