// RUN: heed-opt %s --heed-launches-to-runtime | FileCheck %s
// Kernels are known by their numbers, arguments by their addresses. A load of the host is a copy from the device.

// CHECK-NOT: gpu.module
module attributes {gpu.container_module,
                   heed.program = {name = "m", dims = [], inputs = [], outputs = [], params = [], checks = []}} {
  gpu.module @kernels {
    llvm.func @first(%p: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} { llvm.return }
    llvm.func @second(%p: !llvm.ptr, %n: i64) attributes {gpu.kernel, nvvm.kernel} { llvm.return }
  }
  // CHECK: func.func @m(%{{.*}}: !llvm.ptr, %{{.*}}: memref<4xi1>, %[[FRAME:.*]]: !llvm.ptr {heed.frame})
  func.func @m(%p: !llvm.ptr, %x: memref<4xi1>) -> i1 {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    // CHECK: %[[SECOND:.*]] = llvm.mlir.constant(1 : i32)
    // CHECK: llvm.call %{{.*}}(%[[DEVICE:.*]], %[[SECOND]], %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr) -> ()
    gpu.launch_func @kernels::@second blocks in (%c2, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr, %c2 : index)
    // CHECK: llvm.call %{{.*}}(%[[DEVICE]], %[[TO:.*]], %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
    // CHECK: %[[BYTE:.*]] = llvm.load %[[TO]] : !llvm.ptr -> i8
    // CHECK: arith.trunci %[[BYTE]] : i8 to i1
    %v = memref.load %x[%c1] : memref<4xi1>
    return %v : i1
  }
}
