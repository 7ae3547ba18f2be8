// PairTerm.cpp - terms on lanes; element by element where the region cannot run on lanes.
#include "compiler/lower/kernels/PairTerm.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::kernels {

PairTerm::PairTerm(ir::AttentionOp op)
    : region(&op.getCombine()), analysis(op.getCombine(), op.getCombine().getArguments().take_back(2).take_front(1)) {}

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

Value PairTerm::emit(Emit &emit, ArrayRef<Value> batch, Value inner, Value queries, Value key) const {
  int64_t lanes = cast<VectorType>(queries.getType()).getNumElements();
  SmallVector<Value> arguments(batch);
  arguments.append({inner, queries, key});
  size_t query = arguments.size() - 2;
  if (analysis.isSupported()) {
    LaneCode code(emit, analysis, lanes, Value());
    for (auto [argument, value] : llvm::zip_equal(region->getArguments(), arguments))
      if (value != queries)
        code.bindUniform(argument, value);
    code.bindVector(region->getArgument(query), queries);
    return code.run(region->front()).front();
  }
  Value result = emit.splat(lanes, 0.0f);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    arguments[query] = vector::ExtractOp::create(emit, queries, lane);
    Value term = evaluateUniform(emit, *region, region->front().getTerminator()->getOperand(0), arguments);
    result = vector::InsertOp::create(emit, term, result, lane);
  }
  return result;
}

} // namespace heed::kernels
