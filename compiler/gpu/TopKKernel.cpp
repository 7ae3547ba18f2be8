// TopKKernel.cpp - heed.topk as one thread per row.
#include "compiler/gpu/ToKernels.h"
#include "compiler/lower/TopKRow.h"

namespace heed::device {

void emitTopK(Emit &emit, ir::TopKOp op) {
  TopKRow topk(emit, op);
  launchThreads(emit, "topk", topk.rows(),
                [&](Value row) { topk.select(row, allocateForThread(emit, topk.bestType())); });
}

} // namespace heed::device
