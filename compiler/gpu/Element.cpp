// Element.cpp - the body of a linalg.generic at one place of its loops.
#include "compiler/gpu/Element.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed::device {

Element::Element(Emit &emit, linalg::GenericOp op) : position(op.getNumLoops()), emit(emit), op(op) {
  for (Range const &range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(emit, op.getLoc()))
    sizes.push_back(getValueOrCreateConstantIndexOp(emit, op.getLoc(), range.size));
}

bool Element::isParallel(unsigned loop) const {
  return const_cast<linalg::GenericOp &>(op).getIteratorTypesArray()[loop] == utils::IteratorType::parallel;
}

SmallVector<Value> Element::subscripts(OpOperand &operand) {
  SmallVector<Value> result;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  for (unsigned axis = 0; axis < map.getNumResults(); ++axis)
    result.push_back(getValueOrCreateConstantIndexOp(
        emit, emit.getLoc(),
        affine::makeComposedFoldedAffineApply(emit, emit.getLoc(), map.getSubMap({axis}), getAsOpFoldResult(position))));
  return result;
}

Value Element::load(OpOperand &operand) {
  if (!isa<MemRefType>(operand.get().getType()))
    return operand.get();
  return memref::LoadOp::create(emit, operand.get(), subscripts(operand));
}

SmallVector<Value> Element::values(ArrayRef<Value> outputs, OpOperand *known, Value value) {
  IRMapping mapping;
  Block *body = op.getBlock();
  for (auto [argument, output] : llvm::zip_equal(op.getRegionOutputArgs(), outputs))
    if (output)
      mapping.map(argument, output);
  if (known)
    mapping.map(body->getArgument(known->getOperandNumber()), value);
  for (OpOperand *input : op.getDpsInputOperands())
    if (input != known && op.payloadUsesValueFromOperand(input))
      mapping.map(body->getArgument(input->getOperandNumber()), load(*input));
  for (Operation &nested : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(nested)) {
      mapping.map(index.getResult(), position[index.getDim()]);
      continue;
    }
    Operation *copy = emit.clone(nested, mapping);
    // Inside conditions and loops of the body.
    copy->walk([&](linalg::IndexOp index) {
      index.replaceAllUsesWith(position[index.getDim()]);
      index.erase();
    });
  }
  return llvm::map_to_vector(body->getTerminator()->getOperands(),
                             [&](Value result) { return mapping.lookupOrDefault(result); });
}

void Element::store(ValueRange results) {
  for (auto [output, result] : llvm::zip_equal(op.getDpsInitsMutable(), results))
    memref::StoreOp::create(emit, result, output.get(), subscripts(output));
}

} // namespace heed::device
