// ContractionKernel.cpp - a matrix product in f32: blocks of 64 x 64 elements, whose operands pass through shared memory.
//
// 128 threads as 16 groups of 8 lanes. A thread owns rows g, g + 16, g + 32, g + 48 and columns c, c + 8, ..., c + 56 of the block:
// 32 sums in registers, 12 loads from shared memory for 32 multiply-adds. The order of a sum is that of the loop.
#include "compiler/gpu/ToKernels.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::device {
namespace {

constexpr int64_t threads = 128, groups = 16, lanes = 8, rows = 64, columns = 64, slice = 16;
constexpr int64_t threadRows = rows / groups, threadColumns = columns / lanes;
// Odd: lanes read different banks.
constexpr int64_t leftStride = slice + 1, rightStride = columns + 1;

/// sum over `inner` of left[.. row, inner] * right[.. inner, column]; other loops are batches.
struct Contraction {
  unsigned row, column, inner;
  OpOperand *left, *right;

  static std::optional<Contraction> match(linalg::GenericOp op);
};

Value withoutExtension(Value value) {
  auto extension = value.getDefiningOp<arith::ExtFOp>();
  return extension ? extension.getIn() : value;
}

/// out + a * b, the factors perhaps widened.
bool isMultiplyAdd(linalg::GenericOp op) {
  Block *body = op.getBlock();
  auto sum = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum || !sum.getType().isF32())
    return false;
  Value out = body->getArgument(2), other = sum.getLhs() == out ? sum.getRhs() : sum.getLhs();
  auto product = other.getDefiningOp<arith::MulFOp>();
  if (!product || (sum.getLhs() != out && sum.getRhs() != out))
    return false;
  Value a = withoutExtension(product.getLhs()), b = withoutExtension(product.getRhs());
  return (a == body->getArgument(0) && b == body->getArgument(1)) || (a == body->getArgument(1) && b == body->getArgument(0));
}

std::optional<Contraction> Contraction::match(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 1 || !isMultiplyAdd(op))
    return std::nullopt;
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!out.isProjectedPermutation() || out.getNumResults() != op.getNumParallelLoops() || out.getNumResults() < 2)
    return std::nullopt;
  if (!llvm::all_of(op.getDpsInputs(), [](Value input) { return isa<MemRefType>(input.getType()); }))
    return std::nullopt;
  auto uses = [&](OpOperand *operand, unsigned loop) { return op.getMatchingIndexingMap(operand).isFunctionOfDim(loop); };
  Contraction result;
  result.left = op.getDpsInputOperand(0), result.right = op.getDpsInputOperand(1);
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  result.inner = reductions.front();
  result.column = out.getDimPosition(out.getNumResults() - 1);
  if (uses(result.left, result.column))
    std::swap(result.left, result.right);
  if (uses(result.left, result.column) || !uses(result.right, result.column) || !uses(result.left, result.inner) ||
      !uses(result.right, result.inner))
    return std::nullopt;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  for (unsigned axis = out.getNumResults() - 1; axis-- > 0;) {
    result.row = out.getDimPosition(axis);
    // Below that a block would be mostly empty.
    bool pays = sizes[result.row] < 0 || sizes[result.row] >= groups;
    if (uses(result.left, result.row) && !uses(result.right, result.row) && pays)
      return result;
  }
  return std::nullopt;
}

class ContractionEmitter {
public:
  ContractionEmitter(Emit &emit, linalg::GenericOp op, Contraction match)
      : emit(emit), op(op), match(match), position(op.getNumLoops()) {
    for (Range const &range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(emit, op.getLoc()))
      sizes.push_back(getValueOrCreateConstantIndexOp(emit, op.getLoc(), range.size));
  }

  void run() {
    Value rowBlocks = emit.ceilDiv(sizes[match.row], rows), columnBlocks = emit.ceilDiv(sizes[match.column], columns);
    Value blocks = emit.mul(rowBlocks, columnBlocks);
    SmallVector<unsigned> batch;
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (loop != match.row && loop != match.column && loop != match.inner) {
        batch.push_back(loop);
        blocks = emit.mul(blocks, sizes[loop]);
      }
    int64_t leftBytes = rows * leftStride * sizeof(float), bytes = leftBytes + slice * rightStride * sizeof(float);
    launchBlocks(emit, "product", blocks, threads, bytes, [&](Value block, Value theThread) {
      thread = theThread;
      group = emit.div(thread, lanes);
      lane = emit.createOrFold<arith::RemUIOp>(thread, emit.index(lanes));
      columnBegin = emit.mul(emit.takeDigit(block, columnBlocks), columns);
      rowBegin = emit.mul(emit.takeDigit(block, rowBlocks), rows);
      for (unsigned loop : llvm::reverse(batch))
        position[loop] = emit.takeDigit(block, sizes[loop]);
      leftTile = shared(0, {rows, leftStride});
      rightTile = shared(leftBytes, {slice, rightStride});
      store(sum(load()));
    });
  }

private:
  Value shared(int64_t offset, ArrayRef<int64_t> extents) {
    auto space = gpu::AddressSpaceAttr::get(emit.getContext(), gpu::AddressSpace::Workgroup);
    auto bytes = MemRefType::get({ShapedType::kDynamic}, emit.getI8Type(), MemRefLayoutAttrInterface(), space);
    auto type = MemRefType::get(extents, emit.getF32Type(), MemRefLayoutAttrInterface(), space);
    return memref::ViewOp::create(emit, type, gpu::DynamicSharedMemoryOp::create(emit, bytes), emit.index(offset), ValueRange());
  }

