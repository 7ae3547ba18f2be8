// HeedOpsVerify.cpp - verifiers; the labels are those of the operations' descriptions.
#include "dialect/HeedOps.h"

using namespace mlir;
using namespace heed::ir;

/// Whether `region` has exactly `count` arguments of type index, followed by `rest`.
static bool hasIndices(Region &region, size_t count, ArrayRef<Type> rest = {}) {
  if (region.getNumArguments() != count + rest.size())
    return false;
  TypeRange types(region.getArgumentTypes());
  return llvm::all_of(types.take_front(count), [](Type type) { return isa<IndexType>(type); }) &&
         llvm::equal(types.drop_front(count), rest);
}

static LogicalResult verifyYield(Operation *op, Region &region, StringRef name, Type expected) {
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield || yield.getValues().size() != 1)
    return op->emitOpError() << "expected '" << name << "' to yield one value";
  Type found = yield.getValues()[0].getType();
  if (expected && found != expected)
    return op->emitOpError() << "expected '" << name << "' to yield " << expected << ", found " << found;
  return success();
}

/// The rules that all definitions share; `type` null: any type.
static LogicalResult verifyBodies(Operation *op, Region &domain, Region &value, size_t count, Type type) {
  if (!hasIndices(value, count)) // value arguments
    return op->emitOpError() << "expected " << count << " index arguments of 'value'";
  if (failed(verifyYield(op, value, "value", type)))
    return failure();
  if (domain.empty())
    return success();
  if (!hasIndices(domain, count)) // domain arguments
    return op->emitOpError() << "expected " << count << " index arguments of 'where'";
  return verifyYield(op, domain, "where", IntegerType::get(op->getContext(), 1));
}

static LogicalResult verifySizes(Operation *op, RankedTensorType type, ValueRange sizes) {
  if (sizes.size() != static_cast<size_t>(type.getNumDynamicDims()))
    return op->emitOpError() << "expected one size per dynamic axis of " << type << ", found " << sizes.size();
  return success();
}

LogicalResult DefineOp::verify() {
  if (failed(verifySizes(*this, getType(), getSizes()))) // define_c1
    return failure();
  return verifyBodies(*this, getDomain(), getValue(), getType().getRank(), getType().getElementType()); // c2, c3, c4
}

LogicalResult SoftmaxOp::verify() {
  if (failed(verifySizes(*this, getType(), getSizes()))) // softmax_c1
    return failure();
  if (static_cast<int64_t>(getAxis()) < 0 || static_cast<int64_t>(getAxis()) >= getType().getRank()) // softmax_c5
    return emitOpError() << "expected an axis of " << getType() << ", found " << static_cast<int64_t>(getAxis());
  if (!isa<FloatType>(getType().getElementType())) // softmax_c5
    return emitOpError() << "expected float elements, found " << getType().getElementType();
  if (hasRest()) { // softmax_c6
    size_t rows = getType().getRank() - 1;
    if (!hasIndices(getRest(), rows))
      return emitOpError() << "expected " << rows << " index arguments of 'rest'";
    if (failed(verifyYield(*this, getRest(), "rest", getType().getElementType())))
      return failure();
  }
  return verifyBodies(*this, getDomain(), getValue(), getType().getRank(), getType().getElementType());
}

LogicalResult ReduceOp::verify() {
  bool position = getKind() == ReduceKind::ArgMax || getKind() == ReduceKind::ArgMin;
  if (getSizes().empty() || (position && getSizes().size() != 1)) // reduce_c1
    return emitOpError() << "expected " << (position ? "exactly" : "at least") << " one size, found "
                         << getSizes().size();
  bool logical = getKind() == ReduceKind::Any || getKind() == ReduceKind::All;
  Type expected = logical ? IntegerType::get(getContext(), 1) : Type();
  if (failed(verifyBodies(*this, getDomain(), getValue(), getSizes().size(), expected))) // reduce_c2, c3, c4
    return failure();
  Type type = getYielded().getType();
  if (!isa<FloatType, IntegerType, IndexType>(type)) // reduce_c4
    return emitOpError() << "expected 'value' to yield a float or integer, found " << type;
  Type result = position ? IndexType::get(getContext()) : type;
  if (getType() != result) // reduce_c5
    return emitOpError() << "expected a result of type " << result << ", found " << getType();
  return success();
}

