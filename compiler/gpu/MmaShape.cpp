// MmaShape.cpp - which attentions go to tensor cores by mma.sync, and in which tiles.
#include "compiler/gpu/MmaTile.h"
#include "compiler/gpu/NarrowAttention.h"

using namespace mlir;

namespace heed::device {

static Type elementOf(Value buffer) { return cast<MemRefType>(buffer.getType()).getElementType(); }

/// Bits of a significand, the leading one included.
static int precisionOf(Type element) { return APFloat::semanticsPrecision(cast<FloatType>(element).getFloatSemantics()); }

std::optional<MmaShape> MmaShape::of(ir::AttentionOp op) {
  constexpr int64_t most = 256;
  Type source = elementOf(op.getSource());
  std::optional<int64_t> features = kernels::constantOf(op.getSizes()[op.getFeatureDim()]);
  if (!TensorCore::takes(source) || !features || *features < 1)
    return std::nullopt;
  // Weights that nothing normalises may be beyond the range of f16.
  if (op.getPlain() && source.isF16())
    return std::nullopt;
  MmaShape shape;
  shape.inner = 0;
  if (op.hasQuery()) {
    Type element = elementOf(op.getKey());
    std::optional<int64_t> inner = kernels::constantOf(op.getSizes()[op.getInnerDim()]);
    if (op.hasCombine() || !TensorCore::takes(element) || elementOf(op.getQuery()) != element || !inner || *inner < 1 ||
        *inner > most)
      return std::nullopt;
    shape.inner = llvm::alignTo(*inner, 16);
  }
  shape.features = llvm::alignTo(std::min(*features, most), 16);
  shape.keys = std::max(shape.inner, shape.features) <= 128 ? 64 : 32;
  // A weight is rounded when it becomes an operand. Where the result is kept in few bits that is no loss; otherwise the weight is
  // a sum: what is left of it after rounding to nearest has a bit less than the weight, and may be negative.
  int wanted = precisionOf(storedTypeOf(op)), each = precisionOf(source) + 1;
  shape.parts = wanted < each ? 1 : llvm::divideCeil(wanted, each);
  return shape;
}

} // namespace heed::device
