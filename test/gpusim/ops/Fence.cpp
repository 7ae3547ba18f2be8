// Fence.cpp - fences. Memory here is always in order; those between generic accesses and async engines leave a mark that
// async operations look for.
#include "test/gpusim/ops/Spaces.h"
#include "test/gpusim/ops/TransactionBarrier.h"

namespace gpusim {

namespace {

void nothing(Warp &, Instruction const &, Mask) {}

void makeBarriersVisible(Warp &warp) {
  for (auto &[address, barrier] : warp.block->transactionBarriers)
    if (barrier->creator == warp.number)
      barrier->fenced = true;
}

void barrierInitHandler(Warp &warp, Instruction const &, Mask) { makeBarriersVisible(warp); }

void proxyHandler(Warp &warp, Instruction const &, Mask) {
  makeBarriersVisible(warp);
  warp.block->launch->shared.proxyFence(warp.number);
}

void decodeFence(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  i.run = nothing;
  if (modifiers.take("proxy")) {
    bool forShared = modifiers.take("async::shared") || modifiers.take("async::generic");
    while (modifiers.takePrefixed("shared::"))
      forShared = true;
    if (modifiers.take("async") || forShared) {
      modifiers.take("global");
      i.run = proxyHandler;
    } else if (!modifiers.take("alias") && !modifiers.takePrefixed("tensormap")) {
      fail("unknown proxy");
    }
  } else if (modifiers.take("mbarrier_init")) {
    i.run = barrierInitHandler;
  }
  modifiers.takeOneOf({"sc", "acq_rel", "release", "acquire"});
  modifiers.takeOneOf({"cta", "cluster", "gpu", "sys"});
  decoder.expectOperands(0, 2);
}

void decodeMembar(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  modifiers.takeOneOf({"cta", "gl", "sys"});
  decoder.expectOperands(0);
  i.run = nothing;
}

} // namespace

void addFence(DecodeTable &table) {
  table["fence"] = decodeFence;
  table["membar"] = decodeMembar;
}

} // namespace gpusim
