// HeedDialect.cpp - registration of the dialect and the generated definitions.
#include "dialect/HeedOps.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialect/HeedDialect.cpp.inc"
#include "dialect/HeedEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/HeedAttrs.cpp.inc"

void heed::ir::HeedDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/HeedAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/HeedOps.cpp.inc"
      >();
}
