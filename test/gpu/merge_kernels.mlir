// RUN: heed-opt %s --heed-merge-kernels | FileCheck %s
// The second kernel is the first; the third differs in a constant.

// CHECK:     gpu.func @a(
// CHECK-NOT: gpu.func @b(
// CHECK:     gpu.func @c(
module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @a(%p: !llvm.ptr) kernel {
      %v = arith.constant 1.0 : f32
      llvm.store %v, %p : f32, !llvm.ptr
      gpu.return
    }
    gpu.func @b(%p: !llvm.ptr) kernel {
      %v = arith.constant 1.0 : f32
      llvm.store %v, %p : f32, !llvm.ptr
      gpu.return
    }
    gpu.func @c(%p: !llvm.ptr) kernel {
      %v = arith.constant 2.0 : f32
      llvm.store %v, %p : f32, !llvm.ptr
      gpu.return
    }
  }
  func.func @f(%p: !llvm.ptr) {
    %c1 = arith.constant 1 : index
    // CHECK: gpu.launch_func @kernels::@a
    // CHECK: gpu.launch_func @kernels::@a
    // CHECK: gpu.launch_func @kernels::@c
    gpu.launch_func @kernels::@a blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr)
    gpu.launch_func @kernels::@b blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr)
    gpu.launch_func @kernels::@c blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr)
    return
  }
}
