// heed-opt.cpp - runs passes of heed and of MLIR on MLIR text, for tests and for looking at one stage.
#include "dialect/HeedOps.h"
#ifdef WITH_HEEDDERIVE
#include "compiler/derive/Derive.h"
#endif
#ifdef WITH_HEEDGPU
#include "compiler/gpu/Gpu.h"
#endif
#ifdef WITH_HEEDKERNELS
#include "compiler/lower/kernels/Kernels.h"
#endif
#ifdef WITH_HEEDLOWER
#include "compiler/lower/Lower.h"
#endif

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<heed::ir::HeedDialect>();
  heed::ir::registerBufferizableOpInterfaceExternalModels(registry);
  mlir::registerAllPasses();
#ifdef WITH_HEEDDERIVE
  heed::registerHeedDerivePasses();
#endif
#ifdef WITH_HEEDKERNELS
  heed::registerHeedKernelsPasses();
#endif
#ifdef WITH_HEEDGPU
  heed::registerHeedGpuPassesAndPipelines();
#endif
#ifdef WITH_HEEDLOWER
  heed::registerHeedLowerPasses();
#endif
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "heed optimiser driver\n", registry));
}