LogicalResult CheckOp::verify() {
  if (static_cast<int64_t>(getIndex()) < 0) // check_c3
    return emitOpError() << "expected an index that is not negative, found " << static_cast<int64_t>(getIndex());
  return verifyBodies(*this, getDomain(), getValue(), getSizes().size(), IntegerType::get(getContext(), 1)); // c1, c2
}

LogicalResult ScanOp::verify() {
  TypeRange states = getInits().getTypes();
  if (getBody().getNumArguments() == 0 || !isa<IndexType>(getBody().getArgument(0).getType()) ||
      !llvm::equal(TypeRange(getBody().getArgumentTypes()).drop_front(), states)) // scan_c1
    return emitOpError() << "expected a body with an index argument and the states (" << states << ")";
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || !llvm::equal(yield.getValues().getTypes(), states)) // scan_c2
    return emitOpError() << "expected the body to yield the states (" << states << ")";
  if (!llvm::equal(getStates().getTypes(), states)) // scan_c2
    return emitOpError() << "expected results of the types of the states (" << states << ")";
  if (static_cast<bool>(getTaken()) != static_cast<bool>(yield.getUntil())) // scan_c3
    return emitOpError() << "expected the number of steps as a result exactly if the body yields 'until'";
  if (getBackward() && getTaken()) // scan_c4
    return emitOpError() << "expected no 'until' in a backward scan";
  return success();
}

LogicalResult YieldOp::verify() {
  if (getUntil() && !isa<ScanOp>((*this)->getParentOp())) // yield_c1
    return emitOpError() << "expected 'until' only in 'heed.scan'";
  return success();
}

/// All operands tensors with a result of the init's type, or all buffers without a result.
static LogicalResult verifyDestination(Operation *op, ValueRange operands, Value init, Type result) {
  bool tensors = isa<TensorType>(init.getType());
  for (Value operand : operands)
    if (isa<ShapedType>(operand.getType()) && isa<TensorType>(operand.getType()) != tensors)
      return op->emitOpError() << "expected only tensors or only buffers";
  if (tensors ? result != init.getType() : static_cast<bool>(result))
    return op->emitOpError() << "expected " << (tensors ? "a result of the init's type" : "no result on buffers");
  return success();
}

static bool usesOnly(AffineMap map, ArrayRef<unsigned> excluded) {
  return llvm::none_of(excluded, [&](unsigned dim) { return map.isFunctionOfDim(dim); });
}

