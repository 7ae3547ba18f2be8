// HopperAsm.h - what compute capability 9.0 adds to PTX for asynchronous kernels, statement by statement.
//
// All of it is inline assembly. Of NVVM's operations some are missing (wgmma with A in registers) and some do not say
// which registers they depend on (wgmma.wait_group). Addresses of shared memory are i32.
#pragma once

#include "compiler/gpu/Launch.h"

namespace heed::device {

class HopperAsm {
public:
  explicit HopperAsm(Emit &emit) : emit(emit) {}

  Value i32(int64_t value);
  Value i32(Value index);
  Value add(Value a, int64_t b) { return b ? emit.createOrFold<mlir::arith::AddIOp>(a, i32(b)) : a; }
  Value add(Value a, Value b) { return emit.createOrFold<mlir::arith::AddIOp>(a, b); }
  Value mul(Value a, int64_t b) { return emit.createOrFold<mlir::arith::MulIOp>(a, i32(b)); }
  /// The same value in all threads of a warp, which the compiler cannot know otherwise.
  Value uniform(Value value);

  /// The number of the thread among those that compute, as an index, read here.
  Value worker();

  // mbarriers
  void initBarrier(Value barrier, int64_t arrivals);
  void publishBarriers(); ///< to the asynchronous engines
  void expectBytes(Value barrier, int64_t bytes);
  void arriveIfZero(Value barrier, Value condition); ///< without a branch
  void waitBarrier(Value barrier, Value parity);

  /// A box of the tensor that `map` describes, at `coordinates` (the innermost first), to shared memory.
  void loadTensor(Value shared, Value map, ArrayRef<Value> coordinates, Value barrier);

  // warp groups
  Value elect(); ///< i1: true for one thread of the warp
  void registers(int64_t count, bool more);
  void namedSync(Value barrier, int64_t threads);
  void namedArrive(Value barrier, int64_t threads);
  /// What this thread has written to shared memory before can be read by wgmma of threads that it meets after.
  void publishWrites();

  // wgmma: 64 rows of A times `columns` columns of B, inner size 16
  void fence();
  void commit();
  /// Waits until at most `groups` groups are under way; what is returned must be used instead of `values`.
  SmallVector<Value> wait(int64_t groups, ArrayRef<Value> values);
  /// A from shared memory, rows of it along the inner size, as those of B. Without accumulators the sums begin at 0.
  SmallVector<Value> multiplyShared(mlir::Type element, int64_t columns, ArrayRef<Value> accumulators, Value a, Value b);
  /// A in 4 registers of 2 elements; B has its columns side by side in memory.
  SmallVector<Value> multiplyRegisters(mlir::Type element, int64_t columns, ArrayRef<Value> accumulators, ArrayRef<Value> a,
                                       Value b);
  /// What names a matrix at `address` to wgmma: swizzled by 128 bytes; `leading` and `stride` as PTX defines them, in bytes.
  Value descriptor(Value address, int64_t leading, int64_t stride);
  Value advance(Value descriptor, int64_t bytes);

private:
  SmallVector<Value> values(llvm::Twine const &text, llvm::StringRef constraints, ValueRange operands,
                            mlir::TypeRange results, bool effects);
  void run(llvm::Twine const &text, llvm::StringRef constraints, ValueRange operands);
  SmallVector<Value> multiply(mlir::Type element, int64_t columns, ArrayRef<Value> accumulators, ArrayRef<Value> a, Value b);

  Emit &emit;
};

} // namespace heed::device
