// ChunkCausal.cpp - causal sums of products in chunks of rows: pairs inside a chunk, a state for all keys before it.
#include "compiler/derive/CausalSum.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_CHUNKCAUSAL
#include "compiler/derive/Passes.h.inc"

namespace {

/// What a state costs beside its multiplications, in multiply-adds per element and chunk: it is packed, added to and stored.
constexpr double stateOverhead = 64;

/// Chunks cost C / 2 * (d + e) multiply-adds per row for pairs, and d * e * overhead / C for the passes over the state.
int64_t chunkRows(int64_t width, int64_t features) {
  double best = std::sqrt(2 * stateOverhead * width * features / double(width + features));
  return std::clamp<int64_t>(llvm::PowerOf2Ceil(uint64_t(best * 0.75)), 16, 128);
}
/// Where every pair has a decay per element of its product, pairs cost exponentials.
constexpr int64_t chunkRowsWithInnerPairs = 16;

/// Where a factor is evaluated. Null for what a factor does not depend on.
struct Point {
  Value row, column, inner, feature;
};

/// The sums over a range that factors of pairs read, over the steps of one chunk.
enum class Range {
  Pair,  // (key, row]
  Read,  // (last row before the chunk, row]
  Write, // (key, last row of the chunk]
  Carry  // all of the chunk
};

class Rewriter {
public:
  Rewriter(derive::CausalSum &match, DefineOp original)
      : match(match), original(original), builder(original), location(original.getLoc()), f32(builder.getF32Type()) {
    width = *getConstantIntValue(match.width());
    features = match.feature ? *getConstantIntValue(match.features()) : 1;
    // Without features a state is one row of keys, and a step costs no more than a pair.
    rows = !match.feature ? 1 : match.innerPairs.empty() ? chunkRows(width, features) : chunkRowsWithInnerPairs;
  }

  void run() {
    SmallVector<OpFoldResult> operands(match.symbols.begin(), match.symbols.end());
    auto atLeastZero = [&](AffineExpr expr, ArrayRef<OpFoldResult> operands) {
      AffineMap map = AffineMap::get(0, operands.size(), {expr, builder.getAffineConstantExpr(0)}, builder.getContext());
      return affine::makeComposedFoldedAffineMax(builder, location, map, operands);
    };
    shift = affine::makeComposedFoldedAffineApply(builder, location, match.shift, operands);
    origin = affine::makeComposedFoldedAffineApply(builder, location, match.origin, operands);
    before = atLeastZero(match.shift, operands); // keys that the first of these rows sees besides its own
    first = atLeastZero(-match.shift, operands); // rows in front of it see none
    count = isConstantIntValue(first, 0) ? match.rows()
                                         : atLeastZero(builder.getAffineSymbolExpr(0) - builder.getAffineSymbolExpr(1),
                                                       {match.rows(), first});

    Value init = tensor::EmptyOp::create(builder, location, match.out.getMixedSizes(), f32);
    if (!isConstantIntValue(first, 0))
      init = linalg::FillOp::create(builder, location, zero(builder), init).getResult(0);
    Value result = init;
    if (match.batch.empty()) {
      result = rowsOf(init);
    } else {
      SmallVector<OpFoldResult> bounds;
      for (Value index : match.batch)
        bounds.push_back(match.out.getMixedSizes()[cast<BlockArgument>(index).getArgNumber()]);
      auto loop = scf::ForallOp::create(builder, location, bounds, init, std::nullopt);
      builder.setInsertionPointToStart(loop.getBody());
      batch = llvm::to_vector(loop.getInductionVars());
      Value all = loop.getRegionIterArgs().front();
      SmallVector<OpFoldResult> offsets, sizes, strides(match.out.getType().getRank(), builder.getIndexAttr(1));
      SmallVector<int64_t> shape;
      for (BlockArgument index : match.out.getValueBlock()->getArguments()) {
        auto *position = llvm::find(match.batch, index);
        bool fixed = position != match.batch.end();
        OpFoldResult size = match.out.getMixedSizes()[index.getArgNumber()];
        offsets.push_back(fixed ? OpFoldResult(batch[position - match.batch.begin()]) : builder.getIndexAttr(0));
        sizes.push_back(fixed ? OpFoldResult(builder.getIndexAttr(1)) : size);
        if (!fixed)
          shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
      }
      Value one = tensor::ExtractSliceOp::create(builder, location, RankedTensorType::get(shape, f32), all, offsets, sizes,
                                                 strides);
      one = rowsOf(one);
      builder.setInsertionPointToEnd(loop.getTerminator().getBody());
      tensor::ParallelInsertSliceOp::create(builder, location, one, all, offsets, sizes, strides);
      result = loop.getResult(0);
    }
    original.replaceAllUsesWith(result);
  }