LogicalResult AttentionOp::verify() {
  if (hasQuery() != static_cast<bool>(getKey())) // attention_c1
    return emitOpError() << "expected query and key together";
  size_t least = hasQuery() ? 4 : 3;
  if (getSizes().size() < least) // attention_c2
    return emitOpError() << "expected at least " << least << " sizes, found " << getSizes().size();
  SmallVector<Value> operands;
  if (hasQuery())
    operands = {getQuery(), getKey()};
  operands.append({getSource(), getInit()});
  if (getIndexingMaps().size() != operands.size()) // attention_c2
    return emitOpError() << "expected " << operands.size() << " indexing maps, found " << getIndexingMaps().size();
  for (auto [position, operand] : llvm::enumerate(operands)) {
    AffineMap map = getMap(position);
    auto type = cast<ShapedType>(operand.getType());
    if (map.getNumDims() != getSizes().size() || map.getNumSymbols() != 0) // attention_c2
      return emitOpError() << "expected indexing map " << position << " over " << getSizes().size() << " dimensions";
    if (map.getNumResults() != type.getRank()) // attention_c2
      return emitOpError() << "expected indexing map " << position << " with " << type.getRank() << " results";
    if (!isa<FloatType>(type.getElementType())) // attention_c4
      return emitOpError() << "expected float elements, found " << type;
  }
  if (!cast<ShapedType>(getInit().getType()).getElementType().isF32()) // attention_c4
    return emitOpError() << "expected f32 elements of the init, found " << getInit().getType();
  unsigned row = getRowDim(), column = getColumnDim(), inner = getInnerDim(), feature = getFeatureDim();
  if (hasQuery() && (!usesOnly(getQueryMap(), {column, feature}) || !usesOnly(getKeyMap(), {row, feature}))) // c3
    return emitOpError() << "expected a query over (b.., i, d) and a key over (b.., j, d)";
  SmallVector<unsigned> notOfSource = {row}, notOfInit = {column};
  if (hasQuery()) {
    notOfSource.push_back(inner);
    notOfInit.push_back(inner);
  }
  if (!usesOnly(getSourceMap(), notOfSource) || !usesOnly(getInitMap(), notOfInit)) // attention_c3
    return emitOpError() << "expected a value over (b.., j, e) and an init over (b.., i, e)";
  if (!getInitMap().isProjectedPermutation()) // attention_c8
    return emitOpError() << "expected the init's map to be a projected permutation";
  Type f32 = Float32Type::get(getContext());
  unsigned indices = getBatchRank() + 2;
  if (!hasIndices(getScore(), indices, hasQuery() ? ArrayRef<Type>(f32) : ArrayRef<Type>())) // attention_c5
    return emitOpError() << "expected " << indices << " index arguments of 'score'"
                         << (hasQuery() ? " and the dot product" : "");
  if (failed(verifyYield(*this, getScore(), "score", f32))) // attention_c5
    return failure();
  if (hasDomain()) { // attention_c6
    if (!hasIndices(getDomain(), indices))
      return emitOpError() << "expected " << indices << " index arguments of 'where'";
    if (failed(verifyYield(*this, getDomain(), "where", IntegerType::get(getContext(), 1))))
      return failure();
  }
  if (hasCombine()) { // attention_c9
    if (!hasQuery())
      return emitOpError() << "expected 'combine' only with query and key";
    if (!hasIndices(getCombine(), getBatchRank() + 1, {f32, f32}))
      return emitOpError() << "expected " << getBatchRank() + 1
                           << " index arguments of 'combine' and the elements of query and key";
    if (failed(verifyYield(*this, getCombine(), "combine", f32)))
      return failure();
  }
  if (hasRest()) { // attention_c10
    if (getPlain())
      return emitOpError() << "expected no 'rest' beside plain weights";
    if (!hasIndices(getRest(), getBatchRank() + 1))
      return emitOpError() << "expected " << getBatchRank() + 1 << " index arguments of 'rest'";
    if (failed(verifyYield(*this, getRest(), "rest", f32)))
      return failure();
  }
  return verifyDestination(*this, operands, getInit(), getResult() ? getResult().getType() : Type()); // attention_c7
}

static bool agree(int64_t a, int64_t b) { return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b; }

LogicalResult TopKOp::verify() {
  auto source = cast<ShapedType>(getSource().getType()), init = cast<ShapedType>(getInit().getType());
  int64_t rank = source.getRank();
  auto sameAxes = [&](ShapedType type, int64_t axes) {
    return type.getRank() == rank && llvm::all_of(llvm::seq<int64_t>(0, axes), [&](int64_t axis) {
             return agree(type.getDimSize(axis), source.getDimSize(axis));
           });
  };
  if (rank < 1 || !sameAxes(init, rank - 1)) // topk_c1
    return emitOpError() << "expected an init with the axes of the source before the last, found " << source << " and "
                         << init;
  if (init.isDynamicDim(rank - 1) || init.getShape().back() <= 0) // topk_c2
    return emitOpError() << "expected a static number of places, found " << init;
  SmallVector<Value> operands = {getSource(), getInit()};
  if (getInside()) { // topk_c3
    auto inside = cast<ShapedType>(getInside().getType());
    if (!sameAxes(inside, rank) || !inside.getElementType().isInteger(1))
      return emitOpError() << "expected conditions of the sizes of the source, found " << inside;
    operands.push_back(getInside());
  }
  if (!isa<FloatType, IntegerType, IndexType>(source.getElementType()) ||
      !init.getElementType().isSignlessInteger(32)) // topk_c4
    return emitOpError() << "expected numbers and places of type i32, found " << source << " and " << init;
  return verifyDestination(*this, operands, getInit(), getResult() ? getResult().getType() : Type()); // topk_c5
}

