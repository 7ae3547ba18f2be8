// LaneCode.h - scalar code of a region, executed for several neighbouring values of one index at once.
#pragma once

#include "compiler/lower/kernels/Emit.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "llvm/ADT/DenseSet.h"

namespace heed::kernels {

/// Which values of a region differ from lane to lane, and whether all of it can run on lanes.
class LaneAnalysis {
public:
  LaneAnalysis(mlir::Region &region, ValueRange varyingArguments);
  bool isSupported() const { return supported; }
  bool isVarying(Value value) const { return varying.contains(value); }

private:
  void visit(mlir::Block &block);
  void visit(mlir::Operation &op);
  bool markIf(bool condition, Value value);

  llvm::DenseSet<Value> varying;
  bool supported = true, changed = false;
};

/// Emits a region on lanes. Loads and integer divisions only happen in lanes of `mask` (null: all lanes).
class LaneCode {
public:
  LaneCode(Emit &emit, LaneAnalysis const &analysis, int64_t lanes, Value mask)
      : emit(emit), analysis(analysis), lanes(lanes), mask(mask) {}

  void bindUniform(Value from, Value scalar) { values[from] = {scalar, 0, {}}; }
  /// `from` is base, base + stride, base + 2 stride, ...
  void bindStrided(Value from, Value base, int64_t stride) { values[from] = {base, stride, {}}; }
  /// Of an argument, or of an operation, which is then left out.
  void bindVector(Value from, Value vector) {
    values[from] = {{}, 0, vector};
    bound.insert(from);
  }

  /// What the region yields, as vectors.
  SmallVector<Value> run(mlir::Block &block);

  /// `scalar + stride * lane`, or `vector`, or a condition that holds in lanes [begin, end).
  struct Lanes {
    Value scalar;
    int64_t stride = 0;
    Value vector;
    Value begin = {}, end = {};
    bool isUniform() const { return scalar && stride == 0; }
  };

  /// The condition that a region yields.
  Lanes runCondition(mlir::Block &block);
  /// How the result of `map`, of bound values and others from outside, compares with 0.
  Lanes compareWithZero(mlir::arith::CmpIPredicate predicate, mlir::AffineMap map, ArrayRef<Value> operands);
  /// The condition that holds in the first lanes, or in all.
  Lanes first(Value count) { return {{}, 0, {}, emit.index(0), count}; }
  Lanes everywhere() { return first(emit.index(lanes)); }
  Lanes both(Lanes const &a, Lanes const &b);
  Lanes either(Lanes const &a, Lanes const &b);
  Value toVector(Lanes const &lanes);
  /// Any value of a region that was run.
  Value valueOf(Value value) { return toVector(value); }

private:
  void emitBlock(mlir::Block &block);
  void emitOp(mlir::Operation &op);
  void emitScalar(mlir::Operation &op);
  void emitElementwise(mlir::Operation &op);
  void emitLoad(mlir::memref::LoadOp op);
  void emitFor(mlir::scf::ForOp op);
  void emitIf(mlir::scf::IfOp op);
  bool emitConsecutive(mlir::Operation &op);
  bool emitComparison(mlir::Operation &op);
  std::optional<Lanes> compare(mlir::arith::CmpIPredicate predicate, Lanes const &a, Lanes const &b);
  bool emitLogic(mlir::Operation &op);
  Value maskOf(Value begin, Value end);
  Lanes affine(mlir::AffineMap map, ArrayRef<Value> operands);
  Lanes affine(mlir::AffineExpr expr, ArrayRef<Lanes> dims, ArrayRef<Lanes> symbols);
  Lanes affineDivision(mlir::AffineExprKind kind, Lanes dividend, int64_t divisor);
  Value gather(mlir::memref::LoadOp op, mlir::VectorType type);
  Lanes lookup(Value value);
  Value toVector(Value value) { return toVector(lookup(value)); }
  SmallVector<Value> toVectors(mlir::Block &block, ValueRange results);

  Emit &emit;
  LaneAnalysis const &analysis;
  int64_t lanes;
  Value mask;
  llvm::DenseMap<Value, Lanes> values;
  llvm::DenseSet<Value> bound;
};

/// A value of `region` that depends only on its first arguments, whose values are `leading`.
Value evaluateUniform(Emit &emit, mlir::Region &region, Value value, ArrayRef<Value> leading);

} // namespace heed::kernels
