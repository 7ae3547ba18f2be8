// Dialects.cpp - the dialects and interface implementations that the phases' IR may need; each is loaded when first
// used.
#include "compiler/pipeline/Pipeline.h"

#include "dialect/HeedOps.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

namespace heed {

void registerDialects(mlir::MLIRContext &context) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<ir::HeedDialect>();
  ir::registerBufferizableOpInterfaceExternalModels(registry);
  context.appendDialectRegistry(registry);
}

} // namespace heed
