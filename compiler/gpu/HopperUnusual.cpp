// HopperUnusual.cpp - looks for infinities and NaNs in a tile, adds them, and puts zeros in their place.
#include "compiler/gpu/HopperUnusual.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed::device {

static constexpr int64_t chunkBytes = 16, wordBits = 32;
/// A named barrier besides those for turns.
static constexpr int64_t meeting = 8;

HopperUnusual::HopperUnusual(Emit &emit, HopperShape shape, HopperMemory &memory, Value stage)
    : emit(emit), core(emit), unusual(emit, shape.element), shape(shape), memory(memory), code(memory.code),
      // Read again, because registers that are kept for this are not there for the tiles.
      worker(code.worker()), warp(code.i32(emit.div(worker, HopperShape::warpLanes))),
      lane(code.i32(emit.createOrFold<arith::RemUIOp>(worker, emit.index(HopperShape::warpLanes)))),
      stage(stage), tile(memory.tile(HopperMemory::Values, stage)) {}

void HopperUnusual::meet() { code.namedSync(code.i32(meeting), shape.workers()); }

Value HopperUnusual::at(Value address) {
  return LLVM::IntToPtrOp::create(emit, LLVM::LLVMPointerType::get(emit.getContext(), /*shared*/ 3), address);
}

Value HopperUnusual::word(Value words, int64_t number) { return LLVM::ExtractElementOp::create(emit, words, code.i32(number)); }

/// The tile in pieces of 16 bytes, spread over the threads; in which order is all the same.
SmallVector<Value> HopperUnusual::eachChunk(ValueRange inits, kernels::Emit::Body body) {
  return emit.loop(worker, emit.index(shape.tileBytes() / chunkBytes), shape.workers(), inits, [&](Value number, ValueRange so) {
    return body(at(code.add(tile, code.mul(code.i32(number), chunkBytes))), so);
  });
}

SmallVector<Value> HopperUnusual::take(Value found, ArrayRef<Value> weights, ArrayRef<Value> sums) {
  return emit.choose(
      found, SmallVector<Type>(sums.size(), emit.getF32Type()),
      [&] {
        SmallVector<Value> result = add(weights, sums);
        meet(); // all have read what is now changed
        clean();
        code.publishWrites();
        meet();
        return result;
      },
      [&] { return SmallVector<Value>(sums); });
}

Value HopperUnusual::look() {
  Type four = emit.vectorOf(4, emit.getI32Type());
  Value marks = eachChunk(ValueRange(code.i32(int64_t(0))), [&](Value chunk, ValueRange so) -> SmallVector<Value> {
    Value words = LLVM::LoadOp::create(emit, four, chunk, chunkBytes), all = so[0];
    for (int64_t i = 0; i < 4; ++i)
      all = arith::OrIOp::create(emit, all, unusual.marks(word(words, i)));
    return {all};
  })[0];
  Value found = core.any(emit.compare(arith::CmpIPredicate::ne, unusual.marksOnly(marks), code.i32(int64_t(0))));
  // A word for each warp and stage: it is written again only when the stage is full again, for which all have released it.
  Value first = emit.compare(arith::CmpIPredicate::eq, lane, code.i32(int64_t(0)));
  emit.branch(first, [&] {
    LLVM::StoreOp::create(emit, arith::ExtUIOp::create(emit, emit.getI32Type(), found), at(memory.flag(stage, warp)), 4);
  });
  meet();
  Value of = emit.createOrFold<arith::RemUIOp>(lane, code.i32(shape.warps()));
  Value flag = LLVM::LoadOp::create(emit, emit.getI32Type(), at(memory.flag(stage, of)), 4);
  return core.any(emit.compare(arith::CmpIPredicate::ne, flag, code.i32(int64_t(0))));
}

