// LaneSums.cpp - horizontal sums of several vectors at once: half as many additions and shuffles as vectors, twice.
#include "compiler/lower/kernels/FewQueries.h"

using namespace mlir;

namespace heed::kernels {

static Value shuffle(Emit &emit, Value a, Value b, llvm::function_ref<int64_t(int64_t)> source) {
  int64_t lanes = cast<VectorType>(a.getType()).getNumElements();
  SmallVector<int64_t> mask = llvm::map_to_vector(llvm::seq<int64_t>(0, lanes), source);
  return vector::ShuffleOp::create(emit, a, b, mask);
}

/// `a` and `b` hold sums of `vectors` vectors each. Every step is two shuffles that x86 has as single instructions.
static Value combine(Emit &emit, Value a, Value b, int64_t vectors) {
  int64_t lanes = cast<VectorType>(a.getType()).getNumElements();
  auto half = [&](bool second) {
    return shuffle(emit, a, b, [&](int64_t lane) -> int64_t {
      if (vectors == 1) // a0 b0 a1 b1 and a2 b2 a3 b3, in every group of four lanes
        return lane / 4 * 4 + second * 2 + lane % 4 / 2 + (lane % 2 ? lanes : 0);
      if (vectors == 2) // a0 a1 b0 b1 and a2 a3 b2 b3
        return lane / 4 * 4 + second * 2 + lane % 2 + (lane % 4 / 2 ? lanes : 0);
      // Blocks of `vectors` lanes: the even ones of both, and the odd ones.
      int64_t block = lane / vectors, inBlock = lane % vectors;
      return (block / 2 * 2 + second) * vectors + inBlock + (block % 2 ? lanes : 0);
    });
  };
  return arith::AddFOp::create(emit, half(false), half(true));
}

void LaneSums::add(Value vector) {
  Partial next{vector, 1};
  while (!pending.empty() && pending.back().vectors == next.vectors) {
    next = {combine(*emit, pending.back().vector, next.vector, next.vectors), 2 * next.vectors};
    pending.pop_back();
  }
  pending.push_back(next);
}

} // namespace heed::kernels
