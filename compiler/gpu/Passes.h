// Passes.h - the passes of this folder, as declared in Passes.td.
#pragma once

#include "compiler/gpu/Gpu.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace heed {

#define GEN_PASS_DECL
#include "compiler/gpu/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compiler/gpu/Passes.h.inc"

} // namespace heed
