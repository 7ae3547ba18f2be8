// PartialSums.cpp - one value of each kind per part, combined by a block of threads per query.
#include "compiler/gpu/PartialSums.h"
#include "compiler/gpu/TensorCore.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {

static constexpr float infinity = std::numeric_limits<float>::infinity();
static constexpr float log2e = 1.44269504f;

/// A part has at least as many keys, and there are at most as many parts: then what is written for each is little beside its keys.
static constexpr int64_t leastKeys = 256, mostParts = 128;

Value scoreOfRest(Emit &emit, ir::AttentionOp op, ValueRange query) {
  Region &region = op.getRest();
  Value rest = kernels::evaluateUniform(emit, region, region.front().getTerminator()->getOperand(0), SmallVector<Value>(query));
  Value score = arith::MulFOp::create(emit, rest, emit.f32(log2e)), largest = emit.f32(std::numeric_limits<float>::max());
  Value tooLarge = arith::CmpFOp::create(emit, arith::CmpFPredicate::OGT, score, largest);
  return arith::SelectOp::create(emit, tooLarge, largest, score);
}

/// A buffer with an axis for the parts in front.
static Value allocate(Emit &emit, Value slots, ValueRange sizes) {
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  auto append = [&](Value size) {
    shape.push_back(kernels::constantOf(size).value_or(ShapedType::kDynamic));
    if (ShapedType::isDynamic(shape.back()))
      dynamic.push_back(size);
  };
  append(slots);
  llvm::for_each(sizes, append);
  return memref::AllocOp::create(emit, MemRefType::get(shape, emit.getF32Type()), dynamic, emit.getI64IntegerAttr(64));
}

/// buffer[slot]
static Value slice(Emit &emit, Value buffer, Value slot) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), emit.getIndexAttr(0)), strides(type.getRank(), emit.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes = memref::getMixedSizes(emit, emit.getLoc(), buffer);
  offsets[0] = slot, sizes[0] = emit.getIndexAttr(1);
  MemRefType view = memref::SubViewOp::inferRankReducedResultType(type.getShape().drop_front(), type, offsets, sizes, strides);
  return memref::SubViewOp::create(emit, view, buffer, offsets, sizes, strides);
}

std::optional<PartialSums> PartialSums::plan(Emit &emit, ir::AttentionOp op, QueryRows const &rows, int64_t sweeps) {
  std::optional<int64_t> most = QueryRows::mostOf(op, op.getColumnDim());
  if (!rows.areAll || (most && *most <= leastKeys))
    return std::nullopt;
  Value keys = op.getSizes()[op.getColumnDim()];
  Value parts = emit.min(emit.max(emit.ceilDiv(keys, leastKeys), emit.index(1)), emit.index(mostParts));
  PartialSums result(op, parts, emit.mul(parts, sweeps));
  result.sums = allocate(emit, result.slots, llvm::map_to_vector(op.getInitMap().getResults(), [&](AffineExpr axis) -> Value {
    return op.getSizes()[cast<AffineDimExpr>(axis).getPosition()];
  }));
  if (op.getPlain())
    return result;
  ValueRange queries = op.getSizes().take_front(op.getRowDim() + 1);
  result.maximum = allocate(emit, result.slots, queries);
  result.total = allocate(emit, result.slots, queries);
  return result;
}

KeptSums PartialSums::of(Emit &emit, int64_t sweep, Value number) const {
  Value slot = emit.add(emit.mul(partCount, sweep), number);
  KeptSums kept{slice(emit, sums, slot), {}, /*isPart=*/true};
  if (maximum)
    kept.state = {slice(emit, maximum, slot), slice(emit, total, slot)};
  return kept;
}

namespace {

/// A block has 32 features of a query; each of its warps adds up some of the parts.
class Combination {
public:
  static constexpr int64_t warps = 8, lanes = 32, together = 8; ///< `together`: loads under way

  Combination(Emit &emit, ir::AttentionOp op, Value slots, Value sums, Value maximum, Value total)
      : emit(emit), core(emit), op(op), slots(slots), sums(sums), maximum(maximum), total(total) {}

