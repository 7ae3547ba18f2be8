// HeedOps.h - the heed dialect and its operations.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/HeedDialect.h.inc"
#include "dialect/HeedEnums.h.inc"

namespace heed::ir {

/// Fills a region: receives the index arguments and returns the value to yield. Null: the region stays empty.
using BodyBuilder = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

class YieldOp;

/// Whether the domain region is absent, or yields the constant true.
bool isEverywhere(mlir::Region &domain);

/// Lets one-shot bufferisation handle the destination-style operations of the dialect.
void registerBufferizableOpInterfaceExternalModels(mlir::DialectRegistry &registry);

} // namespace heed::ir

#define GET_ATTRDEF_CLASSES
#include "dialect/HeedAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialect/HeedOps.h.inc"
