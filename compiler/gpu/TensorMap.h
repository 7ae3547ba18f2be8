// TensorMap.h - what a kernel that copies boxes of a tensor by TMA needs of the host.
//
// A kernel asks for a map in its body; it is `builtin.unrealized_conversion_cast %buffer, %size : memref, index to !llvm.ptr`
// with the attribute `heed.box`. heed-outline-kernels moves it to the host, heed-kernel-arguments makes the argument one that
// is passed by value, and heed-launches-to-runtime lets the driver write the map before each launch.
#pragma once

#include "compiler/gpu/Launch.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace heed::device {

inline constexpr llvm::StringLiteral boxName = "heed.box"; ///< array<i64: axis that %size is of, box of each axis>
inline constexpr llvm::StringLiteral mapCount = "heed.maps"; ///< of a kernel: how many arguments, the first ones, are maps
inline constexpr int64_t mapBytes = 128, mapAlignment = 64, mapRank = 5;

/// A map of `buffer`, of whose axis `axis` only the first `size` positions exist; what is outside reads as 0. Copies take `box`
/// elements of each axis.
inline Value tensorMap(Emit &emit, Value buffer, int64_t axis, Value size, ArrayRef<int64_t> box) {
  mlir::Type pointer = mlir::LLVM::LLVMPointerType::get(emit.getContext());
  auto cast = mlir::UnrealizedConversionCastOp::create(emit, pointer, ValueRange{buffer, size});
  SmallVector<int64_t> numbers = {axis};
  numbers.append(box.begin(), box.end());
  cast->setAttr(boxName, emit.getDenseI64ArrayAttr(numbers));
  return cast.getResult(0);
}

/// The operation above, if `value` is a map.
inline mlir::UnrealizedConversionCastOp tensorMapOf(Value value) {
  auto cast = value.getDefiningOp<mlir::UnrealizedConversionCastOp>();
  return cast && cast->hasAttr(boxName) ? cast : mlir::UnrealizedConversionCastOp();
}

} // namespace heed::device
