// ContractionKernel.cpp - a matrix product in f32: blocks of 64 x 64 elements, whose operands pass through shared memory.
//
// 128 threads as 16 groups of 8 lanes. A thread owns rows g, g + 16, g + 32, g + 48 and columns c, c + 8, ..., c + 56 of the block:
// 32 sums in registers, 12 loads from shared memory for 32 multiply-adds. The order of a sum is that of the loop.
#include "compiler/gpu/Product.h"
#include "compiler/gpu/ToKernels.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {
namespace {

constexpr int64_t threads = 128, groups = 16, lanes = 8, rows = 64, columns = 64, slice = 16;
constexpr int64_t threadRows = rows / groups, threadColumns = columns / lanes;
// Odd: lanes read different banks.
constexpr int64_t leftStride = slice + 1, rightStride = columns + 1, sumStride = columns + 1;

class ContractionEmitter {
public:
  ContractionEmitter(Emit &emit, Product const &product, Epilogue &epilogue)
      : emit(emit), product(product), epilogue(epilogue), blocks(emit, product, epilogue, rows, columns) {}

  void run() {
    constexpr int64_t leftBytes = rows * leftStride * sizeof(float), rightBytes = slice * rightStride * sizeof(float);
    constexpr int64_t sumBytes = rows * sumStride * sizeof(float);
    epilogue.prepare(emit);
    launchBlocks(emit, "product", blocks.count(), threads, std::max(leftBytes + rightBytes, sumBytes),
                 [&](Value block, Value theThread) {
      thread = theThread;
      group = emit.div(thread, lanes);
      lane = emit.createOrFold<arith::RemUIOp>(thread, emit.index(lanes));
      blocks.place(block);
      leftTile = sharedTile(emit, 0, {rows, leftStride}, emit.getF32Type());
      rightTile = sharedTile(emit, leftBytes, {slice, rightStride}, emit.getF32Type());
      SmallVector<Value> sums = sum(load());
      Value tile = sharedTile(emit, 0, {rows, sumStride}, emit.getF32Type());
      gpu::BarrierOp::create(emit); // the last slices were read
      for (int64_t i = 0; i < threadRows; ++i)
        for (int64_t j = 0; j < threadColumns; ++j)
          memref::StoreOp::create(emit, sums[i * threadColumns + j], tile, ValueRange{rowOf(i), columnOf(j)});
      gpu::BarrierOp::create(emit);
      blocks.finish(tile, rows, emit.index(0), thread, threads, /*addStart=*/false);
    });
  }

private:
  /// Threads copy a tile together, neighbours along the last axis of the operand. Zeros fill what is beyond the ends.
  void stage(OpOperand *operand, Value tile, Value innerBegin, bool isLeft) {
    int64_t outer = isLeft ? rows : columns;
    unsigned outerLoop = isLeft ? product.row : product.column;
    AffineMap map = product.op.getMatchingIndexingMap(operand);
    bool innerFastest = map.getResults().back().isFunctionOfDim(product.inner);
    auto loop = scf::ForOp::create(emit, thread, emit.index(outer * slice), emit.index(threads));
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPoint(loop.getBody()->getTerminator());
    Value number = loop.getInductionVar();
    int64_t fastest = innerFastest ? slice : outer;
    Value slow = emit.div(number, fastest), fast = emit.createOrFold<arith::RemUIOp>(number, emit.index(fastest));
    Value line = innerFastest ? slow : fast, depth = innerFastest ? fast : slow;
    Value at = emit.add(isLeft ? blocks.rowBegin : blocks.columnBegin, line), inner = emit.add(innerBegin, depth), zero = emit.index(0);
    Value inside = arith::AndIOp::create(emit, emit.less(at, blocks.size(outerLoop)), emit.less(inner, blocks.size(product.inner)));
    Value value = emit.choose(
        inside, emit.getF32Type(),
        [&]() -> SmallVector<Value> {
          Value read = memref::LoadOp::create(emit, operand->get(),
                                              blocks.subscripts(*operand, isLeft ? at : zero, isLeft ? zero : at, inner));
          return {read.getType().isF32() ? read : arith::ExtFOp::create(emit, emit.getF32Type(), read).getResult()};
        },
        [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0];
    memref::StoreOp::create(emit, value, tile, isLeft ? ValueRange{line, depth} : ValueRange{depth, line});
  }

  Value rowOf(int64_t i) { return emit.add(emit.index(i * groups), group); }
  Value columnOf(int64_t j) { return emit.add(emit.index(j * lanes), lane); }

  SmallVector<Value> sum(SmallVector<Value> before) {
    return emit.loop(emit.index(0), blocks.size(product.inner), slice, before, [&](Value innerBegin, ValueRange so) -> SmallVector<Value> {
      gpu::BarrierOp::create(emit); // the slices before were read
      stage(product.left, leftTile, innerBegin, /*isLeft=*/true);
      stage(product.right, rightTile, innerBegin, /*isLeft=*/false);
      gpu::BarrierOp::create(emit);
      return emit.loop(emit.index(0), emit.index(slice), 1, so, [&](Value inner, ValueRange sums) -> SmallVector<Value> {
        SmallVector<Value> left, right, next;
        for (int64_t i = 0; i < threadRows; ++i)
          left.push_back(memref::LoadOp::create(emit, leftTile, ValueRange{rowOf(i), inner}));
        for (int64_t j = 0; j < threadColumns; ++j)
          right.push_back(memref::LoadOp::create(emit, rightTile, ValueRange{inner, columnOf(j)}));
        for (int64_t i = 0; i < threadRows; ++i)
          for (int64_t j = 0; j < threadColumns; ++j)
            next.push_back(math::FmaOp::create(emit, left[i], right[j], sums[i * threadColumns + j]));
        return next;
      });
    });
  }

  /// What the sums start with, where an element exists.
  SmallVector<Value> load() {
    SmallVector<Value> result;
    for (int64_t i = 0; i < threadRows; ++i)
      for (int64_t j = 0; j < threadColumns; ++j) {
        if (epilogue.constantStart()) {
          result.push_back(epilogue.start(emit, {}));
          continue;
        }
        Value row = emit.add(blocks.rowBegin, rowOf(i)), column = emit.add(blocks.columnBegin, columnOf(j));
        Value inside = arith::AndIOp::create(emit, emit.less(row, blocks.size(product.row)),
                                             emit.less(column, blocks.size(product.column)));
        result.push_back(emit.choose(
            inside, emit.getF32Type(),
            [&]() -> SmallVector<Value> {
              return {epilogue.start(emit, blocks.subscripts(product.out(), row, column, emit.index(0)))};
            },
            [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0]);
      }
    return result;
  }

  Emit &emit;
  Product product;
  Epilogue &epilogue;
  ProductBlocks blocks;
  Value thread, group, lane, leftTile, rightTile;
};

} // namespace

void emitContraction(Emit &emit, Product const &product, Epilogue &epilogue) {
  ContractionEmitter(emit, product, epilogue).run();
}

} // namespace heed::device
