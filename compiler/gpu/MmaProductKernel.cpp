// MmaProductKernel.cpp - a matrix product of f16 or bf16 on tensor cores: blocks of 128 x 128 (or 64) elements.
//
// 8 warps; slices of 32 of the inner index are copied to shared memory asynchronously, two slices ahead of their use. An operand
// keeps its order in shared memory, and ldmatrix turns it where the inner index is not the fastest. A warp owns 64 or 32 rows and 32
// columns as m16n8 fragments: element c of a fragment is row lane / 4 + 8 (c / 2), column 2 (lane % 4) + c % 2. Sums are f32.
#include "compiler/gpu/Product.h"
#include "compiler/gpu/TensorCore.h"
#include "compiler/gpu/ToKernels.h"

using namespace mlir;

namespace heed::device {
namespace {

constexpr int64_t threads = 256, warps = threads / 32, rows = 128, slice = 32, stages = 3;
constexpr int64_t chunk = 8; ///< elements of 16 bits that one asynchronous copy takes
/// Lines of a tile are this much apart from a multiple of 128 bytes, so that eight lines lie in different banks.
constexpr int64_t padding = 8;
constexpr int64_t warpColumns = 32, halves = 2;

/// An operand and its tiles in shared memory, one per stage.
struct Side {
  OpOperand *operand;
  unsigned outer;       ///< the loop over rows, or over columns
  int64_t extent;       ///< of the tile along it
  bool isLeft;
  bool innerFastest;    ///< in memory, and so in the tile
  Value begin;          ///< of the block along `outer`
  Value tiles;          ///< stages x lines x stride
  Value aligned;        ///< whether chunks are where a copy may take them

  int64_t lines() const { return innerFastest ? extent : slice; }
  int64_t fast() const { return innerFastest ? slice : extent; }
  int64_t stride() const { return fast() + padding; }
  int64_t bytes() const { return stages * lines() * stride() * 2; }
};

class MmaProductEmitter {
public:
  MmaProductEmitter(Emit &emit, Product const &product, Epilogue &epilogue, Type element)
      : emit(emit), core(emit), product(product), epilogue(epilogue), element(element), columns(columnsOf(product)),
        warpsAcross(columns / warpColumns), warpRows(rows / (warps / warpsAcross)), blocks(emit, product, epilogue, rows, columns) {
    left = side(product.left, product.row, rows, true);
    right = side(product.right, product.column, columns, false);
  }

  void run() {
    epilogue.prepare(emit);
    int64_t sumBytes = rows / halves * sumStride() * int64_t(sizeof(float));
    launchBlocks(emit, "product_mma", blocks.count(), threads, std::max(left.bytes() + right.bytes(), sumBytes),
                 [&](Value block, Value theThread) {
      thread = theThread;
      warp = emit.div(thread, 32), lane = emit.createOrFold<arith::RemUIOp>(thread, emit.index(32));
      warpRow = emit.mul(emit.div(warp, warpsAcross), warpRows);
      warpColumn = emit.mul(emit.createOrFold<arith::RemUIOp>(warp, emit.index(warpsAcross)), warpColumns);
      blocks.place(block);
      left.begin = blocks.rowBegin, right.begin = blocks.columnBegin;
      left.tiles = sharedTile(emit, 0, {stages, left.lines(), left.stride()}, element);
      right.tiles = sharedTile(emit, left.bytes(), {stages, right.lines(), right.stride()}, element);
      left.aligned = isAligned(left), right.aligned = isAligned(right);
      finish(sum());
    });
  }

private:
  static int64_t columnsOf(Product const &product) {
    auto op = product.op;
    int64_t size = op.getStaticLoopRanges()[product.column];
    return size >= 0 && size <= 64 ? 64 : 128;
  }

  int64_t sumStride() const { return columns + 4; }

  Side side(OpOperand *operand, unsigned outer, int64_t extent, bool isLeft) {
    AffineMap map = product.op.getMatchingIndexingMap(operand);
    bool innerFastest = map.getNumResults() == 0 || !map.getResults().back().isFunctionOfDim(outer);
    return {operand, outer, extent, isLeft, innerFastest, {}, {}, {}};
  }

