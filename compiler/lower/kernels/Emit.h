// Emit.h - a builder with a current location and the few index and vector helpers that kernels are written with.
#pragma once

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

namespace heed::kernels {

using mlir::ArrayRef;
using mlir::SmallVector;
using mlir::Value;
using mlir::ValueRange;

/// The constant behind an index value, if it is one; 1 for true.
inline std::optional<int64_t> constantOf(Value value) {
  llvm::APInt result;
  if (matchPattern(value, mlir::m_ConstantInt(&result)))
    return result.getBitWidth() == 1 ? static_cast<int64_t>(result.getZExtValue()) : result.getSExtValue();
  return std::nullopt;
}

class Emit : public mlir::ImplicitLocOpBuilder {
public:
  Emit(mlir::Location loc, mlir::OpBuilder &builder) : ImplicitLocOpBuilder(loc, builder), fma(true) {}

  /// Whether the target has fused multiply-add; without it vector.fma would become a library call per element.
  bool fma;

  Value index(int64_t value) { return mlir::arith::ConstantIndexOp::create(*this, value); }
  Value f32(float value) { return mlir::arith::ConstantOp::create(*this, getF32FloatAttr(value)); }
  mlir::VectorType vectorOf(int64_t lanes, mlir::Type element) { return mlir::VectorType::get({lanes}, element); }
  mlir::VectorType vectorOf(int64_t lanes) { return vectorOf(lanes, getF32Type()); }
  Value splat(int64_t lanes, float value) {
    return mlir::arith::ConstantOp::create(*this, mlir::DenseElementsAttr::get(vectorOf(lanes), value));
  }
  Value splat(int64_t lanes, int32_t value) {
    return mlir::arith::ConstantOp::create(*this, mlir::DenseElementsAttr::get(vectorOf(lanes, getI32Type()), value));
  }
  Value broadcast(int64_t lanes, Value scalar) {
    return mlir::vector::BroadcastOp::create(*this, vectorOf(lanes, scalar.getType()), scalar);
  }

  Value slice(Value vector, int64_t first, int64_t count) {
    SmallVector<int64_t> lanes = llvm::to_vector(llvm::seq<int64_t>(first, first + count));
    return createOrFold<mlir::vector::ShuffleOp>(vector, vector, lanes);
  }
  Value concatenate(Value a, Value b) {
    int64_t count = mlir::cast<mlir::VectorType>(a.getType()).getNumElements() +
                    mlir::cast<mlir::VectorType>(b.getType()).getNumElements();
    return mlir::vector::ShuffleOp::create(*this, a, b, llvm::to_vector(llvm::seq<int64_t>(0, count)));
  }