  void launch() {
    Value features = op.getSizes()[op.getFeatureDim()], groups = emit.ceilDiv(features, lanes), blocks = groups;
    for (unsigned axis = 0; axis <= op.getRowDim(); ++axis)
      blocks = emit.mul(blocks, op.getSizes()[axis]);
    launchBlocks(emit, "attention_combine", blocks, warps * lanes, warps * lanes * sizeof(float), [&](Value block, Value thread) {
      lane = emit.createOrFold<arith::RemUIOp>(thread, emit.index(lanes));
      warp = emit.div(thread, lanes);
      feature = emit.add(emit.mul(emit.takeDigit(block, groups), lanes), lane);
      query.resize(op.getRowDim() + 1);
      for (unsigned axis = query.size(); axis-- > 0;)
        query[axis] = emit.takeDigit(block, op.getSizes()[axis]);
      if (maximum)
        normalise();
      int64_t offset = 0;
      Value shared = sharedBuffer(emit, offset, {warps, lanes});
      Value last = emit.sub(features, emit.index(1));
      memref::StoreOp::create(emit, sumOfWarp(emit.min(feature, last)), shared, ValueRange{warp, lane});
      gpu::BarrierOp::create(emit);
      Value own = arith::AndIOp::create(emit, emit.compare(arith::CmpIPredicate::eq, warp, emit.index(0)),
                                        emit.less(feature, features));
      emit.branch(own, [&] { store(shared); });
    });
  }

private:
  /// Finds the largest maximum of all parts, and their total relative to it.
  void normalise() {
    auto larger = [&](Value a, Value b) { return core.larger(a, b); };
    auto plus = [&](Value a, Value b) -> Value { return arith::AddFOp::create(emit, a, b); };
    Value none = emit.f32(-infinity), zero = emit.f32(0), rest;
    Value largest = acrossWarp(emit.loop(lane, slots, lanes, none, [&](Value slot, ValueRange so) -> SmallVector<Value> {
      return {larger(so[0], ofPart(maximum, slot))};
    })[0], larger);
    if (op.hasRest()) {
      rest = scoreOfRest(emit, op, query);
      largest = larger(largest, rest);
    }
    // No part has seen a key: -inf - -inf would be NaN.
    Value nothing = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, largest, none);
    reference = arith::SelectOp::create(emit, nothing, zero, largest);
    divisor = acrossWarp(emit.loop(lane, slots, lanes, zero, [&](Value slot, ValueRange so) -> SmallVector<Value> {
      return {math::FmaOp::create(emit, ofPart(total, slot), weightOf(slot), so[0])};
    })[0], plus);
    if (rest)
      divisor = plus(divisor, math::Exp2Op::create(emit, arith::SubFOp::create(emit, rest, reference)));
  }

  Value ofPart(Value buffer, Value slot) {
    SmallVector<Value> at = {slot};
    at.append(query);
    return memref::LoadOp::create(emit, buffer, at);
  }

  Value weightOf(Value slot) {
    return math::Exp2Op::create(emit, arith::SubFOp::create(emit, ofPart(maximum, slot), reference));
  }

  Value sumOfWarp(Value column) {
    Value last = emit.sub(slots, emit.index(1)), zero = emit.f32(0);
    return emit.loop(warp, slots, warps * together, zero, [&](Value first, ValueRange so) -> SmallVector<Value> {
      Value sum = so[0];
      for (int64_t number = 0; number < together; ++number) {
        Value slot = emit.add(first, number * warps), at = emit.min(slot, last);
        SmallVector<Value> subscripts = {at};
        subscripts.append(subscriptsOf(column));
        Value term = memref::LoadOp::create(emit, sums, subscripts);
        if (maximum)
          term = arith::MulFOp::create(emit, term, weightOf(at));
        term = arith::SelectOp::create(emit, emit.less(slot, slots), term, zero);
        sum = arith::AddFOp::create(emit, sum, term);
      }
      return {sum};
    })[0];
  }

  void store(Value shared) {
    Value sum;
    for (int64_t number = 0; number < warps; ++number) {
      Value part = memref::LoadOp::create(emit, shared, ValueRange{emit.index(number), lane});
      sum = sum ? arith::AddFOp::create(emit, sum, part).getResult() : part;
    }
    if (divisor) {
      // A query without any key gives 0.
      Value empty = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, divisor, emit.f32(0));
      sum = arith::DivFOp::create(emit, sum, arith::SelectOp::create(emit, empty, emit.f32(1), divisor));
    }
    memref::StoreOp::create(emit, sum, op.getInit(), subscriptsOf(feature));
  }

  SmallVector<Value> subscriptsOf(Value column) {
    SmallVector<Value> position(op.getSizes().size(), emit.index(0));
    llvm::copy(query, position.begin());
    position[op.getFeatureDim()] = column;
    return *affine::expandAffineMap(emit, emit.getLoc(), op.getInitMap(), position);
  }

  Value acrossWarp(Value value, llvm::function_ref<Value(Value, Value)> combine) {
    for (int32_t distance = 1; distance < lanes; distance *= 2)
      value = combine(value, core.exchange(value, distance));
    return value;
  }

  Emit &emit;
  TensorCore core;
  ir::AttentionOp op;
  Value slots, sums, maximum, total;
  Value lane, warp, feature, reference, divisor;
  SmallVector<Value> query; ///< b.., i
};

} // namespace

void PartialSums::combine(Emit &emit) const { Combination(emit, op, slots, sums, maximum, total).launch(); }

} // namespace heed::device
