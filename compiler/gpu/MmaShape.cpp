// MmaShape.cpp - which attentions go to tensor cores by mma.sync, and in which tiles.
#include "compiler/gpu/MmaTile.h"
#include "compiler/gpu/NarrowAttention.h"

using namespace mlir;

namespace heed::device {

static Type elementOf(Value buffer) { return cast<MemRefType>(buffer.getType()).getElementType(); }

/// Bits of a significand, the leading one included.
static int precisionOf(Type element) { return APFloat::semanticsPrecision(cast<FloatType>(element).getFloatSemantics()); }

std::optional<MmaShape> MmaShape::of(ir::AttentionOp op, int64_t rows, bool tf32x3, std::string &reason) {
  constexpr int64_t mostBytes = 512; ///< of a query, a key and what is summed of a value at a time
  Type source = elementOf(op.getSource());
  std::optional<int64_t> features = kernels::constantOf(op.getSizes()[op.getFeatureDim()]);
  auto no = [&](StringRef why) { reason = why; return std::nullopt; };
  MmaShape shape;
  shape.rows = rows;
  shape.isWide = tf32x3 && source.isF32();
  if (!TensorCore::takes(source) && !shape.isWide)
    return no("values are neither f16 nor bf16; f32 goes to tensor cores with --f32-precision=tf32x3");
  if (!features || *features < 1)
    return no("the width of values is known at run time only");
  if (op.getPlain() && !source.isBF16())
    return no(source.isF16() ? "weights that nothing normalises may be beyond the range of f16"
                             : "weights that nothing normalises may be infinite, which is no sum of two tf32");
  shape.sourceEach = source.getIntOrFloatBitWidth() / 8;
  shape.queryEach = shape.keyEach = shape.inner = 0;
  shape.dots = Dots::None;
  if (op.hasQuery()) {
    Type query = elementOf(op.getQuery()), key = elementOf(op.getKey());
    std::optional<int64_t> inner = kernels::constantOf(op.getSizes()[op.getInnerDim()]);
    bool isProduct = query == key && (shape.isWide ? key.isF32() : TensorCore::takes(key));
    if (!inner || *inner < 1)
      return no("the width of queries and keys is known at run time only");
    if (query.isF64() || key.isF64() || (!op.hasCombine() && !isProduct))
      return no("queries, keys and values are not all of 16 bits, or queries and keys differ in type");
    shape.dots = op.hasCombine() ? Dots::ByThreads : Dots::OnTensorCores;
    shape.inner = llvm::alignTo(*inner, 16);
    shape.queryEach = query.getIntOrFloatBitWidth() / 8, shape.keyEach = key.getIntOrFloatBitWidth() / 8;
  }
  int64_t innerBytes = shape.inner * std::max(shape.queryEach, shape.keyEach);
  if (innerBytes > mostBytes)
    return no("queries and keys are wider than 256 elements of 16 bits or 128 of f32");
  shape.features = llvm::alignTo(std::min(*features, mostBytes / shape.sourceEach), 16);
  // Blocks of few queries have little to do for each key: several of them share a multiprocessor, and its memory.
  int64_t widest = std::max(innerBytes, shape.features * shape.sourceEach);
  shape.keys = widest <= (rows > 32 && !shape.isWide ? 256 : 128) ? 64 : 32;
  // A weight is rounded when it becomes an operand. Where the result is kept in few bits that is no loss; otherwise the weight is
  // a sum: what is left of it after rounding to nearest has a bit less than the weight, and may be negative.
  int wanted = precisionOf(storedTypeOf(op)), each = precisionOf(source) + 1;
  shape.parts = wanted < each ? 1 : llvm::divideCeil(wanted, each);
  return shape;
}

} // namespace heed::device
