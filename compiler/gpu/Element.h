// Element.h - the body of a linalg.generic at one place of its loops.
#pragma once

#include "compiler/gpu/Launch.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace heed::device {

class Element {
public:
  Element(Emit &emit, mlir::linalg::GenericOp op);

  /// Of each loop.
  SmallVector<Value> sizes, position;

  bool isParallel(unsigned loop) const;
  SmallVector<Value> subscripts(mlir::OpOperand &operand);
  Value load(mlir::OpOperand &operand);
  /// What the body yields. `outputs` are the values of the outputs so far (null where it does not look at them); `known`, if
  /// not null, has the value `value` and is not loaded.
  SmallVector<Value> values(ArrayRef<Value> outputs, mlir::OpOperand *known = nullptr, Value value = {});
  void store(ValueRange results);

private:
  Emit &emit;
  mlir::linalg::GenericOp op;
};

} // namespace heed::device
