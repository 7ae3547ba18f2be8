// Gpu.h - linalg, scf and heed kernels on buffers to GPU kernels, and to the host code that launches them.
#pragma once

#include "mlir/Pass/PassManager.h"

namespace heed {

/// What the kernels may use of the device they are made for.
struct GpuOptions {
  int capability = 80; // 10 * major + minor
  bool tf32x3 = false; // attention of f32 on tensor cores, each number as the sum of two tf32
  bool hopper = false; // what only capability 9.0 has: sm_90a
};

/// `derived` to `gpu`: kernels in a `gpu.module`, and the model's function, which launches them.
void buildGpuPipeline(mlir::OpPassManager &passes, GpuOptions const &options);

/// `gpu` to `nvvm`: the kernels in the LLVM dialect with NVVM's operations; the host code stays.
void buildNvvmPipeline(mlir::OpPassManager &passes, GpuOptions const &options);

/// `nvvm` to `llvm`: the host code calls the runtime for each launch. The kernels, written as PTX before, are gone.
void buildGpuHostPipeline(mlir::OpPassManager &passes);

/// Makes the passes and the pipelines `heed-to-gpu`, `heed-to-nvvm` and `heed-gpu-host` known by name.
void registerHeedGpuPassesAndPipelines();

} // namespace heed