static bool covers(int64_t panels, int64_t width, int64_t columns) {
  return ShapedType::isDynamic(panels) || ShapedType::isDynamic(columns) ||
         panels == static_cast<int64_t>(llvm::divideCeil(columns, width));
}

LogicalResult PackOp::verify() {
  auto source = cast<ShapedType>(getSource().getType()), init = cast<ShapedType>(getInit().getType());
  int64_t rank = source.getRank();
  if (rank < 2 || init.getRank() != rank + 1 || source.getElementType() != init.getElementType()) // pack_c1
    return emitOpError() << "expected an init of one axis more than a source of at least two, with equal elements";
  int64_t width = init.getShape().back();
  if (ShapedType::isDynamic(width) || width <= 0) // pack_c2
    return emitOpError() << "expected a static width, found " << init;
  int64_t rows = source.getDimSize(getTransposed() ? rank - 1 : rank - 2);
  int64_t columns = source.getDimSize(getTransposed() ? rank - 2 : rank - 1);
  bool batch = llvm::all_of(llvm::seq<int64_t>(0, rank - 2),
                            [&](int64_t axis) { return agree(source.getDimSize(axis), init.getDimSize(axis)); });
  if (!batch || !agree(rows, init.getDimSize(rank - 1)) || !covers(init.getDimSize(rank - 2), width, columns)) // c3
    return emitOpError() << "expected panels that cover " << source << ", found " << init;
  return verifyDestination(*this, {getSource(), getInit()}, getInit(), getResult() ? getResult().getType() : Type());
}

LogicalResult MatmulOp::verify() {
  auto left = cast<ShapedType>(getLeft().getType()), packed = cast<ShapedType>(getPacked().getType()),
       init = cast<ShapedType>(getInit().getType());
  int64_t rank = left.getRank();
  if (rank < (getTransposed() ? 2 : 1) || init.getRank() != rank) // matmul_c1
    return emitOpError() << "expected an init of as many axes as the left side, at least one (transposed: two)";
  // Sizes of the left side as if it were not transposed.
  SmallVector<int64_t> leftSizes(left.getShape());
  if (getTransposed())
    std::swap(leftSizes[rank - 1], leftSizes[rank - 2]);
  if ((packed.getRank() != 3 && packed.getRank() != rank + 1) || ShapedType::isDynamic(packed.getShape().back()) ||
      packed.getShape().back() <= 0) // matmul_c2
    return emitOpError() << "expected packed panels of a static width, found " << packed;
  int64_t depth = packed.getDimSize(packed.getRank() - 2), panels = packed.getDimSize(packed.getRank() - 3);
  bool outer = llvm::all_of(llvm::seq<int64_t>(0, rank - 1), [&](int64_t axis) {
    bool shared = packed.getRank() == 3 || axis >= rank - 2;
    return agree(leftSizes[axis], init.getDimSize(axis)) &&
           (shared || agree(leftSizes[axis], packed.getDimSize(axis)));
  });
  if (!outer || !agree(leftSizes[rank - 1], depth) ||
      !covers(panels, getWidth(), init.getDimSize(rank - 1))) // matmul_c3
    return emitOpError() << "expected sizes that agree, found " << left << " times " << packed << " to " << init;
  for (ShapedType type : {left, packed, init})
    if (!type.getElementType().isF32()) // matmul_c4
      return emitOpError() << "expected f32 elements, found " << type;
  return verifyDestination(*this, {getLeft(), getPacked(), getInit()}, getInit(),
                           getResult() ? getResult().getType() : Type()); // matmul_c5
}
