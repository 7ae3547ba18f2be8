// HeedOpsBuild.cpp - builders and accessors.
#include "dialect/HeedOps.h"

using namespace mlir;
using namespace heed::ir;

/// Adds a region; if `build` is given, it gets a block with `count` index arguments that yields what `build` returns.
static void addRegion(OpBuilder &builder, OperationState &state, size_t count, BodyBuilder build) {
  Region *region = state.addRegion();
  if (!build)
    return;
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Type> types(count, builder.getIndexType());
  SmallVector<Location> locations(count, state.location);
  Block *block = builder.createBlock(region, region->end(), types, locations);
  Value value = build(builder, state.location, block->getArguments());
  YieldOp::create(builder, state.location, value);
}

void DefineOp::build(OpBuilder &builder, OperationState &state, RankedTensorType type, ValueRange sizes,
                     BodyBuilder domain, BodyBuilder value) {
  state.addOperands(sizes);
  addRegion(builder, state, type.getRank(), domain);
  addRegion(builder, state, type.getRank(), value);
  state.addTypes(type);
}
void DefineOp::build(OpBuilder &builder, OperationState &state, RankedTensorType type, ValueRange sizes) {
  build(builder, state, type, sizes, nullptr, nullptr);
}

void SoftmaxOp::build(OpBuilder &builder, OperationState &state, RankedTensorType type, int64_t axis, ValueRange sizes,
                      BodyBuilder domain, BodyBuilder value, BodyBuilder rest) {
  state.addOperands(sizes);
  state.getOrAddProperties<Properties>().axis = builder.getI64IntegerAttr(axis);
  addRegion(builder, state, type.getRank(), domain);
  addRegion(builder, state, type.getRank(), value);
  addRegion(builder, state, type.getRank() - 1, rest);
  state.addTypes(type);
}
void SoftmaxOp::build(OpBuilder &builder, OperationState &state, RankedTensorType type, int64_t axis,
                      ValueRange sizes) {
  build(builder, state, type, axis, sizes, nullptr, nullptr);
}

void ReduceOp::build(OpBuilder &builder, OperationState &state, Type type, ReduceKind kind, ValueRange sizes,
                     BodyBuilder domain, BodyBuilder value) {
  state.addOperands(sizes);
  state.getOrAddProperties<Properties>().kind = ReduceKindAttr::get(builder.getContext(), kind);
  addRegion(builder, state, sizes.size(), domain);
  addRegion(builder, state, sizes.size(), value);
  state.addTypes(type);
}
void ReduceOp::build(OpBuilder &builder, OperationState &state, Type type, ReduceKind kind, ValueRange sizes) {
  build(builder, state, type, kind, sizes, nullptr, nullptr);
}

void CheckOp::build(OpBuilder &builder, OperationState &state, StringRef text, int64_t index, Value previous,
                    ValueRange sizes, BodyBuilder domain, BodyBuilder value) {
  state.addOperands(previous);
  state.addOperands(sizes);
  state.getOrAddProperties<Properties>().text = builder.getStringAttr(text);
  state.getOrAddProperties<Properties>().index = builder.getI64IntegerAttr(index);
  addRegion(builder, state, sizes.size(), domain);
  addRegion(builder, state, sizes.size(), value);
  state.addTypes(builder.getI32Type());
}

void ScanOp::build(OpBuilder &builder, OperationState &state, Value steps, ValueRange inits, bool backward,
                   bool until) {
  state.addOperands(steps);
  state.addOperands(inits);
  auto &properties = state.getOrAddProperties<Properties>();
  if (backward)
    properties.backward = builder.getUnitAttr();
  properties.resultSegmentSizes = {static_cast<int32_t>(inits.size()), until};
  state.addTypes(inits.getTypes());
  if (until)
    state.addTypes(builder.getIndexType());
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Type> types = {builder.getIndexType()};
  llvm::append_range(types, inits.getTypes());
  Region *body = state.addRegion();
  builder.createBlock(body, body->end(), types, SmallVector<Location>(types.size(), state.location));
}

void YieldOp::build(OpBuilder &builder, OperationState &state, ValueRange values, Value until) {
  state.addOperands(values);
  if (until)
    state.addOperands(until);
  state.getOrAddProperties<Properties>().operandSegmentSizes = {static_cast<int32_t>(values.size()), until ? 1 : 0};
}

/// Destination-style operations return the type of their init on tensors, and nothing on buffers.
static void addResult(OperationState &state, Value init) {
  if (isa<TensorType>(init.getType()))
    state.addTypes(init.getType());
}

void AttentionOp::build(OpBuilder &builder, OperationState &state, ValueRange sizes, Value query, Value key,
                        Value source, Value init, ArrayRef<AffineMap> maps) {
  state.addOperands(sizes);
  if (query)
    state.addOperands({query, key});
  state.addOperands({source, init});
  auto &properties = state.getOrAddProperties<Properties>();
  properties.operandSegmentSizes = {static_cast<int32_t>(sizes.size()), query ? 1 : 0, key ? 1 : 0, 1, 1};
  properties.indexing_maps = builder.getAffineMapArrayAttr(maps);
  for (int region = 0; region < 4; ++region)
    state.addRegion();
  addResult(state, init);
}

void TopKOp::build(OpBuilder &, OperationState &state, Value source, Value inside, Value init) {
  state.addOperands(source);
  if (inside)
    state.addOperands(inside);
  state.addOperands(init);
  addResult(state, init);
}

void PackOp::build(OpBuilder &builder, OperationState &state, Value source, Value init, bool transposed) {
  state.addOperands({source, init});
  if (transposed)
    state.getOrAddProperties<Properties>().transposed = builder.getUnitAttr();
  addResult(state, init);
}

void MatmulOp::build(OpBuilder &builder, OperationState &state, Value left, Value packed, Value init, bool transposed,
                     bool accumulate) {
  state.addOperands({left, packed, init});
  auto &properties = state.getOrAddProperties<Properties>();
  if (transposed)
    properties.transposed = builder.getUnitAttr();
  if (accumulate)
    properties.accumulate = builder.getUnitAttr();
  addResult(state, init);
}

YieldOp ScanOp::getYield() { return cast<YieldOp>(getBody().front().getTerminator()); }

static SmallVector<OpFoldResult> mixedSizes(RankedTensorType type, ValueRange sizes) {
  SmallVector<OpFoldResult> result;
  Builder builder(type.getContext());
  for (int64_t size : type.getShape()) {
    if (!ShapedType::isDynamic(size)) {
      result.push_back(builder.getIndexAttr(size));
      continue;
    }
    result.push_back(sizes.front());
    sizes = sizes.drop_front();
  }
  return result;
}
SmallVector<OpFoldResult> DefineOp::getMixedSizes() { return mixedSizes(getType(), getSizes()); }
SmallVector<OpFoldResult> SoftmaxOp::getMixedSizes() { return mixedSizes(getType(), getSizes()); }

LogicalResult DefineOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &shapes) {
  shapes.assign(1, getMixedSizes());
  return success();
}
LogicalResult SoftmaxOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &shapes) {
  shapes.assign(1, getMixedSizes());
  return success();
}
