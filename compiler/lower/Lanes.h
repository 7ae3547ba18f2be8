// Lanes.h - values in the lanes of a vector, kept as `base + lane * stride` as long as possible.
//
// Knowing the stride of a subscript is what turns a read of a captured buffer into one vector load instead of a gather.
#pragma once

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Builders.h"

namespace heed {

/// `base + lane * stride` (a scalar; stride 0: the same in every lane), or, if `vector` is set, anything.
struct LaneValue {
  mlir::Value base;
  int64_t stride = 0;
  mlir::Value vector;

  static LaneValue uniform(mlir::Value value) { return {value, 0, {}}; }
  static LaneValue varying(mlir::Value value) { return {{}, 0, value}; }
  bool isUniform() const { return !vector && stride == 0; }
  mlir::Type elementType() const;
};

/// Emits code for `count` lanes at once (0: plain scalar code). Lanes whose bit in `mask` is off are not to touch
/// memory and hold arbitrary values.
class Lanes {
public:
  Lanes(mlir::OpBuilder &builder, mlir::Location loc, int64_t count) : builder(builder), loc(loc), count(count) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;
  int64_t count;
  mlir::Value mask;        // null: all lanes
  bool mayBeEmpty = false; // whether no lane at all may be on

  mlir::VectorType vectorOf(mlir::Type element) const { return mlir::VectorType::get({count}, element); }
  mlir::Value vector(LaneValue value);
  /// A scalar in scalar code, else a vector: a form that loops can carry.
  mlir::Value carried(LaneValue value) { return count == 0 ? value.base : vector(value); }
  LaneValue fromCarried(mlir::Value value) const {
    return count == 0 ? LaneValue::uniform(value) : LaneValue::varying(value);
  }

  LaneValue add(LaneValue left, LaneValue right);
  LaneValue subtract(LaneValue left, LaneValue right);
  LaneValue multiply(LaneValue left, LaneValue right);
  /// An affine expression over dims.
  LaneValue apply(mlir::AffineExpr expression, llvm::ArrayRef<LaneValue> dims);

  LaneValue load(mlir::Value buffer, llvm::ArrayRef<LaneValue> indices);
  void store(LaneValue value, mlir::Value buffer, llvm::ArrayRef<LaneValue> indices);

private:
  LaneValue constant(int64_t value);
  LaneValue binary(llvm::StringRef name, LaneValue left, LaneValue right);
  /// A buffer whose elements can stand in vectors in memory: i1 is stored as a byte.
  mlir::Value storable(mlir::Value buffer);
  /// All elements behind the first as one axis, and the position of `indices` there.
  std::pair<mlir::Value, LaneValue> flatten(mlir::Value buffer, llvm::ArrayRef<LaneValue> indices);
  mlir::Value fullMask();
};

/// Whether lane-consecutive elements of the last axis are neighbours in memory.
bool hasUnitLastStride(mlir::Value buffer);

} // namespace heed
