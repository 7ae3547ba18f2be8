// ChunkCausal.cpp - causal sums of products in chunks of rows: pairs inside a chunk, a state for all keys before it.
#include "compiler/derive/CausalGroup.h"
#include "compiler/derive/SumChunk.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_CHUNKCAUSAL
#include "compiler/derive/Passes.h.inc"

namespace {

using derive::CausalGroup;
using derive::CausalMember;
using derive::CausalSum;
using derive::SumChunk;

/// A tensor that the chunks are written to: of a sum, or of the consumer of all sums.
struct Target {
  DefineOp define;
  CausalSum *match; // whose rows, heads and features its axes are
};

class Rewriter {
public:
  explicit Rewriter(CausalGroup &group)
      : group(group), builder(group.position()), location(group.position().getLoc()), f32(builder.getF32Type()) {
    for (CausalMember &member : group.members) {
      // A sum without features takes the rows of those that have some.
      int64_t best = SumChunk::bestRows(member.match);
      rows = rows == 1 || best == 1 ? std::max(rows, best) : std::min(rows, best);
      if (!group.consumer)
        targets.push_back({member.original, &member.match});
      else if (member.match.feature && targets.empty())
        targets.push_back({group.consumer, &member.match});
    }
  }

  void run() {
    prepare();
    SmallVector<Value> inits;
    for (Target &target : targets) {
      Value init = tensor::EmptyOp::create(builder, location, target.define.getMixedSizes(), f32);
      if (!isConstantIntValue(chunk.first, 0)) {
        Value zero = arith::ConstantOp::create(builder, location, builder.getF32FloatAttr(0));
        init = linalg::FillOp::create(builder, location, zero, init).getResult(0);
      }
      inits.push_back(init);
    }
    CausalSum &first = group.members.front().match;
    SmallVector<Value> results;
    if (first.batch.empty()) {
      results = rowsOf(inits);
    } else {
      SmallVector<OpFoldResult> bounds;
      for (Value index : first.batch)
        bounds.push_back(first.out.getMixedSizes()[cast<BlockArgument>(index).getArgNumber()]);
      auto loop = scf::ForallOp::create(builder, location, bounds, inits, std::nullopt);
      results = heads(loop);
    }
    for (auto [target, result] : llvm::zip_equal(targets, results))
      target.define.replaceAllUsesWith(result);
  }

  int64_t rowsOfChunk() const { return rows; }

private:
  Value value(OpFoldResult size) { return getValueOrCreateConstantIndexOp(builder, location, size); }
  OpFoldResult apply(AffineExpr expr, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineApply(builder, location, expr, operands);
  }
  OpFoldResult atLeastZero(AffineExpr expr, ArrayRef<OpFoldResult> operands) {
    AffineMap map = AffineMap::get(0, operands.size(), {expr, builder.getAffineConstantExpr(0)}, builder.getContext());
    return affine::makeComposedFoldedAffineMax(builder, location, map, operands);
  }

  /// What all chunks share.
  void prepare() {
    CausalSum &match = group.members.front().match;
    SmallVector<OpFoldResult> operands(match.symbols.begin(), match.symbols.end());
    chunk.shift = apply(match.shift, operands);
    chunk.origin = apply(match.origin, operands);
    chunk.before = atLeastZero(match.shift, operands);
    chunk.first = atLeastZero(-match.shift, operands);
    chunk.offset = builder.getIndexAttr(0);
    count = isConstantIntValue(chunk.first, 0)
                ? match.rows()
                : atLeastZero(builder.getAffineSymbolExpr(0) - builder.getAffineSymbolExpr(1), {match.rows(), chunk.first});
  }

