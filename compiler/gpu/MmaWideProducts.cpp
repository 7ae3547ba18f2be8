// MmaWideProducts.cpp - the two products of an attention on tensor cores, of f32 as sums of two tf32.
//
// Infinities and NaNs cannot be split. They are rare, and to find out whether there are any costs a multiply-add per element.
#include "compiler/gpu/MmaTile.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {
namespace {

/// 0 for numbers, NaN if an infinity or NaN was among them.
struct Suspicion {
  Emit &emit;
  Value sum;

  Suspicion(Emit &emit, Value sum) : emit(emit), sum(sum) {}
  void look(ArrayRef<Value> numbers) {
    for (Value number : numbers)
      sum = math::FmaOp::create(emit, number, emit.f32(0), sum);
  }
  Value found() { return arith::CmpFOp::create(emit, arith::CmpFPredicate::UNO, sum, sum); }
};

} // namespace

SmallVector<Value> MmaTile::dotsOfWide(Value keyTile) {
  SmallVector<Value> sums(map.elements(), emit.f32(0));
  Suspicion suspicion(emit, emit.f32(0));
  auto split = [&](Words const &words) {
    SmallVector<Value> numbers = llvm::map_to_vector(words, [&](Value word) -> Value {
      return arith::BitcastOp::create(emit, emit.getF32Type(), word);
    });
    suspicion.look(numbers);
    return core.split(numbers);
  };
  Value line = core.at(keyTile, keyLine);
  for (int64_t step = 0; step < shape.inner / 8; ++step) {
    TensorCore::Split query = split(queryFragment(step));
    for (int64_t group = 0; group < shape.keys / 16; ++group) {
      Value address = core.at(line, 16 * group * shape.keyLine() + 32 * step);
      TensorCore::Split keys = split(core.loadMatrices(address, /*transposed=*/false));
      for (int64_t half = 0; half < 2; ++half) {
        MutableArrayRef<Value> to = MutableArrayRef(sums).slice(4 * (2 * group + half), 4);
        llvm::copy(core.multiply(query, keys.slice(2 * half, 2), ValueRange(to)), to.begin());
      }
    }
  }
  return emit.choose(
      core.any(suspicion.found()), SmallVector<Type>(sums.size(), emit.getF32Type()), [&] { return dotsByThreads(keyTile); },
      [&] { return sums; });
}

/// The thread's sources of 8 keys and 8 features: of two neighbouring keys, as weights are in neighbouring registers. Which keys
/// the steps of a product are does not matter, so these stand for steps t and t + 4.
SmallVector<Value> MmaTile::wideSources(Value sourceTile, int64_t group, int64_t column) {
  SmallVector<Value> sources;
  Value own = emit.add(emit.mul(map.firstKey, shape.sourceLine()), emit.mul(emit.div(lane, 4), 4));
  for (int64_t key = 0; key < 2; ++key)
    sources.push_back(core.load(
        emit.getF32Type(), core.at(core.at(sourceTile, own), (8 * group + key) * shape.sourceLine() + 32 * column)));
  return sources;
}

/// Whether a source of the tile is an infinity or NaN. The lanes look at four at a time. This is done before the sums are touched:
/// after, those of before would have to be kept for a second try.
Value MmaTile::hasUnusualWide(Value sourceTile) {
  int64_t width = shape.features / 4;
  Value count = emit.index(shape.keys * width);
  SmallVector<Value> sum = emit.loop(
      lane, count, MmaShape::warpLanes, emit.f32(0), [&](Value number, ValueRange so) -> SmallVector<Value> {
        Value key = emit.div(number, width), chunk = emit.createOrFold<arith::RemUIOp>(number, emit.index(width));
        Value address = core.at(sourceTile, emit.add(emit.mul(key, shape.sourceLine()), emit.mul(chunk, 16)));
        Suspicion suspicion(emit, so[0]);
        suspicion.look(core.loadFour(address));
        return {suspicion.sum};
      });
  return core.any(Suspicion(emit, sum[0]).found());
}

/// A left operand of the weights of 8 keys: rows g and g + 8 at the first key, then at the second.
static SmallVector<Value> leftOperand(ArrayRef<Value> weights, int64_t group) {
  ArrayRef<Value> own = weights.slice(4 * group, 4);
  return {own[0], own[2], own[1], own[3]};
}

SmallVector<Value> MmaTile::accumulateWide(Value sourceTile, ArrayRef<Value> weights, ArrayRef<Value> before) {
  auto weightedSum = [&](llvm::function_ref<Value(Value)> number) {
    SmallVector<Value> sums(before);
    for (int64_t group = 0; group < shape.keys / 8; ++group) {
      TensorCore::Split left = core.split(leftOperand(weights, group));
      for (int64_t column = 0; column < shape.features / 8; ++column) {
        SmallVector<Value> sources = wideSources(sourceTile, group, column);
        llvm::transform(sources, sources.begin(), number);
        MutableArrayRef<Value> to = MutableArrayRef(sums).slice(4 * column, 4);
        llvm::copy(core.multiply(left, core.split(sources), ValueRange(to)), to.begin());
      }
    }
    return sums;
  };
  return emit.choose(
      hasUnusualWide(sourceTile), SmallVector<Type>(before.size(), emit.getF32Type()),
      [&] {
        // Numbers alone, and the others counted by kind over the weights that are not 0.
        UnusualSources unusual(emit, emit.getF32Type());
        SmallVector<Value> present = llvm::map_to_vector(weights, [&](Value weight) { return unusual.indicator(weight); });
        SmallVector<Value> sums = weightedSum([&](Value source) -> Value {
          Value isNumber = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, unusual.kind(source), emit.f32(0));
          return arith::SelectOp::create(emit, isNumber, source, emit.f32(0));
        });
        for (int64_t column = 0; column < shape.features / 8; ++column) {
          SmallVector<Value> counts(4, emit.f32(0));
          for (int64_t group = 0; group < shape.keys / 8; ++group) {
            SmallVector<Value> kinds = wideSources(sourceTile, group, column);
            llvm::transform(kinds, kinds.begin(), [&](Value source) { return unusual.kind(source); });
            counts = core.multiplyOnce(leftOperand(present, group), kinds, counts);
          }
          for (int64_t i = 0; i < 4; ++i)
            sums[4 * column + i] = arith::AddFOp::create(emit, sums[4 * column + i], unusual.valueOf(counts[i]));
        }
        return sums;
      },
      [&] { return weightedSum([](Value source) { return source; }); });
}

} // namespace heed::device
