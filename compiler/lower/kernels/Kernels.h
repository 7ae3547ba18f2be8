// Kernels.h - packed matrix products and streaming attention: what the lowering pipeline needs to know of them.
#pragma once

#include "mlir/Pass/Pass.h"

namespace heed {

/// What kernels are cut for. `registers` are vector registers of `vectorBits`: 16 on x86-64 below AVX-512, else 32.
struct KernelTarget {
  unsigned vectorBits = 256;
  unsigned registers = 16;
  bool fma = true;
};

#define GEN_PASS_DECL
#include "compiler/lower/kernels/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/lower/kernels/Passes.h.inc"

} // namespace heed