  int64_t chunk() const { return rows; }

private:
  Value zero(OpBuilder &at) { return arith::ConstantOp::create(at, location, at.getF32FloatAttr(0)); }
  Value value(OpFoldResult size) { return getValueOrCreateConstantIndexOp(builder, location, size); }
  OpFoldResult apply(OpBuilder &at, AffineExpr expr, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineApply(at, location, expr, operands);
  }
  /// Built as it stands: inside a body under construction nothing may look for the surroundings.
  Value sum(OpBuilder &at, ArrayRef<OpFoldResult> terms) {
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

  /// All rows of one batch index, written to `target` of [rows, features] or [rows].
  Value rowsOf(Value target) {
    AffineExpr total = builder.getAffineSymbolExpr(0), step = builder.getAffineSymbolExpr(1), from = builder.getAffineSymbolExpr(2);
    OpFoldResult chunks = apply(builder, total.floorDiv(rows), {count});
    length = builder.getIndexAttr(rows);
    auto scan = ScanOp::create(builder, location, value(chunks), ValueRange{target, firstState()}, false, false);
    OpBuilder::InsertionGuard guard(builder);
    {
      OpBuilder::InsertionGuard inside(builder);
      builder.setInsertionPointToEnd(&scan.getBody().front());
      begin(apply(builder, step * rows + from, {builder.getIndexAttr(0), scan.getStep(), first}));
      Value states[] = {scan.getStateArguments()[0], scan.getStateArguments()[1]};
      // A chunk reads the state before it changes, so that it can change in place; a single row reads it with its own key.
      Value part = match.feature ? chunkOf(states[1]) : Value();
      Value next = advance(states[1]);
      if (!part)
        part = rowOf(next);
      YieldOp::create(builder, location, ValueRange{insert(part, states[0]), next});
    }
    target = scan.getResult(0);
    if (rows == 1)
      return target;
    // What is left has fewer rows than a chunk; with few rows altogether it is all there is.
    length = apply(builder, total - step * rows, {count, chunks});
    begin(apply(builder, step * rows + from, {builder.getIndexAttr(0), chunks, first}));
    return insert(chunkOf(scan.getResult(1)), target);
  }

  void begin(OpFoldResult row) {
    base = row;
    AffineExpr from = builder.getAffineSymbolExpr(0), at = builder.getAffineSymbolExpr(1);
    AffineMap map = AffineMap::get(0, 2, {from, at - 1}, builder.getContext());
    // The state is what the row in front of the chunk would read; in front of the first chunk it is its first row.
    previous = affine::makeComposedFoldedAffineMax(builder, location, map, {first, base});
    tables.clear();
  }

  Value insert(Value part, Value target) {
    SmallVector<OpFoldResult> offsets{base}, sizes{length}, strides{builder.getIndexAttr(1)};
    if (match.feature) {
      offsets.push_back(builder.getIndexAttr(0));
      sizes.push_back(builder.getIndexAttr(features));
      strides.push_back(builder.getIndexAttr(1));
    }
    return tensor::InsertSliceOp::create(builder, location, part, target, offsets, sizes, strides);
  }

  SmallVector<OpFoldResult> stateSizes() {
    SmallVector<OpFoldResult> sizes{builder.getIndexAttr(width)};
    if (match.feature)
      sizes.push_back(builder.getIndexAttr(features));
    return sizes;
  }

  /// Sums over the keys in front of the first row's own.
  Value firstState() {
    if (isConstantIntValue(before, 0)) {
      Value empty = tensor::EmptyOp::create(builder, location, stateSizes(), f32);
      return linalg::FillOp::create(builder, location, zero(builder), empty).getResult(0);
    }
    return written(before, [&](OpBuilder &body, Value key) { return Point{value(first), key, {}, {}}; });
  }

  /// state[a, e] = sum of the keys and values at `point` of `keys` steps.
  Value written(OpFoldResult keys, llvm::function_ref<Point(OpBuilder &, Value)> at) {
    Value steps = value(keys);
    auto term = [&](OpBuilder &body, Value step, ValueRange indices) {
      Point point = at(body, step);
      point.inner = indices[0];
      point.feature = match.feature ? indices[1] : Value();
      return product(body, point, {Range::Write, {}, step},
                     {{match.key, match.dots},
                      {match.innerPairs, match.dots},
                      {match.columnFactors, match.out},
                      {match.pairFactors, match.out}});
    };
    return derive::makeDefine(
        builder, location, f32, stateSizes(), nullptr, [&](OpBuilder &outer, Location, ValueRange indices) -> Value {
          if (isConstantIntValue(keys, 1))
            return term(outer, arith::ConstantIndexOp::create(outer, location, 0), indices);
          return ReduceOp::create(
              outer, location, f32, ReduceKind::Sum, steps, nullptr,
              [&](OpBuilder &body, Location, ValueRange over) -> Value { return term(body, over[0], indices); });
        });
  }

  /// The state as the last row of the chunk would read it.
  Value advance(Value state) {
    prepare(Range::Write);
    prepare(Range::Carry);
    Value last = sum(builder, {base, builder.getIndexAttr(rows - 1)});
    Value fresh = written(length, [&](OpBuilder &body, Value key) { return Point{last, columnAt(body, key), {}, {}}; });
    bool decays = !match.innerPairs.empty() || !match.pairFactors.empty();
    Value kept = !decays ? state
                         : derive::makeDefine(builder, location, f32, stateSizes(), nullptr,
                                              [&](OpBuilder &body, Location, ValueRange indices) -> Value {
                                                Value old = tensor::ExtractOp::create(body, location, state, indices);
                                                Point point{last, sum(body, {previous, origin}), indices[0], {}};
                                                Value decay = product(
                                                    body, point, {Range::Carry, {}, {}},
                                                    {{match.innerPairs, match.dots}, {match.pairFactors, match.out}});
                                                return arith::MulFOp::create(body, location, decay, old);
                                              });
    // An addition of its own: the product can then begin with what was kept.
    return derive::makeDefine(builder, location, f32, stateSizes(), nullptr,
                              [&](OpBuilder &body, Location, ValueRange indices) -> Value {
                                Value old = tensor::ExtractOp::create(body, location, kept, indices),
                                      added = tensor::ExtractOp::create(body, location, fresh, indices);
                                return arith::AddFOp::create(body, location, old, added);
                              });
  }

  Value columnAt(OpBuilder &body, Value key) { return sum(body, {base, shift, key}); }
  Value rowAt(OpBuilder &body, Value row) { return sum(body, {base, row}); }

  /// The only row of a chunk, from a state that includes its own key.
  Value rowOf(Value state) {
    Value row = value(base);
    return derive::makeDefine(
        builder, location, f32, ArrayRef<OpFoldResult>{builder.getIndexAttr(1)}, nullptr,
        [&](OpBuilder &outer, Location, ValueRange) -> Value {
          return ReduceOp::create(outer, location, f32, ReduceKind::Sum, value(match.width()), nullptr,
                                  [&](OpBuilder &body, Location, ValueRange over) -> Value {
                                    Value query = product(body, {row, {}, over[0], {}}, {},
                                                          {{match.query, match.dots}, {match.rowFactors, match.out}});
                                    Value read = tensor::ExtractOp::create(body, location, state, over);
                                    return arith::MulFOp::create(body, location, query, read);
                                  });
        });
  }

  /// out[r, e] = sum over the chunk's own keys + sum_a query[r, a] * state[a, e].
  Value chunkOf(Value state) {
    prepare(Range::Pair);
    prepare(Range::Read);
    Value inner = value(match.width()), steps = value(length);
    OpFoldResult features = builder.getIndexAttr(this->features);
    Value dots = derive::makeDefine(
        builder, location, f32, {length, length}, nullptr, [&](OpBuilder &outer, Location, ValueRange at) -> Value {
          return ReduceOp::create(outer, location, f32, ReduceKind::Sum, inner, nullptr,
                                  [&](OpBuilder &body, Location, ValueRange over) -> Value {
                                    Point point{rowAt(body, at[0]), columnAt(body, at[1]), over[0], {}};
                                    return product(body, point, {Range::Pair, at[0], at[1]},
                                                   {{match.query, match.dots}, {match.key, match.dots}, {match.innerPairs, match.dots}});
                                  });
        });
    Value weights =
        derive::makeDefine(builder, location, f32, {length, length}, nullptr, [&](OpBuilder &body, Location, ValueRange at) {
          Point point{rowAt(body, at[0]), columnAt(body, at[1]), {}, {}};
          Value dot = tensor::ExtractOp::create(body, location, dots, at);
          Value others = product(body, point, {Range::Pair, at[0], at[1]},
                                 {{match.rowFactors, match.out}, {match.pairFactors, match.out}});
          return others ? arith::MulFOp::create(body, location, dot, others).getResult() : dot;
        });
    Value own = derive::makeDefine(
        builder, location, f32, {length, features}, nullptr, [&](OpBuilder &outer, Location, ValueRange at) -> Value {
          auto inside = [&](OpBuilder &body, Location, ValueRange over) -> Value {
            return arith::CmpIOp::create(body, location, arith::CmpIPredicate::sle, over[0], at[0]);
          };
          return ReduceOp::create(outer, location, f32, ReduceKind::Sum, steps, inside,
                                  [&](OpBuilder &body, Location, ValueRange over) -> Value {
                                    Value weight = tensor::ExtractOp::create(body, location, weights, ValueRange{at[0], over[0]});
                                    Value rest = product(body, {{}, columnAt(body, over[0]), {}, at[1]}, {},
                                                         {{match.columnFactors, match.out}});
                                    return arith::MulFOp::create(body, location, weight, rest);
                                  });
        });
    Value earlier = derive::makeDefine(
        builder, location, f32, {length, features}, nullptr, [&](OpBuilder &outer, Location, ValueRange at) -> Value {
          return ReduceOp::create(
              outer, location, f32, ReduceKind::Sum, inner, nullptr,
              [&](OpBuilder &body, Location, ValueRange over) -> Value {
                Point point{rowAt(body, at[0]), sum(body, {previous, origin}), over[0], {}};
                Value query = product(body, point, {Range::Read, at[0], {}},
                                      {{match.query, match.dots}, {match.innerPairs, match.dots},
                                       {match.rowFactors, match.out}, {match.pairFactors, match.out}});
                Value read = tensor::ExtractOp::create(body, location, state, ValueRange{over[0], at[1]});
                return arith::MulFOp::create(body, location, query, read);
              });
        });
    return derive::makeDefine(builder, location, f32, {length, features}, nullptr,
                              [&](OpBuilder &body, Location, ValueRange at) -> Value {
                                Value a = tensor::ExtractOp::create(body, location, own, at),
                                      b = tensor::ExtractOp::create(body, location, earlier, at);
                                return arith::AddFOp::create(body, location, a, b);
                              });
  }

  struct Part {
    ArrayRef<Value> factors;
    DefineOp owner;
  };
  /// Which table the sums over ranges are read from, and the row and key of the chunk.
  struct Place {
    Range range = Range::Pair;
    Value row, key;
  };

  /// The product of all factors; null if there are none.
  Value product(OpBuilder &body, Point point, Place place, ArrayRef<Part> parts) {
    Value all;
    for (Part const &part : parts) {
      IRMapping map;
      auto set = [&](Value index, Value here) {
        if (index && here)
          map.map(index, here);
      };
      auto nameHere = [&](Value axis) {
        auto *position = llvm::find(match.batch, axis);
        return axis == match.row ? point.row : axis == match.column ? point.column : batch[position - match.batch.begin()];
      };
      if (part.owner == match.dots) {
        for (auto [argument, axis] : llvm::zip_equal(match.dots.getValueBlock()->getArguments(), match.axes))
          set(argument, nameHere(axis));
        set(match.inner.getValueBlock()->getArgument(0), point.inner);
      } else {
        for (Value index : match.batch)
          set(index, nameHere(index));
        set(match.row, point.row);
        set(match.column, point.column);
        set(match.feature, point.feature);
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
      for (Value factor : part.factors) {
        Value one = derive::cloneSlice(body, factor, part.owner, map);
        all = all ? arith::MulFOp::create(body, location, all, one).getResult() : one;
      }
    }
    return all;
  }

  /// The table of a range for the present chunk, for every sum that pairs read.
  void prepare(Range range) {
    for (auto [number, read] : llvm::enumerate(match.ranges)) {
      Value innerIndex = match.inner.getValueBlock()->getArgument(0);
      bool perInner = llvm::is_contained(read.read.getIndices(), innerIndex);
      SmallVector<OpFoldResult> sizes;
      bool byRow = range == Range::Pair || range == Range::Read, byKey = range == Range::Pair || range == Range::Write;
      sizes.append(byRow + byKey, length);
      if (perInner)
        sizes.push_back(match.width());
      Value steps = value(length);
      auto &reduce = read.reduce;
      tables[{range, number}] = {
          derive::makeDefine(
              builder, location, f32, sizes, nullptr,
              [&](OpBuilder &outer, Location, ValueRange at) -> Value {
                auto inside = [&](OpBuilder &body, Location, ValueRange over) -> Value {
                  Value both;
                  if (byKey) {
                    Value key = sum(body, {at[byRow], shift});
                    both = arith::CmpIOp::create(body, location, arith::CmpIPredicate::sgt, over[0], key);
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
                  for (auto [axis, subscript] : llvm::enumerate(read.read.getIndices())) {
                    if (axis == read.rowAxis || axis == read.columnAxis)
                      continue;
                    map.map(arguments[axis], subscript == innerIndex ? at.back() : batchValue(body, subscript));
                  }
                  map.map(reduce.getValueBlock()->getArgument(0), rowAt(body, over[0]));
                  return derive::cloneSlice(body, reduce.getYielded(), read.sum, map);
                };
                BodyBuilder domain = inside;
                if (!byKey && !byRow)
                  domain = nullptr;
                return ReduceOp::create(outer, location, f32, ReduceKind::Sum, steps, domain, term);
              }),
          perInner};
    }
  }

  /// A subscript that depends on batch indices at most.
  Value batchValue(OpBuilder &body, Value subscript) {
    IRMapping map;
    Operation *owner = match.out;
    for (auto [index, here] : llvm::zip_equal(match.batch, batch))
      map.map(index, here);
    for (auto [argument, axis] : llvm::zip_equal(match.dots.getValueBlock()->getArguments(), match.axes))
      if (Value here = map.lookupOrNull(axis))
        map.map(argument, here);
    if (Operation *op = subscript.getDefiningOp(); op && match.dots->isAncestor(op))
      owner = match.dots;
    return derive::cloneSlice(body, subscript, owner, map);
  }

  derive::CausalSum &match;
  DefineOp original;
  OpBuilder builder;
  Location location;
  Type f32;
  int64_t width, features, rows;
  OpFoldResult shift, origin, before, first, count;
  SmallVector<Value> batch; // indices of the present head
  OpFoldResult base, previous, length; // of the present chunk
  std::map<std::pair<Range, unsigned>, std::pair<Value, bool>> tables; // by range and sum: values, and whether per inner index
};

struct ChunkCausal : impl::ChunkCausalBase<ChunkCausal> {
  void runOnOperation() override {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    bool changed = false;
    for (DefineOp define : defines) {
      ReduceOp sum = derive::rootReduce(define);
      if (!sum || !sum.hasDomain())
        continue;
      auto copy = cast<DefineOp>(OpBuilder(define).clone(*define));
      std::string reason;
      std::optional<derive::CausalSum> match = derive::matchCausalSum(copy, reason);
      if (match) {
        Rewriter rewriter(*match, define);
        rewriter.run();
        remark::passed(define.getLoc(), remark::RemarkOpts::name("ChunkCausal").category("derive"))
            << (rewriter.chunk() == 1 ? std::string("a state of all keys so far: linear in the number of rows")
                                      : "chunks of " + std::to_string(rewriter.chunk()) +
                                            " rows and a state of all keys before them: linear in the number of rows");
        copy.erase();
        define.erase();
        changed = true;
        continue;
      }
      copy.erase();
      if (!reason.empty())
        remark::missed(define.getLoc(), remark::RemarkOpts::name("ChunkCausal").category("derive")) << reason;
    }
    if (changed)
      derive::eraseUnused(getOperation());
  }
};

} // namespace
} // namespace heed