  /// The rows of each head, in parallel.
  SmallVector<Value> heads(scf::ForallOp loop) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    chunk.batch = llvm::to_vector(loop.getInductionVars());
    struct Slice {
      SmallVector<OpFoldResult> offsets, sizes, strides;
    };
    SmallVector<Slice> slices;
    SmallVector<Value> parts;
    for (auto [target, all] : llvm::zip_equal(targets, loop.getRegionIterArgs())) {
      Slice &slice = slices.emplace_back();
      slice.strides.append(target.define.getType().getRank(), builder.getIndexAttr(1));
      SmallVector<int64_t> shape;
      for (BlockArgument index : target.match->out.getValueBlock()->getArguments()) {
        auto *position = llvm::find(target.match->batch, index);
        bool fixed = position != target.match->batch.end();
        OpFoldResult size = target.define.getMixedSizes()[index.getArgNumber()];
        slice.offsets.push_back(fixed ? OpFoldResult(chunk.batch[position - target.match->batch.begin()])
                                      : builder.getIndexAttr(0));
        slice.sizes.push_back(fixed ? OpFoldResult(builder.getIndexAttr(1)) : size);
        if (!fixed)
          shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
      }
      parts.push_back(tensor::ExtractSliceOp::create(builder, location, RankedTensorType::get(shape, f32), all, slice.offsets,
                                                     slice.sizes, slice.strides));
    }
    parts = rowsOf(parts);
    builder.setInsertionPointToEnd(loop.getTerminator().getBody());
    for (auto [part, all, slice] : llvm::zip_equal(parts, loop.getRegionIterArgs(), slices))
      tensor::ParallelInsertSliceOp::create(builder, location, part, all, slice.offsets, slice.sizes, slice.strides);
    return llvm::to_vector_of<Value>(loop.getResults());
  }

  /// All rows of one head, written to targets of [rows, features] or [rows].
  SmallVector<Value> rowsOf(SmallVector<Value> into) {
    AffineExpr total = builder.getAffineSymbolExpr(0), step = builder.getAffineSymbolExpr(1), from = builder.getAffineSymbolExpr(2);
    OpFoldResult chunks = apply(total.floorDiv(rows), {count}), none = builder.getIndexAttr(0);
    std::vector<SumChunk> sums;
    sums.reserve(group.members.size());
    SmallVector<Value> states = into;
    for (CausalMember &member : group.members) {
      sums.emplace_back(member.match, builder, chunk, member.locals);
      states.push_back(sums.back().firstState());
    }
    SmallVector<Value> done = steps(sums, chunks, apply(step * rows + from, {none, none, chunk.first}), rows, states);
    // What is left has fewer rows than a chunk, and takes about the time of one; with few rows altogether it is all there is.
    if (rows > 1)
      done = steps(sums, apply(total - step * rows, {count, chunks}), apply(step * rows + from, {none, chunks, chunk.first}), 1, done);
    done.resize(into.size());
    return done;
  }

  /// `count` chunks of `height` rows from `first` on.
  SmallVector<Value> steps(std::vector<SumChunk> &sums, OpFoldResult count, OpFoldResult first, int64_t height,
                           ArrayRef<Value> states) {
    AffineExpr step = builder.getAffineSymbolExpr(0), from = builder.getAffineSymbolExpr(1);
    auto scan = ScanOp::create(builder, location, value(count), states, false, false);
    OpBuilder::InsertionGuard inside(builder);
    builder.setInsertionPointToEnd(&scan.getBody().front());
    chunk.begin(builder, location, apply(step * height + from, {scan.getStep(), first}), builder.getIndexAttr(height));
    SmallVector<Value> old(scan.getStateArguments().begin(), scan.getStateArguments().end());
    YieldOp::create(builder, location, write(sums, old, height));
    return llvm::to_vector_of<Value>(scan.getStates());
  }

  /// The targets with the rows of this chunk, and the next states.
  SmallVector<Value> write(std::vector<SumChunk> &sums, ArrayRef<Value> old, int64_t height) {
    SmallVector<Value> next(old), parts;
    auto states = MutableArrayRef<Value>(next).drop_front(targets.size());
    // A chunk reads its state before it changes, so that it can change in place; a single row reads it with its own key.
    for (auto [sum, state, member] : llvm::zip_equal(sums, states, group.members)) {
      sum.begin();
      if (height == 1)
        parts.push_back(sum.onlyRow(state = sum.advance(state)));
      else if (member.match.feature)
        parts.push_back(sum.rows(state));
      else
        std::tie(parts.emplace_back(), state) = sum.rowByRow(state);
    }
    for (auto [sum, state, member] : llvm::zip_equal(sums, states, group.members))
      if (member.match.feature && height > 1)
        state = sum.advance(state);
    if (group.consumer)
      parts = {consumed(parts)};
    for (auto [number, target] : llvm::enumerate(targets))
      next[number] = insert(target, parts[number], old[number]);
    return next;
  }

