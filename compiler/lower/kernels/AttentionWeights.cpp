// AttentionWeights.cpp - from scores to weights: the score and domain regions on lanes, and the running softmax.
#include "compiler/lower/kernels/AttentionTile.h"
#include "compiler/lower/kernels/VectorExp.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed::kernels {

void AttentionTile::weights(Strip const &strip) {
  Vectors largest = scores(strip);
  if (op.getPlain())
    return;
  Vectors references, befores, sums;
  Value zeros = emit.splat(lanes, 0.0f), lowest = emit.splat(lanes, -std::numeric_limits<float>::infinity());
  for (int64_t vector = 0; vector < blocks.shape.vectors; ++vector) {
    Value row = emit.add(strip.rowBegin, vector * lanes), before = vectorAt(blocks.maximum, row);
    Value maximum = emitLarger(emit, largest[vector], before);
    vector::StoreOp::create(emit, maximum, blocks.maximum, row);
    // Nothing seen yet: -inf - -inf would be NaN.
    Value nothing = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, maximum, lowest);
    references.push_back(arith::SelectOp::create(emit, nothing, zeros, maximum));
    befores.push_back(before);
    sums.push_back(zeros);
  }
  // Several keys at once: see emitExp2OfNonPositive.
  auto keysAt = [&](Value first, int64_t count, ValueRange so) {
    SmallVector<SmallVector<Value>> places;
    Vectors differences, next(so);
    for (int64_t key = 0; key < count; ++key)
      for (int64_t vector = 0; vector < blocks.shape.vectors; ++vector) {
        places.push_back({strip.slot, emit.add(first, key), lane(vector)});
        differences.push_back(arith::SubFOp::create(emit, vectorAt(blocks.scores, places.back()), references[vector]));
      }
    for (auto [number, weight] : llvm::enumerate(emitExp2OfNonPositive(emit, differences))) {
      vector::StoreOp::create(emit, weight, blocks.scores, places[number]);
      Value &sum = next[number % blocks.shape.vectors];
      sum = arith::AddFOp::create(emit, sum, weight);
    }
    return next;
  };
  int64_t group = 4 / blocks.shape.vectors;
  Value whole = emit.add(strip.from, emit.mul(emit.div(emit.sub(strip.to, strip.from), group), group));
  sums = emit.loop(strip.from, whole, group, sums, [&](Value key, ValueRange so) { return keysAt(key, group, so); });
  sums = emit.loop(whole, strip.to, 1, sums, [&](Value key, ValueRange so) { return keysAt(key, 1, so); });
  // What was summed relative to the old maxima.
  Vectors sinceBefore;
  for (auto [before, reference] : llvm::zip_equal(befores, references))
    sinceBefore.push_back(arith::SubFOp::create(emit, before, reference));
  Vectors factors = emitExp2OfNonPositive(emit, sinceBefore);
  Value changed;
  for (int64_t vector = 0; vector < blocks.shape.vectors; ++vector) {
    Value row = emit.add(strip.rowBegin, vector * lanes);
    Value total = emit.multiplyAdd(vectorAt(blocks.total, row), factors[vector], sums[vector]);
    vector::StoreOp::create(emit, total, blocks.total, row);
    Value differs =
        arith::CmpFOp::create(emit, arith::CmpFPredicate::UNE, factors[vector], emit.splat(lanes, 1.0f));
    changed = changed ? Value(arith::OrIOp::create(emit, changed, differs)) : differs;
  }
  emit.branch(vector::ReductionOp::create(emit, vector::CombiningKind::OR, changed), [&] {
    emit.loop(emit.index(0), featureCount, 1, [&](Value feature) {
      for (int64_t vector = 0; vector < blocks.shape.vectors; ++vector) {
        SmallVector<Value> at = {strip.panel, feature, lane(vector)};
        vector::StoreOp::create(emit, arith::MulFOp::create(emit, vectorAt(blocks.sums, at), factors[vector]), blocks.sums,
                                at);
      }
    });
  });
}

/// Replaces the dot products of a strip by scores, and gives the largest of each query.
AttentionTile::Vectors AttentionTile::scores(Strip const &strip) {
  Vectors maxima(blocks.shape.vectors, emit.splat(lanes, pairs.none()));
  KeyWalk::Violations violations = walk.violations(strip.rowBegin, strip.rowEnd);
  // What a score reads for a query that does not exist may be out of bounds.
  Value exist = emit.compare(arith::CmpIPredicate::eq, emit.sub(strip.rowEnd, strip.rowBegin), emit.index(width));
  SmallVector<Type> types(maxima.size(), emit.vectorOf(lanes));
  return emit.loop(strip.from, strip.to, width, maxima, [&](Value from, ValueRange so) {
    Value to = emit.min(emit.add(from, width), strip.to), begin = walk.step(tile, from);
    Value clear = emit.createOrFold<arith::OrIOp>(
        tile.full, walk.isFull(violations, begin, emit.add(begin, emit.sub(to, from))));
    if (blocks.uniformPanels && queries.steps.stride == 1)
      clear = isClear(clear, pairAt(strip.rowBegin, from));
    if (!pairs.areProducts())
      clear = emit.createOrFold<arith::AndIOp>(clear, exist);
    return emit.choose(
        clear, types, [&] { return scoresOfClearPanel(strip, from, to, so); },
        [&] { return eachKey(strip, from, to, 1, /*masked=*/true, so); });
  });
}

