// WarpKeyFilter.cpp - a vote, and butterflies for the ranges of data.
#include "compiler/gpu/WarpKeyFilter.h"
#include "compiler/gpu/TensorCore.h"

using namespace mlir;

namespace heed::device {

Value WarpKeyFilter::anyKey(domain::Part const &part, Value begin, int64_t width) {
  Value no = arith::ConstantOp::create(emit, emit.getBoolAttr(false)), any = no;
  for (int64_t offset = 0; offset < width; offset += warpLanes) {
    Value key = emit.add(emit.add(begin, offset), lane);
    SmallVector<Value> pair(queries.batch);
    // No filter depends on the row itself; the first stands for it.
    pair.append({queries.steps.row(emit, queries.begin), queries.steps.key(emit, key)});
    any = emit.choose(
        emit.less(key, queries.steps.keys), emit.getI1Type(),
        [&]() -> SmallVector<Value> {
          Value all;
          for (domain::Atom const &atom : part.keyFilters) {
            Value one = passes(atom, kernels::evaluateUniform(emit, op.getDomain(), keySide(atom), pair));
            all = all ? Value(arith::AndIOp::create(emit, all, one)) : one;
          }
          return {arith::OrIOp::create(emit, any, all)};
        },
        [&]() -> SmallVector<Value> { return {any}; })[0];
  }
  return anyOf(any);
}

Value WarpKeyFilter::anyOf(Value found) { return TensorCore(emit).any(found); }

Value WarpKeyFilter::leastOf(Value value) {
  return across(value, [&](Value a, Value b) { return arith::MinSIOp::create(emit, a, b); });
}

Value WarpKeyFilter::largestOf(Value value) {
  return across(value, [&](Value a, Value b) { return arith::MaxSIOp::create(emit, a, b); });
}

Value WarpKeyFilter::across(Value value, llvm::function_ref<Value(Value, Value)> combine) {
  Type type = value.getType(), word = emit.getI64Type();
  auto cast = [&](Value from, Type to) -> Value {
    return type.isIndex() ? emit.createOrFold<arith::IndexCastOp>(to, from) : from;
  };
  for (int32_t distance = 1; distance < warpLanes; distance *= 2) {
    Value other = gpu::ShuffleOp::create(emit, cast(value, word), distance, warpLanes, gpu::ShuffleMode::XOR).getShuffleResult();
    value = combine(value, cast(other, type));
  }
  return value;
}

} // namespace heed::device