  Value add(Value a, Value b) { return createOrFold<mlir::arith::AddIOp>(a, b); }
  Value add(Value a, int64_t b) { return b ? add(a, index(b)) : a; }
  Value sub(Value a, Value b) { return createOrFold<mlir::arith::SubIOp>(a, b); }
  Value mul(Value a, Value b) { return createOrFold<mlir::arith::MulIOp>(a, b); }
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, index(b)); }
  Value min(Value a, Value b) { return a == b ? a : createOrFold<mlir::arith::MinSIOp>(a, b); }
  Value max(Value a, Value b) { return a == b ? a : createOrFold<mlir::arith::MaxSIOp>(a, b); }
  /// For values that are not negative.
  Value div(Value a, int64_t b) { return b == 1 ? a : createOrFold<mlir::arith::DivUIOp>(a, index(b)); }
  Value ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), b); }
  Value roundUp(Value a, int64_t b) { return mul(ceilDiv(a, b), b); }
  Value less(Value a, Value b) { return compare(mlir::arith::CmpIPredicate::slt, a, b); }
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value b) {
    return createOrFold<mlir::arith::CmpIOp>(predicate, a, b);
  }
  Value multiplyAdd(Value a, Value b, Value c) {
    if (fma)
      return mlir::vector::FMAOp::create(*this, a, b, c);
    return mlir::arith::AddFOp::create(*this, mlir::arith::MulFOp::create(*this, a, b), c);
  }

  /// Size of an axis, a constant where it is static.
  Value dim(Value buffer, int64_t axis) {
    auto type = mlir::cast<mlir::ShapedType>(buffer.getType());
    return type.isDynamicDim(axis) ? Value(mlir::memref::DimOp::create(*this, buffer, axis))
                                   : index(type.getDimSize(axis));
  }

  /// A loop over [lower, upper); one that runs exactly once is not a loop.
  using Body = llvm::function_ref<SmallVector<Value>(Value, ValueRange)>;
  SmallVector<Value> loop(Value lower, Value upper, int64_t step, ValueRange inits, Body body) {
    std::optional<int64_t> from = constantOf(lower), to = constantOf(upper);
    if (from && to && *from >= *to)
      return SmallVector<Value>(inits);
    if (from && to && *to - *from <= step)
      return body(lower, inits);
    assert(!inits.empty() && "a loop without values has its own form");
    auto op = mlir::scf::ForOp::create(*this, lower, upper, index(step), inits);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(op.getBody());
    SmallVector<Value> results = body(op.getInductionVar(), op.getRegionIterArgs());
    mlir::scf::YieldOp::create(*this, results);
    return SmallVector<Value>(op.getResults());
  }
  void loop(Value lower, Value upper, int64_t step, llvm::function_ref<void(Value)> body) {
    std::optional<int64_t> from = constantOf(lower), to = constantOf(upper);
    if (from && to && *from >= *to)
      return;
    if (from && to && *to - *from <= step)
      return body(lower);
    auto op = mlir::scf::ForOp::create(*this, lower, upper, index(step));
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPoint(op.getBody()->getTerminator());
    body(op.getInductionVar());
  }

  /// Independent tasks 0, 1, ..., count - 1, which may run at the same time.
  void tasks(Value count, llvm::function_ref<void(Value)> body) {
    if (constantOf(count) == 1)
      return body(index(0));
    if (enclosing<mlir::scf::ParallelOp>())
      return loop(index(0), count, 1, body);
    auto op = mlir::scf::ParallelOp::create(*this, ValueRange(index(0)), ValueRange(count), ValueRange(index(1)));
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPoint(op.getBody()->getTerminator());
    body(op.getInductionVars().front());
  }
  /// Where stack buffers belong: they must not be in a loop, which would take the stack again every time.
  mlir::Block *stackBlock() {
    if (auto parallel = enclosing<mlir::scf::ParallelOp>())
      return parallel.getBody();
    mlir::Block *block = getBlock();
    while (!block->getParentOp()->hasTrait<mlir::OpTrait::IsIsolatedFromAbove>())
      block = block->getParentOp()->getBlock();
    return &block->getParent()->front();
  }
  template <typename Op>
  Op enclosing() {
    mlir::Operation *parent = getBlock()->getParentOp();
    if (auto op = mlir::dyn_cast<Op>(parent))
      return op;
    return parent->getParentOfType<Op>();
  }
  /// Takes the last of the mixed-radix digits of `number` off: number = rest * size + digit.
  Value takeDigit(Value &number, Value size) {
    if (constantOf(size) == 1)
      return index(0);
    Value digit = createOrFold<mlir::arith::RemUIOp>(number, size);
    number = createOrFold<mlir::arith::DivUIOp>(number, size);
    return digit;
  }

  /// The values of one of two sides; a constant condition leaves only that.
  using Side = llvm::function_ref<SmallVector<Value>()>;
  SmallVector<Value> choose(Value condition, mlir::TypeRange types, Side then, Side otherwise) {
    if (std::optional<int64_t> known = constantOf(condition))
      return *known ? then() : otherwise();
    auto op = mlir::scf::IfOp::create(*this, types, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(op.thenBlock());
    mlir::scf::YieldOp::create(*this, then());
    setInsertionPointToStart(op.elseBlock());
    mlir::scf::YieldOp::create(*this, otherwise());
    return SmallVector<Value>(op.getResults());
  }
  /// `then` or `otherwise`; a constant condition leaves only one of them.
  void branch(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise = {}) {
    if (std::optional<int64_t> known = constantOf(condition)) {
      if (*known)
        then();
      else if (otherwise)
        otherwise();
      return;
    }
    auto op = mlir::scf::IfOp::create(*this, condition, static_cast<bool>(otherwise));
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPoint(op.thenBlock()->getTerminator());
    then();
    if (otherwise) {
      setInsertionPoint(op.elseBlock()->getTerminator());
      otherwise();
    }
  }
};

} // namespace heed::kernels
