// ChunkFactors.cpp - copies factors to the rows and keys of a chunk; what they read of a chunk is computed for it.
#include "compiler/derive/ChunkFactors.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {

Value indexSum(OpBuilder &at, Location location, ArrayRef<OpFoldResult> terms) {
  int64_t constant = 0;
  SmallVector<Value> values;
  for (OpFoldResult term : terms) {
    if (std::optional<int64_t> known = getConstantIntValue(term))
      constant += *known;
    else
      values.push_back(cast<Value>(term));
  }
  if (values.empty())
    return arith::ConstantIndexOp::create(at, location, constant);
  if (values.size() == 1 && constant == 0)
    return values.front();
  AffineExpr all = at.getAffineConstantExpr(constant);
  for (unsigned i = 0; i < values.size(); ++i)
    all = all + at.getAffineDimExpr(i);
  return affine::AffineApplyOp::create(at, location, AffineMap::get(values.size(), 0, all), values);
}

void Chunk::begin(OpBuilder &builder, Location location, OpFoldResult row, OpFoldResult rows) {
  base = row;
  length = rows;
  AffineExpr from = builder.getAffineSymbolExpr(0), at = builder.getAffineSymbolExpr(1);
  AffineMap map = AffineMap::get(0, 2, {from, at - 1}, builder.getContext());
  // The state is what the row in front of the chunk would read; in front of the first chunk it is its first row.
  previous = affine::makeComposedFoldedAffineMax(builder, location, map, {first, base});
}

std::optional<LocalRead> localRead(CausalSum &match, tensor::ExtractOp read) {
  auto producer = read.getTensor().getDefiningOp<DefineOp>();
  std::optional<SmallVector<Value>> indices = distinctIndices(read);
  if (!producer || !indices || containsReduce(producer) || !producer.getDomain().empty() || !producer.getType().getElementType().isF32())
    return std::nullopt;
  bool inOut = match.out->isAncestor(read);
  Value row = inOut ? match.row : match.dotRow, column = inOut ? match.column : match.dotColumn;
  bool ofRow = llvm::is_contained(*indices, row);
  // By both it is a pair, which is not computed for a chunk; by none it is no part of one.
  if (ofRow == llvm::is_contained(*indices, column))
    return std::nullopt;
  return LocalRead{read, producer, inOut ? match.out : match.dots, ofRow};
}

/// The index that an argument of the sum, or of its products, is at `point`.
Value ChunkFactors::indexHere(Value axis, Point const &point) {
  if (auto argument = dyn_cast<BlockArgument>(axis); argument && argument.getOwner() == match.dots.getValueBlock())
    axis = match.axes[argument.getArgNumber()];
  if (axis == match.row)
    return point.row;
  if (axis == match.column)
    return point.column;
  if (axis == match.feature)
    return point.feature;
  if (axis == match.inner.getValueBlock()->getArgument(0))
    return point.inner;
  return chunk.batch[llvm::find(match.batch, axis) - match.batch.begin()];
}

Value ChunkFactors::product(OpBuilder &body, Point point, Place place, ArrayRef<Part> parts) {
  Value all;
  for (Part const &part : parts) {
    IRMapping map;
    auto set = [&](Value index) {
      if (Value here = index ? indexHere(index, point) : Value())
        map.map(index, here);
    };
    if (part.owner == match.dots) {
      for (Value argument : match.dots.getValueBlock()->getArguments())
        set(argument);
      set(match.inner.getValueBlock()->getArgument(0));
    } else {
      for (Value index : match.batch)
        set(index);
      for (Value index : {match.row, match.column, match.feature})
        set(index);
    }
    for (auto [number, range] : llvm::enumerate(match.ranges)) {
      auto table = tables.find({place.range, number});
      if (!part.owner->isAncestor(range.read) || table == tables.end())
        continue;
      SmallVector<Value> at;
      for (Value index : {place.row, place.key})
        if (index)
          at.push_back(index);
      if (table->second.second)
        at.push_back(point.inner);
      map.map(range.read.getResult(), tensor::ExtractOp::create(body, location, table->second.first, at).getResult());
    }
    for (unsigned number = 0; number < localTables.size(); ++number) {
      tensor::ExtractOp read = locals[number].read;
      if (locals[number].owner != part.owner)
        continue;
      if (Value here = readLocal(body, number, point))
        map.map(read.getResult(), here);
    }
    for (Value factor : part.factors) {
      Value one = cloneSlice(body, factor, part.owner, map);
      all = all ? arith::MulFOp::create(body, location, all, one).getResult() : one;
    }
  }
  return all;
}