  /// Whether every chunk of eight neighbours starts at a multiple of 16 bytes, and none is cut by the end of a line.
  Value isAligned(Side const &side) {
    auto type = cast<MemRefType>(side.operand->get().getType());
    AffineMap map = product.op.getMatchingIndexingMap(side.operand);
    unsigned fastLoop = side.innerFastest ? product.inner : side.outer;
    if (!type.getLayout().isIdentity() || !map.isProjectedPermutation() ||
        map.getResults().back() != getAffineDimExpr(fastLoop, emit.getContext()))
      return arith::ConstantOp::create(emit, emit.getBoolAttr(false));
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(emit, side.operand->get());
    auto isMultiple = [&](Value value, int64_t of) {
      Value rest = emit.createOrFold<arith::RemUIOp>(value, emit.index(of));
      return emit.compare(arith::CmpIPredicate::eq, rest, emit.index(0));
    };
    return emit.createOrFold<arith::AndIOp>(isMultiple(address, 2 * chunk), isMultiple(blocks.size(fastLoop), chunk));
  }

  SmallVector<Value> at(Side const &side, Value outer, Value inner) {
    return blocks.subscripts(*side.operand, side.isLeft ? outer : emit.index(0), side.isLeft ? emit.index(0) : outer, inner);
  }

  Value isInside(Side const &side, Value outer, Value inner) {
    return arith::AndIOp::create(emit, emit.less(outer, blocks.size(side.outer)), emit.less(inner, blocks.size(product.inner)));
  }

  /// Threads copy a slice of an operand to a stage. Zeros fill what is beyond the ends.
  void stage(Side &side, Value innerBegin, Value number) {
    int64_t perLine = side.fast() / chunk, count = side.lines() * perLine;
    for (int64_t first = 0; first < count; first += threads) {
      Value item = emit.add(thread, first), line = emit.div(item, perLine);
      Value place = emit.mul(emit.createOrFold<arith::RemUIOp>(item, emit.index(perLine)), chunk);
      auto copy = [&](Value step) {
        Value fast = emit.add(place, step);
        Value outer = emit.add(side.begin, side.innerFastest ? line : fast);
        return std::pair(outer, emit.add(innerBegin, side.innerFastest ? fast : line));
      };
      auto whole = [&] {
        auto [outer, inner] = copy(emit.index(0));
        Value bytes = arith::SelectOp::create(emit, isInside(side, outer, inner), core.i32(2 * chunk), core.i32(0));
        core.copy(core.addressOf(side.tiles, {number, line, place}), core.addressOf(side.operand->get(), at(side, outer, inner)), bytes);
      };
      auto single = [&] {
        emit.loop(emit.index(0), emit.index(chunk), 1, [&](Value step) {
          auto [outer, inner] = copy(step);
          Value value = emit.choose(
              isInside(side, outer, inner), element,
              [&]() -> SmallVector<Value> {
                return {memref::LoadOp::create(emit, side.operand->get(), at(side, outer, inner))};
              },
              [&]() -> SmallVector<Value> { return {arith::ConstantOp::create(emit, emit.getZeroAttr(element))}; })[0];
          memref::StoreOp::create(emit, value, side.tiles, ValueRange{number, line, emit.add(place, step)});
        });
      };
      auto work = [&] { emit.branch(side.aligned, whole, single); };
      count - first >= threads ? work() : emit.branch(emit.less(item, emit.index(count)), work);
    }
  }

  void stageBoth(Value innerBegin, Value number) {
    stage(left, innerBegin, number);
    stage(right, innerBegin, number);
    core.commitCopies();
  }

  /// Four 8 x 8 matrices: two along `outer`, from `first`, by two along the inner index, from `depth`; the first pair of registers
  /// differs along `outer` for a left operand, along the inner index for a right one.
  SmallVector<Value> fragments(Side const &side, Value number, Value first, int64_t depth) {
    Value matrix = emit.div(lane, 8), line = emit.createOrFold<arith::RemUIOp>(lane, emit.index(8));
    Value low = emit.createOrFold<arith::RemUIOp>(matrix, emit.index(2)), high = emit.div(matrix, 2);
    Value outer = emit.add(first, emit.mul(side.isLeft ? low : high, 8)), inner = emit.add(emit.mul(side.isLeft ? high : low, 8), depth);
    if (side.innerFastest)
      return core.loadMatrices(core.addressOf(side.tiles, {number, emit.add(outer, line), inner}), /*transposed=*/false);
    return core.loadMatrices(core.addressOf(side.tiles, {number, emit.add(inner, line), outer}), /*transposed=*/true);
  }