/// The answer for panels whose pairs are alike: asks the first.
Value AttentionTile::isClear(Value known, Pair const &first) {
  Value place = emit.createOrFold<arith::RemUIOp>(first.key, emit.index(width));
  Value aligned = emit.compare(arith::CmpIPredicate::eq, place, emit.index(0));
  Value yes = arith::ConstantOp::create(emit, emit.getBoolAttr(true));
  Value ask = emit.createOrFold<arith::AndIOp>(aligned, emit.createOrFold<arith::XOrIOp>(known, yes));
  return emit.choose(
      ask, emit.getI1Type(), [&]() -> SmallVector<Value> { return {pairs.isInside(first)}; },
      [&]() -> SmallVector<Value> { return {known}; })[0];
}

AttentionTile::Vectors AttentionTile::eachKey(Strip const &strip, Value from, Value to, int64_t group, bool masked, Vectors maxima) {
  return emit.loop(from, to, group, maxima, [&](Value key, ValueRange so) {
    Vectors next(so);
    scoreKeys(strip, key, group, masked, next);
    return next;
  });
}

/// Keys whose pairs with the queries of the strip are all visible.
AttentionTile::Vectors AttentionTile::scoresOfClearPanel(Strip const &strip, Value from, Value to, Vectors maxima) {
  if (pairs.areProducts() && op.getPlain())
    return maxima;
  auto inGroups = [&](Value begin, Value end, int64_t group, Vectors so) {
    return eachKey(strip, begin, end, group, /*masked=*/false, so);
  };
  if (!pairs.areProducts()) {
    // Four vectors at once, as their weights: the steps of one function would wait for each other.
    int64_t group = pairs.dependOnDotOnly() ? std::max<int64_t>(4 / blocks.shape.vectors, 1) : 1;
    if (group == 1)
      return inGroups(from, to, 1, maxima);
    Value whole = emit.add(from, emit.mul(emit.div(emit.sub(to, from), group), group));
    return inGroups(whole, to, 1, inGroups(from, whole, group, maxima));
  }
  // Only the maximum is left to do: by halves, since one after the other would wait for each comparison.
  Value whole = emit.compare(arith::CmpIPredicate::eq, emit.sub(to, from), emit.index(width));
  SmallVector<Type> types(maxima.size(), emit.vectorOf(lanes));
  return emit.choose(
      whole, types,
      [&] {
        Vectors result;
        for (auto [vector, maximum] : llvm::enumerate(maxima)) {
          SmallVector<Value> level = {maximum};
          for (int64_t key = 0; key < width; ++key)
            level.push_back(vectorAt(blocks.scores, ValueRange{strip.slot, emit.add(from, key), lane(vector)}));
          for (; level.size() > 1; level.resize((level.size() + 1) / 2))
            for (size_t pair = 0; pair < level.size(); pair += 2)
              level[pair / 2] = pair + 1 < level.size() ? emitLarger(emit, level[pair + 1], level[pair]) : level[pair];
          result.push_back(level.front());
        }
        return result;
      },
      [&] { return inGroups(from, to, 1, maxima); });
}

/// `vector`, of which LLVM must not know what it is. It would turn the store of a choice between a constant and what is stored there
/// into a masked store, which takes tens of cycles on AMD's cores up to Zen 3.
static Value emitOpaque(Emit &emit, Value vector) {
  return LLVM::CallIntrinsicOp::create(emit, vector.getType(), emit.getStringAttr("llvm.arithmetic.fence"), vector).getResult(0);
}

/// Replaces the dot products of `count` keys by scores; those outside the domain, if `masked`, by what gives no weight. The
/// vectors of several keys go through the score region as one.
void AttentionTile::scoreKeys(Strip const &strip, Value first, int64_t count, bool masked, Vectors &maxima) {
  auto place = [&](int64_t key) { return SmallVector<Value>{strip.slot, emit.add(first, key), emit.index(0)}; };
  auto panelAt = [&](int64_t key) -> Value {
    return vector::LoadOp::create(emit, emit.vectorOf(width), blocks.scores, place(key));
  };
  Value scores;
  if (pairs.onLanes(masked)) {
    Value dots;
    for (int64_t key = 0; key < count && op.hasQuery(); ++key)
      dots = dots ? emit.concatenate(dots, panelAt(key)) : panelAt(key);
    Value rows = masked ? emit.sub(strip.rowEnd, strip.rowBegin) : Value();
    scores = pairs.score(count * width, pairAt(strip.rowBegin, first), dots, rows, masked);
    for (int64_t at = 0; at < count * width && (masked || !pairs.areProducts()); at += lanes) { // else it is there
      SmallVector<Value> to = {strip.slot, emit.add(first, at / width), emit.index(at % width)};
      vector::StoreOp::create(emit, emitOpaque(emit, emit.slice(scores, at, lanes)), blocks.scores, to);
    }
  } else {
    scoreEach(strip, first, masked);
    scores = panelAt(0);
  }
  for (int64_t key = 0; key < count; ++key)
    for (auto [vector, maximum] : llvm::enumerate(maxima))
      maximum = emitLarger(emit, emit.slice(scores, key * width + vector * lanes, lanes), maximum);
}

/// For regions that cannot run on lanes.
void AttentionTile::scoreEach(Strip const &strip, Value key, bool masked) {
  emit.loop(emit.index(0), emit.index(width), 1, [&](Value lane) {
    Value row = emit.add(strip.rowBegin, lane);
    SmallVector<Value> here = {strip.slot, key, lane};
    Value score = emit.choose(
        emit.less(row, strip.rowEnd), emit.getF32Type(),
        [&]() -> SmallVector<Value> {
          Value dot = op.hasQuery() ? memref::LoadOp::create(emit, blocks.scores, here) : Value();
          return {pairs.scoreOne(pairAt(row, key), dot, masked)};
        },
        [&]() -> SmallVector<Value> { return {emit.f32(pairs.none())}; })[0];
    memref::StoreOp::create(emit, score, blocks.scores, here);
  });
}

} // namespace heed::kernels
