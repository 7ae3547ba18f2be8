// Derive.h - from definitions over indices to linalg, scf and heed.attention on tensors.
#pragma once

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace heed {

/// heed on tensors to linalg, tensor, scf, arith, math, affine and heed.attention. For a module.
void buildDerivePipeline(mlir::OpPassManager &manager);

/// The passes of Passes.td and the pipeline `heed-derive`.
void registerHeedDerivePasses();

} // namespace heed
