// Staging.cpp - cp.async of 16 bytes where the layout allows it, and loads of elements where not.
#include "compiler/gpu/Staging.h"

#include "compiler/lower/kernels/MatrixView.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace heed::device {

static constexpr int64_t copyBytes = 16;

static int64_t elementBytes(Value buffer) { return cast<MemRefType>(buffer.getType()).getElementTypeBitWidth() / 8; }

/// A number that divides the stride of an axis, whatever the sizes are at run time.
static int64_t divisorOfStride(MemRefType type, int64_t axis) {
  int64_t divisor = 1;
  for (int64_t inner = axis + 1; inner < type.getRank(); ++inner)
    divisor *= type.isDynamicDim(inner) ? 1 : type.getDimSize(inner);
  return divisor;
}

bool hasWholeChunks(Value buffer, AffineMap map, unsigned dim) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.getLayout().isIdentity() || !kernels::isContiguousAlong(buffer, map, dim))
    return false;
  int64_t chunk = copyBytes / elementBytes(buffer);
  for (int64_t axis = 0; axis + 1 < type.getRank(); ++axis)
    if (divisorOfStride(type, axis) % chunk != 0)
      return false;
  AffineExpr last = map.getResults().back();
  last = simplifyAffineExpr(last - getAffineDimExpr(dim, map.getContext()), map.getNumDims(), 0);
  return last.isMultipleOf(chunk);
}

void stage(Emit &emit, StagedTile const &tile, Value to, Value buffer, AffineMap map, unsigned dim,
           llvm::function_ref<SmallVector<Value>(Value, Value)> place) {
  TensorCore core(emit);
  int64_t each = elementBytes(buffer), chunk = copyBytes / each;
  auto subscripts = [&](Value row, Value column) {
    return *affine::expandAffineMap(emit, emit.getLoc(), map, place(row, column));
  };
  auto inside = [&](Value row, Value column) -> Value {
    return arith::AndIOp::create(emit, emit.less(row, tile.rowLimit), emit.less(column, tile.columnLimit));
  };
  auto rowAndColumn = [&](Value number, int64_t width) {
    return std::pair(emit.div(number, width), emit.createOrFold<arith::RemUIOp>(number, emit.index(width)));
  };
  auto target = [&](Value row, Value column) {
    return core.at(to, emit.add(emit.mul(row, tile.lineBytes), emit.mul(column, each)));
  };
  auto asynchronous = [&] {
    int64_t width = tile.columns / chunk, count = tile.rows * width;
    for (int64_t first = 0; first < count; first += tile.threads) {
      Value number = emit.add(tile.thread, first);
      auto copy = [&] {
        auto [row, group] = rowAndColumn(number, width);
        Value column = emit.mul(group, chunk);
        // The last group may be cut.
        Value left = emit.mul(emit.sub(tile.columnLimit, column), each), none = emit.index(0);
        Value bytes = emit.max(emit.min(left, emit.index(copyBytes)), none);
        bytes = arith::SelectOp::create(emit, emit.less(row, tile.rowLimit), bytes, none);
        bytes = arith::IndexCastOp::create(emit, emit.getI32Type(), bytes);
        core.copy(target(row, column), core.addressOf(buffer, subscripts(row, column)), bytes);
      };
      if (first + tile.threads <= count)
        copy();
      else
        emit.branch(emit.less(number, emit.index(count)), copy);
    }
  };
  auto byElements = [&] {
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    Value zero = arith::ConstantOp::create(emit, emit.getFloatAttr(element, 0));
    auto loop = scf::ForOp::create(emit, tile.thread, emit.index(tile.rows * tile.columns), emit.index(tile.threads));
    OpBuilder::InsertionGuard guard(emit);
    emit.setInsertionPoint(loop.getBody()->getTerminator());
    auto [row, column] = rowAndColumn(loop.getInductionVar(), tile.columns);
    Value value = emit.choose(
        inside(row, column), element,
        [&]() -> SmallVector<Value> { return {memref::LoadOp::create(emit, buffer, subscripts(row, column))}; },
        [&]() -> SmallVector<Value> { return {zero}; })[0];
    LLVM::StoreOp::create(emit, value, target(row, column), /*alignment=*/each);
  };
  if (!hasWholeChunks(buffer, map, dim))
    return byElements();
  // Buffers of a caller need not be aligned to more than their elements.
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(emit, buffer);
  Value aligned = emit.compare(arith::CmpIPredicate::eq, emit.createOrFold<arith::RemUIOp>(base, emit.index(16)), emit.index(0));
  emit.branch(aligned, asynchronous, byElements);
}

} // namespace heed::device
