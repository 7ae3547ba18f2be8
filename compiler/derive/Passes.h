// Passes.h - declarations generated from Passes.td.
#pragma once

#include "dialect/HeedOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace heed {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/derive/Passes.h.inc"
} // namespace heed
