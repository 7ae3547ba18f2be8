// Kernels.h - packed matrix products and streaming attention: what the lowering pipeline needs to know of them.
#pragma once

#include "mlir/Pass/Pass.h"

namespace heed {

/// What kernels are cut for.
struct KernelTarget {
  unsigned vectorBits = 256;
  unsigned registers = 0; ///< vector registers; 0: as many as x86-64 has of that width
  bool fma = true;
};

#define GEN_PASS_DECL
#include "compiler/lower/kernels/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/lower/kernels/Passes.h.inc"

} // namespace heed
