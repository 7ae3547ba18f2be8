// Fence.cpp - fences. Memory here is always in order; but a fence leaves a mark that others look for: async engines of
// what threads wrote, blocks of what another block wrote.
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

void globalHandler(Warp &warp, Instruction const &, Mask) { warp.block->launch->memory.order.fence(); }

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
  auto scope = modifiers.takeOneOf({"gpu", "sys", "cta", "cluster"});
  if (i.run == nothing && scope && *scope < 2)
    i.run = globalHandler;
  decoder.expectOperands(0, 2);
}

void decodeMembar(Decoder &decoder, Modifiers &modifiers, Instruction &i) {
  auto scope = modifiers.takeOneOf({"gl", "sys", "cta"});
  decoder.expectOperands(0);
  i.run = scope && *scope < 2 ? globalHandler : nothing;
}

} // namespace

void addFence(DecodeTable &table) {
  table["fence"] = decodeFence;
  table["membar"] = decodeMembar;
}

} // namespace gpusim