  SmallVector<Value> multiply(Value number, SmallVector<Value> sums) {
    int64_t rowTiles = warpRows / 16, columnTiles = warpColumns / 8;
    for (int64_t depth = 0; depth < slice; depth += 16) {
      SmallVector<SmallVector<Value>> lefts, rights;
      for (int64_t i = 0; i < rowTiles; ++i)
        lefts.push_back(fragments(left, number, emit.add(warpRow, 16 * i), depth));
      for (int64_t j = 0; j < columnTiles; j += 2)
        rights.push_back(fragments(right, number, emit.add(warpColumn, 8 * j), depth));
      for (int64_t i = 0; i < rowTiles; ++i)
        for (int64_t j = 0; j < columnTiles; ++j) {
          MutableArrayRef<Value> sum = MutableArrayRef<Value>(sums).slice(4 * (i * columnTiles + j), 4);
          ArrayRef<Value> right = ArrayRef<Value>(rights[j / 2]).slice(2 * (j % 2), 2);
          llvm::copy(core.multiply(element, lefts[i], right, sum), sum.begin());
        }
    }
    return sums;
  }

  SmallVector<Value> sum() {
    for (int64_t ahead = 0; ahead < stages - 1; ++ahead)
      stageBoth(emit.index(ahead * slice), emit.index(ahead));
    SmallVector<Value> zeros(warpRows * warpColumns / 32, emit.f32(0));
    Value inner = blocks.size(product.inner);
    auto stageOf = [&](Value innerBegin) {
      return emit.createOrFold<arith::RemUIOp>(emit.div(innerBegin, slice), emit.index(stages));
    };
    auto body = [&](Value innerBegin, ValueRange sums) -> SmallVector<Value> {
      core.waitForCopies(stages - 2);
      gpu::BarrierOp::create(emit); // this slice is there for all, and the one before it was read by all
      Value next = emit.add(innerBegin, (stages - 1) * slice);
      stageBoth(next, stageOf(next));
      return multiply(stageOf(innerBegin), SmallVector<Value>(sums));
    };
    SmallVector<Value> sums = emit.loop(emit.index(0), inner, slice, zeros, body);
    core.waitForCopies(0);
    return sums;
  }

  /// Half of the rows at a time through shared memory, so that neighbouring threads finish neighbouring elements.
  void finish(ArrayRef<Value> sums) {
    int64_t columnTiles = warpColumns / 8, rowsAtOnce = rows / halves;
    Value tile = sharedTile(emit, 0, {rowsAtOnce, sumStride()}, emit.getF32Type());
    Value fragmentRow = emit.div(lane, 4);
    Value fragmentColumn = emit.mul(emit.createOrFold<arith::RemUIOp>(lane, emit.index(4)), 2);
    std::optional<double> start = epilogue.constantStart();
    for (int64_t half = 0; half < halves; ++half) {
      gpu::BarrierOp::create(emit);
      Value first = emit.index(half * rowsAtOnce), end = emit.index((half + 1) * rowsAtOnce);
      Value isMine = arith::AndIOp::create(emit, emit.less(warpRow, end),
                                           emit.compare(arith::CmpIPredicate::sge, warpRow, first));
      emit.branch(isMine, [&] {
        for (int64_t i = 0; i < warpRows / 16; ++i)
          for (int64_t j = 0; j < columnTiles; ++j)
            for (int64_t c = 0; c < 4; ++c) {
              Value row = emit.add(emit.add(emit.sub(warpRow, first), fragmentRow), 16 * i + 8 * (c / 2));
              Value column = emit.add(emit.add(warpColumn, fragmentColumn), 8 * j + c % 2);
              memref::StoreOp::create(emit, sums[4 * (i * columnTiles + j) + c], tile, ValueRange{row, column});
            }
      });
      gpu::BarrierOp::create(emit);
      blocks.finish(tile, rowsAtOnce, first, thread, threads, /*addStart=*/!start || *start != 0);
    }
  }

  Emit &emit;
  TensorCore core;
  Product product;
  Epilogue &epilogue;
  Type element;
  int64_t columns, warpsAcross, warpRows;
  ProductBlocks blocks;
  Side left, right;
  Value thread, warp, lane, warpRow, warpColumn;
};

} // namespace

bool emitMmaProduct(Emit &emit, Product const &product, Epilogue &epilogue) {
  Type element = getElementTypeOrSelf(product.left->get().getType());
  if (element != getElementTypeOrSelf(product.right->get().getType()) || !TensorCore::takes(element))
    return false;
  MmaProductEmitter(emit, product, epilogue, element).run();
  return true;
}

} // namespace heed::device
