// VectorLoops.h - emits the loops that a LoopPlan describes.
#pragma once

#include "compiler/lower/Lanes.h"
#include "compiler/lower/LoopPlan.h"

namespace heed {

class VectorLoops {
public:
  VectorLoops(mlir::OpBuilder &builder, mlir::linalg::GenericOp op, LoopPlan const &plan);

  /// The number of iterations of every dimension.
  llvm::ArrayRef<mlir::Value> sizes() const { return extents; }
  /// Everything, one iteration after the other.
  void emit() { emitSome(0, std::nullopt, {}, {}); }
  /// Only what lies in [begin, end) of one parallel dimension.
  void emitRange(unsigned dim, mlir::Value begin, mlir::Value end) { emitSome(0, dim, begin, end); }

private:
  using Carried = llvm::SmallVector<mlir::Value>;
  void emitSome(unsigned level, std::optional<unsigned> ranged, mlir::Value begin, mlir::Value end);
  void emitVectorDim(mlir::Value begin, mlir::Value end);
  void emitPoint(int64_t copies, mlir::Value mask);
  void emitHorizontal();
  /// Loops over the reductions from `level` on, around `body`.
  Carried emitReductions(unsigned level, Carried carried, llvm::function_ref<Carried(Carried)> body);
  mlir::Value emitVectorReduction(Lanes &lanes, Combiner const &combiner, mlir::Value vector);
  mlir::Value combine(Combiner const &combiner, mlir::Value left, mlir::Value right);
  llvm::SmallVector<LaneValue> subscripts(Lanes &lanes, mlir::OpOperand &operand, llvm::ArrayRef<LaneValue> point);
  llvm::SmallVector<LaneValue> pointOf(Lanes &lanes, int64_t copy);
  llvm::SmallVector<LaneValue> emitBody(Lanes &lanes, llvm::ArrayRef<LaneValue> point,
                                        llvm::ArrayRef<LaneValue> outputs);
  mlir::Value constant(int64_t value);

  mlir::OpBuilder &builder;
  mlir::linalg::GenericOp op;
  LoopPlan const &plan;
  mlir::Location loc;
  llvm::SmallVector<mlir::Value> extents;
  llvm::SmallVector<mlir::Value> position; // of every dimension; of the vector one, the first lane of the first copy
};

} // namespace heed