  /// The consumer's rows of this chunk, which read the sums' rows of this chunk.
  Value consumed(ArrayRef<Value> parts) {
    CausalSum &match = *targets.front().match;
    DefineOp consumer = group.consumer;
    return derive::makeDefine(
        builder, location, f32, {chunk.length, match.features()}, nullptr, [&](OpBuilder &body, Location, ValueRange at) -> Value {
          IRMapping map;
          auto argument = [&](Value axis) { return consumer.getValueBlock()->getArgument(cast<BlockArgument>(axis).getArgNumber()); };
          map.map(argument(match.row), derive::indexSum(body, location, {chunk.base, at[0]}));
          map.map(argument(match.feature), at[1]);
          for (auto [axis, here] : llvm::zip_equal(match.batch, chunk.batch))
            map.map(argument(axis), here);
          for (auto [member, part] : llvm::zip_equal(group.members, parts))
            for (Operation *read : member.original->getUsers())
              map.map(read->getResult(0),
                      tensor::ExtractOp::create(body, location, part, at.take_front(member.match.feature ? 2 : 1)).getResult());
          return derive::cloneSlice(body, consumer.getYielded(), consumer, map);
        });
  }

  Value insert(Target &target, Value part, Value into) {
    SmallVector<OpFoldResult> offsets{chunk.base}, sizes{chunk.length}, strides{builder.getIndexAttr(1)};
    if (target.match->feature) {
      offsets.push_back(builder.getIndexAttr(0));
      sizes.push_back(target.match->features());
      strides.push_back(builder.getIndexAttr(1));
    }
    return tensor::InsertSliceOp::create(builder, location, part, into, offsets, sizes, strides);
  }

  CausalGroup &group;
  OpBuilder builder;
  Location location;
  Type f32;
  int64_t rows = 1;
  SmallVector<Target> targets;
  derive::Chunk chunk;
  OpFoldResult count; // rows that see a key
};

struct ChunkCausal : impl::ChunkCausalBase<ChunkCausal> {
  void runOnOperation() override {
    std::vector<CausalGroup> groups = derive::groupCausalSums(matches());
    for (CausalGroup &group : groups) {
      Rewriter rewriter(group);
      rewriter.run();
      for (CausalMember &member : group.members)
        remark::passed(member.original.getLoc(), remark::RemarkOpts::name("ChunkCausal").category("derive"))
            << (rewriter.rowsOfChunk() == 1 ? std::string("a state of all keys so far: linear in the number of rows")
                                            : "chunks of " + std::to_string(rewriter.rowsOfChunk()) +
                                                  " rows and a state of all keys before them: linear in the number of rows");
      if (group.consumer)
        group.consumer.erase();
      for (CausalMember &member : group.members) {
        member.match.out.erase();
        member.original.erase();
      }
    }
    if (!groups.empty())
      derive::eraseUnused(getOperation());
  }

  std::vector<CausalMember> matches() {
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    std::vector<CausalMember> found;
    for (DefineOp define : defines) {
      ReduceOp sum = derive::rootReduce(define);
      if (!sum || !sum.hasDomain())
        continue;
      auto copy = cast<DefineOp>(OpBuilder(define).clone(*define));
      std::string reason;
      if (std::optional<CausalSum> match = derive::matchCausalSum(copy, reason)) {
        found.push_back({define, *match, {}});
        continue;
      }
      copy.erase();
      if (!reason.empty())
        remark::missed(define.getLoc(), remark::RemarkOpts::name("ChunkCausal").category("derive")) << reason;
    }
    return found;
  }
};

} // namespace
} // namespace heed
