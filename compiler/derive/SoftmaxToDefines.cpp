// SoftmaxToDefines.cpp - softmax as row maximum, exponentials, row sum and quotient.
#include "compiler/derive/Regions.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_SOFTMAXTODEFINES
#include "compiler/derive/Passes.h.inc"

namespace {

/// Rewrites one softmax.
class Expansion {
public:
  explicit Expansion(SoftmaxOp softmax)
      : softmax(softmax), builder(softmax), location(softmax.getLoc()), axis(softmax.getAxis()),
        element(softmax.getType().getElementType()), sizes(softmax.getMixedSizes()) {}

  Value run() {
    if (!softmax.getYielded().getDefiningOp<tensor::ExtractOp>())
      stored = makeDefine(sizes, [&](OpBuilder &inner, ValueRange at) { return original(inner, at); });
    Value maxima = reduceRows(ReduceKind::Max, /*restricted=*/true,
                              [&](OpBuilder &inner, ValueRange at) { return value(inner, at); });
    if (softmax.hasRest())
      maxima = makeDefine(rowSizes(), [&](OpBuilder &inner, ValueRange row) -> Value {
        Value largest = tensor::ExtractOp::create(inner, location, maxima, row);
        return arith::MaximumFOp::create(inner, location, largest, rest(inner, row));
      });
    Value exponentials = makeDefine(sizes, [&](OpBuilder &inner, ValueRange at) {
      Value max = tensor::ExtractOp::create(inner, location, maxima, rowOf(at));
      Value shifted = arith::SubFOp::create(inner, location, value(inner, at), max);
      return orZero(inner, at, math::ExpOp::create(inner, location, shifted));
    });
    Value sums = reduceRows(ReduceKind::Sum, /*restricted=*/false, [&](OpBuilder &inner, ValueRange at) -> Value {
      return tensor::ExtractOp::create(inner, location, exponentials, at);
    });
    if (softmax.hasRest())
      sums = makeDefine(rowSizes(), [&](OpBuilder &inner, ValueRange row) -> Value {
        Value max = tensor::ExtractOp::create(inner, location, maxima, row);
        Value shifted = arith::SubFOp::create(inner, location, rest(inner, row), max);
        Value sum = tensor::ExtractOp::create(inner, location, sums, row);
        return arith::AddFOp::create(inner, location, sum, math::ExpOp::create(inner, location, shifted));
      });
    return makeDefine(sizes, [&](OpBuilder &inner, ValueRange at) {
      Value exponential = tensor::ExtractOp::create(inner, location, exponentials, at);
      Value sum = tensor::ExtractOp::create(inner, location, sums, rowOf(at));
      return orZero(inner, at, arith::DivFOp::create(inner, location, exponential, sum));
    });
  }

private:
  using Body = llvm::function_ref<Value(OpBuilder &, ValueRange)>;

  Value makeDefine(ArrayRef<OpFoldResult> sizes, Body body) {
    return derive::makeDefine(builder, location, element, sizes, nullptr,
                              [&](OpBuilder &inner, Location, ValueRange at) { return body(inner, at); });
  }

  SmallVector<Value> rowOf(ValueRange at) {
    SmallVector<Value> row(at);
    row.erase(row.begin() + axis);
    return row;
  }

  SmallVector<OpFoldResult> rowSizes() {
    SmallVector<OpFoldResult> rows(sizes);
    rows.erase(rows.begin() + axis);
    return rows;
  }

  Value rest(OpBuilder &inner, ValueRange row) {
    IRMapping map;
    map.map(softmax.getRest().getArguments(), row);
    return derive::cloneSlice(inner, softmax.getRest().front().getTerminator()->getOperand(0), softmax, map);
  }
  Value original(OpBuilder &inner, ValueRange at) {
    IRMapping map;
    map.map(softmax.getValueBlock()->getArguments(), at);
    return derive::cloneSlice(inner, softmax.getYielded(), softmax, map);
  }
  Value value(OpBuilder &inner, ValueRange at) {
    return stored ? tensor::ExtractOp::create(inner, location, stored, at).getResult() : original(inner, at);
  }
  Value inside(OpBuilder &inner, ValueRange at) {
    IRMapping map;
    map.map(softmax.getDomainBlock()->getArguments(), at);
    return derive::cloneSlice(inner, softmax.getCondition(), softmax, map);
  }
  Value orZero(OpBuilder &inner, ValueRange at, Value value) {
    if (!softmax.hasDomain())
      return value;
    Value zero = arith::ConstantOp::create(inner, location, inner.getZeroAttr(element));
    return arith::SelectOp::create(inner, location, inside(inner, at), value, zero);
  }

  Value reduceRows(ReduceKind kind, bool restricted, Body body) {
    SmallVector<OpFoldResult> rows = rowSizes();
    OpFoldResult length = sizes[axis];
    Value lengthValue = derive::sizeValues(builder, location, length).front();
    return makeDefine(rows, [&](OpBuilder &inner, ValueRange row) -> Value {
      auto whole = [&](ValueRange column) {
        SmallVector<Value> at(row);
        at.insert(at.begin() + axis, column.front());
        return at;
      };
      auto value = [&](OpBuilder &deep, Location, ValueRange column) { return body(deep, whole(column)); };
      auto domain = [&](OpBuilder &deep, Location, ValueRange column) { return inside(deep, whole(column)); };
      BodyBuilder where = nullptr;
      if (restricted && softmax.hasDomain())
        where = domain;
      return ReduceOp::create(inner, location, element, kind, lengthValue, where, value);
    });
  }

  SoftmaxOp softmax;
  OpBuilder builder;
  Location location;
  unsigned axis;
  Type element;
  SmallVector<OpFoldResult> sizes;
  Value stored;
};

struct SoftmaxToDefines : impl::SoftmaxToDefinesBase<SoftmaxToDefines> {
  void runOnOperation() override {
    SmallVector<SoftmaxOp> all;
    getOperation().walk([&](SoftmaxOp softmax) { all.push_back(softmax); });
    for (SoftmaxOp softmax : all) {
      softmax.replaceAllUsesWith(Expansion(softmax).run());
      softmax.erase();
    }
  }
};

} // namespace
} // namespace heed
