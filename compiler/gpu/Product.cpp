// Product.cpp - what is a matrix product, and where its blocks are.
#include "compiler/gpu/Product.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;

namespace heed::device {

static Value withoutExtension(Value value) {
  auto extension = value.getDefiningOp<arith::ExtFOp>();
  return extension ? extension.getIn() : value;
}

/// out + a * b, the factors perhaps widened.
static bool isMultiplyAdd(linalg::GenericOp op) {
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

std::optional<Product> Product::match(linalg::GenericOp op) {
  // Below that a block would be mostly empty.
  constexpr int64_t leastRows = 16;
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 1 || !isMultiplyAdd(op))
    return std::nullopt;
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!out.isProjectedPermutation() || out.getNumResults() != op.getNumParallelLoops() || out.getNumResults() < 2)
    return std::nullopt;
  if (!llvm::all_of(op.getDpsInputs(), [](Value input) { return isa<MemRefType>(input.getType()); }))
    return std::nullopt;
  auto uses = [&](OpOperand *operand, unsigned loop) { return op.getMatchingIndexingMap(operand).isFunctionOfDim(loop); };
  Product result;
  result.op = op;
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
    bool pays = sizes[result.row] < 0 || sizes[result.row] >= leastRows;
    if (uses(result.left, result.row) && !uses(result.right, result.row) && pays)
      return result;
  }
  return std::nullopt;
}

ProductBlocks::ProductBlocks(Emit &emit, Product const &product, Epilogue &epilogue, int64_t rows, int64_t columns)
    : emit(emit), product(product), epilogue(epilogue), rows(rows), columns(columns) {
  linalg::GenericOp op = product.op;
  for (Range const &range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(emit, op.getLoc()))
    sizes.push_back(getValueOrCreateConstantIndexOp(emit, op.getLoc(), range.size));
  position.resize(sizes.size());
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (loop != product.row && loop != product.column && loop != product.inner)
      batch.push_back(loop);
  rowBlocks = emit.ceilDiv(sizes[product.row], rows), columnBlocks = emit.ceilDiv(sizes[product.column], columns);
}

Value ProductBlocks::count() {
  Value result = emit.mul(rowBlocks, columnBlocks);
  for (unsigned loop : batch)
    result = emit.mul(result, sizes[loop]);
  return result;
}

void ProductBlocks::place(Value block) {
  columnBegin = emit.mul(emit.takeDigit(block, columnBlocks), columns);
  rowBegin = emit.mul(emit.takeDigit(block, rowBlocks), rows);
  for (unsigned loop : llvm::reverse(batch))
    position[loop] = emit.takeDigit(block, sizes[loop]);
}

SmallVector<Value> ProductBlocks::subscripts(OpOperand &operand, Value row, Value column, Value inner) {
  position[product.row] = row, position[product.column] = column, position[product.inner] = inner;
  return *affine::expandAffineMap(emit, emit.getLoc(), product.op.getMatchingIndexingMap(&operand), position);
}

void ProductBlocks::finish(Value tile, int64_t tileRows, Value firstRow, Value thread, int64_t threads, bool addStart) {
  auto loop = scf::ForOp::create(emit, thread, emit.index(tileRows * columns), emit.index(threads));
  OpBuilder::InsertionGuard guard(emit);
  emit.setInsertionPoint(loop.getBody()->getTerminator());
  Value number = loop.getInductionVar(), line = emit.div(number, columns);
  Value place = emit.createOrFold<arith::RemUIOp>(number, emit.index(columns));
  Value row = emit.add(emit.add(rowBegin, firstRow), line), column = emit.add(columnBegin, place);
  Value inside = arith::AndIOp::create(emit, emit.less(row, sizes[product.row]), emit.less(column, sizes[product.column]));
  emit.branch(inside, [&] {
    SmallVector<Value> at = subscripts(product.out(), row, column, emit.index(0));
    Value sum = memref::LoadOp::create(emit, tile, ValueRange{line, place});
    if (addStart)
      sum = arith::AddFOp::create(emit, epilogue.start(emit, at), sum);
    epilogue.finish(emit, at, sum);
  });
}

Value sharedTile(Emit &emit, int64_t offset, ArrayRef<int64_t> extents, Type element) {
  auto space = gpu::AddressSpaceAttr::get(emit.getContext(), gpu::AddressSpace::Workgroup);
  auto bytes = MemRefType::get({ShapedType::kDynamic}, emit.getI8Type(), MemRefLayoutAttrInterface(), space);
  auto type = MemRefType::get(extents, element, MemRefLayoutAttrInterface(), space);
  return memref::ViewOp::create(emit, type, gpu::DynamicSharedMemoryOp::create(emit, bytes), emit.index(offset), ValueRange());
}

} // namespace heed::device