/// A bit for each key of the tile: whether the row gives it a weight.
SmallVector<Value> HopperUnusual::visibleKeys(ArrayRef<Value> weights, unsigned half) {
  SmallVector<Value> words(llvm::divideCeil(shape.keys, wordBits), code.i32(int64_t(0)));
  Value zero = code.i32(int64_t(0)), own = code.mul(emit.createOrFold<arith::RemUIOp>(lane, code.i32(4)), 2);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (i / 2 % 2 != half)
      continue;
    int64_t key = i / 4 * 8 + i % 2; // of the first lane
    Value none = arith::CmpFOp::create(emit, arith::CmpFPredicate::OEQ, weights[i], emit.f32(0));
    Value bit = arith::SelectOp::create(emit, none, zero, code.i32(int32_t(uint32_t(1) << key % wordBits)));
    Value &word = words[key / wordBits];
    word = arith::OrIOp::create(emit, word, bit);
  }
  for (Value &word : words) {
    word = arith::ShLIOp::create(emit, word, own);
    for (int32_t distance : {1, 2})
      word = arith::OrIOp::create(emit, word, core.exchange(word, distance));
  }
  return words;
}

SmallVector<Value> HopperUnusual::add(ArrayRef<Value> weights, ArrayRef<Value> sums) {
  SmallVector<Value> visible[2] = {visibleKeys(weights, 0), visibleKeys(weights, 1)};
  Value ownBytes = code.mul(emit.createOrFold<arith::RemUIOp>(lane, code.i32(4)), 4);
  return emit.loop(emit.index(0), emit.index(shape.keys), 1, sums, [&](Value index, ValueRange so) {
    SmallVector<Value> result(so);
    Value key = code.i32(index), inWord = emit.createOrFold<arith::RemUIOp>(key, code.i32(wordBits)), counts[2];
    for (unsigned half = 0; half < 2; ++half) {
      Value word = visible[half][0];
      for (size_t i = 1; i < visible[half].size(); ++i) {
        Value from = emit.compare(arith::CmpIPredicate::uge, key, code.i32(int64_t(i) * wordBits));
        word = arith::SelectOp::create(emit, from, visible[half][i], word);
      }
      counts[half] = arith::TruncIOp::create(emit, emit.getI1Type(), arith::ShRUIOp::create(emit, word, inWord));
    }
    Value row = code.add(code.add(tile, code.mul(key, HopperShape::rowBytes)), ownBytes);
    Value swizzle = emit.createOrFold<arith::RemUIOp>(key, code.i32(8));
    for (int64_t pair = 0; pair < shape.width / 8; ++pair) {
      Value chunk = code.mul(emit.createOrFold<arith::XOrIOp>(swizzle, code.i32(pair % 8)), chunkBytes);
      Value place = code.add(code.add(row, pair / 8 * shape.keys * HopperShape::rowBytes), chunk);
      Value words = LLVM::LoadOp::create(emit, emit.getI32Type(), at(place), 4);
      for (unsigned which = 0; which < 2; ++which) {
        Value value = core.unpack(shape.element, words, which), matters = unusual.isUnusual(words, which);
        for (unsigned half = 0; half < 2; ++half) {
          Value &sum = result[4 * pair + 2 * half + which];
          sum = arith::SelectOp::create(emit, arith::AndIOp::create(emit, matters, counts[half]),
                                        arith::AddFOp::create(emit, sum, value), sum);
        }
      }
    }
    return result;
  });
}

void HopperUnusual::clean() {
  Type four = emit.vectorOf(4, emit.getI32Type());
  (void)eachChunk(ValueRange(code.i32(int64_t(0))), [&](Value chunk, ValueRange so) -> SmallVector<Value> {
    Value words = LLVM::LoadOp::create(emit, four, chunk, chunkBytes);
    for (int64_t i = 0; i < 4; ++i)
      words = LLVM::InsertElementOp::create(emit, words, unusual.without(word(words, i)), code.i32(i));
    LLVM::StoreOp::create(emit, words, chunk, chunkBytes);
    return {so[0]};
  });
}

} // namespace heed::device