  SmallVector<Value> subscripts(OpOperand *operand, Value row, Value column, Value inner) {
    position[match.row] = row, position[match.column] = column, position[match.inner] = inner;
    return *affine::expandAffineMap(emit, emit.getLoc(), op.getMatchingIndexingMap(operand), position);
  }

  /// Threads copy a tile together, neighbours along the last axis of the operand. Zeros fill what is beyond the ends.
  void stage(OpOperand *operand, Value tile, Value innerBegin, bool isLeft) {
    int64_t outer = isLeft ? rows : columns;
    unsigned outerLoop = isLeft ? match.row : match.column;
    AffineMap map = op.getMatchingIndexingMap(operand);
    bool innerFastest = map.getResults().back().isFunctionOfDim(match.inner);
    auto loop = scf::ForOp::create(emit, thread, emit.index(outer * slice), emit.index(threads));
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPoint(loop.getBody()->getTerminator());
    Value number = loop.getInductionVar();
    int64_t fastest = innerFastest ? slice : outer;
    Value slow = emit.div(number, fastest), fast = emit.createOrFold<arith::RemUIOp>(number, emit.index(fastest));
    Value line = innerFastest ? slow : fast, depth = innerFastest ? fast : slow;
    Value at = emit.add(isLeft ? rowBegin : columnBegin, line), inner = emit.add(innerBegin, depth), zero = emit.index(0);
    Value inside = arith::AndIOp::create(emit, emit.less(at, sizes[outerLoop]), emit.less(inner, sizes[match.inner]));
    Value value = emit.choose(
        inside, emit.getF32Type(),
        [&]() -> SmallVector<Value> {
          Value read = memref::LoadOp::create(emit, operand->get(),
                                              subscripts(operand, isLeft ? at : zero, isLeft ? zero : at, inner));
          return {read.getType().isF32() ? read : arith::ExtFOp::create(emit, emit.getF32Type(), read).getResult()};
        },
        [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0];
    memref::StoreOp::create(emit, value, tile, isLeft ? ValueRange{line, depth} : ValueRange{depth, line});
  }

  Value rowOf(int64_t i) { return emit.add(emit.index(i * groups), group); }
  Value columnOf(int64_t j) { return emit.add(emit.index(j * lanes), lane); }

  SmallVector<Value> sum(SmallVector<Value> before) {
    return emit.loop(emit.index(0), sizes[match.inner], slice, before, [&](Value innerBegin, ValueRange so) -> SmallVector<Value> {
      gpu::BarrierOp::create(emit); // the slices before were read
      stage(match.left, leftTile, innerBegin, /*isLeft=*/true);
      stage(match.right, rightTile, innerBegin, /*isLeft=*/false);
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

  /// Calls `body` with the subscripts of each element of the thread that exists.
  void eachElement(llvm::function_ref<void(int64_t, Value, ArrayRef<Value>)> body) {
    OpOperand *out = op.getDpsInitOperand(0);
    for (int64_t i = 0; i < threadRows; ++i)
      for (int64_t j = 0; j < threadColumns; ++j) {
        Value row = emit.add(rowBegin, rowOf(i)), column = emit.add(columnBegin, columnOf(j));
        Value inside = arith::AndIOp::create(emit, emit.less(row, sizes[match.row]), emit.less(column, sizes[match.column]));
        body(i * threadColumns + j, inside, subscripts(out, row, column, emit.index(0)));
      }
  }

  SmallVector<Value> load() {
    SmallVector<Value> result;
    Value out = op.getDpsInitOperand(0)->get();
    eachElement([&](int64_t, Value inside, ArrayRef<Value> at) {
      result.push_back(emit.choose(
          inside, emit.getF32Type(), [&]() -> SmallVector<Value> { return {memref::LoadOp::create(emit, out, at)}; },
          [&]() -> SmallVector<Value> { return {emit.f32(0)}; })[0]);
    });
    return result;
  }

  void store(SmallVector<Value> const &sums) {
    Value out = op.getDpsInitOperand(0)->get();
    eachElement([&](int64_t number, Value inside, ArrayRef<Value> at) {
      emit.branch(inside, [&] { memref::StoreOp::create(emit, sums[number], out, at); });
    });
  }

  Emit &emit;
  linalg::GenericOp op;
  Contraction match;
  SmallVector<Value> sizes, position;
  Value thread, group, lane, rowBegin, columnBegin, leftTile, rightTile;
};

} // namespace

bool emitContraction(Emit &emit, linalg::GenericOp op) {
  std::optional<Contraction> match = Contraction::match(op);
  if (match)
    ContractionEmitter(emit, op, *match).run();
  return match.has_value();
}

} // namespace heed::device