/// The local copy of what `number` reads; null if the point is not of this chunk, or lacks an index that the read has.
Value ChunkFactors::readLocal(OpBuilder &body, unsigned number, Point const &point) {
  LocalRead const &local = locals[number];
  Value step = local.ofRow ? point.rowStep : point.columnStep;
  if (!step)
    return {};
  SmallVector<Value> at{step};
  tensor::ExtractOp read = local.read;
  for (Value subscript : read.getIndices()) {
    bool inner = subscript == match.inner.getValueBlock()->getArgument(0);
    if (!inner && subscript != match.feature)
      continue;
    at.push_back(inner ? point.inner : point.feature);
    if (!at.back())
      return {};
  }
  return tensor::ExtractOp::create(body, location, localTables[number], at);
}

void ChunkFactors::prepareLocals() {
  localTables.clear();
  for (LocalRead local : locals) {
    Value inner = match.inner.getValueBlock()->getArgument(0);
    SmallVector<OpFoldResult> sizes{chunk.length}, all = local.producer.getMixedSizes();
    for (auto [axis, subscript] : llvm::enumerate(local.read.getIndices()))
      if (subscript == inner || subscript == match.feature)
        sizes.push_back(all[axis]);
    localTables.push_back(
        makeDefine(builder, location, builder.getF32Type(), sizes, nullptr, [&](OpBuilder &body, Location, ValueRange at) -> Value {
          Value here = local.ofRow ? rowAt(body, at[0]) : columnAt(body, at[0]);
          Point point{here, here, {}, {}, {}, {}};
          IRMapping map;
          ValueRange::iterator rest = std::next(at.begin());
          for (auto [argument, subscript] : llvm::zip_equal(local.producer.getValueBlock()->getArguments(), local.read.getIndices())) {
            bool own = subscript == inner || subscript == match.feature;
            map.map(argument, own ? *rest++ : indexHere(subscript, point));
          }
          return cloneSlice(body, local.producer.getYielded(), local.producer, map);
        }));
  }
}

void ChunkFactors::prepare(Range range) {
  for (auto [number, read] : llvm::enumerate(match.ranges)) {
    bool perInner = llvm::is_contained(read.read.getIndices(), match.inner.getValueBlock()->getArgument(0));
    bool byRow = range == Range::Pair || range == Range::Read, byKey = range == Range::Pair || range == Range::Write;
    tables[{range, number}] = {rangeTable(read, byRow, byKey, perInner), perInner};
  }
}

Value ChunkFactors::rangeTable(RangeSum const &range, bool byRow, bool byKey, bool perInner) {
  RangeSum read = range;
  SmallVector<OpFoldResult> sizes(byRow + byKey, chunk.length);
  if (perInner)
    sizes.push_back(match.width());
  Value steps = getValueOrCreateConstantIndexOp(builder, location, chunk.length);
  return makeDefine(
      builder, location, builder.getF32Type(), sizes, nullptr, [&](OpBuilder &outer, Location, ValueRange at) -> Value {
        auto inside = [&](OpBuilder &body, Location, ValueRange over) -> Value {
          Value both;
          if (byKey) {
            Value key = indexSum(body, location, {at[byRow], chunk.shift});
            auto behind = read.withKey ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sgt;
            both = arith::CmpIOp::create(body, location, behind, over[0], key);
          }
          if (byRow) {
            Value seen = arith::CmpIOp::create(body, location, arith::CmpIPredicate::sle, over[0], at[0]);
            both = both ? arith::AndIOp::create(body, location, both, seen).getResult() : seen;
          }
          return both;
        };
        auto term = [&](OpBuilder &body, Location, ValueRange over) -> Value {
          IRMapping map;
          ValueRange arguments = read.sum.getValueBlock()->getArguments();
          Value innerIndex = match.inner.getValueBlock()->getArgument(0);
          for (auto [axis, subscript] : llvm::enumerate(read.read.getIndices())) {
            if (axis == read.rowAxis || axis == read.columnAxis)
              continue;
            map.map(arguments[axis], subscript == innerIndex ? at.back() : batchValue(body, subscript));
          }
          map.map(read.reduce.getValueBlock()->getArgument(0), rowAt(body, over[0]));
          return cloneSlice(body, read.reduce.getYielded(), read.sum, map);
        };
        BodyBuilder domain = inside;
        if (!byKey && !byRow)
          domain = nullptr;
        return ReduceOp::create(outer, location, builder.getF32Type(), ReduceKind::Sum, steps, domain, term);
      });
}

/// A subscript that depends on batch indices at most.
Value ChunkFactors::batchValue(OpBuilder &body, Value subscript) {
  IRMapping map;
  Operation *owner = match.out;
  for (auto [index, here] : llvm::zip_equal(match.batch, chunk.batch))
    map.map(index, here);
  for (auto [argument, axis] : llvm::zip_equal(match.dots.getValueBlock()->getArguments(), match.axes))
    if (Value here = map.lookupOrNull(axis))
      map.map(argument, here);
  if (Operation *op = subscript.getDefiningOp(); op && match.dots->isAncestor(op))
    owner = match.dots;
  return cloneSlice(body, subscript, owner, map);
}

} // namespace heed::derive
