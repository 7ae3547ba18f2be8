// Launch.h - the shapes of launches that kernels are written in.
#pragma once

#include "compiler/lower/kernels/Emit.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace heed::device {

using kernels::Emit;
using mlir::ArrayRef;
using mlir::SmallVector;
using mlir::Value;
using mlir::ValueRange;

/// What the name of a kernel says that it does; an attribute of gpu.launch.
inline constexpr llvm::StringLiteral kernelName = "heed.kernel";

/// How many blocks a multiprocessor must be able to hold; an attribute of gpu.launch and of the kernel.
inline constexpr llvm::StringLiteral minimumBlocks = "nvvm.minctasm";

/// Threads of a block where one element of a result is one thread's work.
inline constexpr int64_t blockThreads = 128;

/// A grid of `blocks` blocks of `threads` threads; `body` gets the number of the block and of the thread. `sharedBytes`: how much
/// dynamic shared memory a block needs.
void launchBlocks(Emit &emit, llvm::StringRef name, Value blocks, int64_t threads, int64_t sharedBytes,
                  llvm::function_ref<void(Value block, Value thread)> body);

/// `body` for every item in [0, count), each on a thread of its own.
void launchThreads(Emit &emit, llvm::StringRef name, Value count, llvm::function_ref<void(Value item)> body);

/// Memory of each thread of the launch around the insertion point; taken where the thread starts, not inside a condition or loop.
Value allocateForThread(Emit &emit, mlir::MemRefType type);

/// f32 in the dynamic shared memory of the block, from `offset` bytes on, which moves behind it.
Value sharedBuffer(Emit &emit, int64_t &offset, ArrayRef<int64_t> shape);

} // namespace heed::device
