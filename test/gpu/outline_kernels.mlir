// RUN: heed-opt %s --heed-outline-kernels | FileCheck %s
// Constants and views are repeated in the kernel; buffers and sizes are its arguments.

// CHECK:      module attributes {gpu.container_module}
// CHECK:      gpu.func @kernel_0_half(%[[N:.*]]: index, %[[B:.*]]: memref<?x4xf32>, %[[I:.*]]: index) kernel
// CHECK-SAME:   known_block_size = array<i32: 128, 1, 1>
// CHECK:        memref.subview %[[B]][%[[I]], 0] [1, 4] [1, 1]
// CHECK:        memref.load
// CHECK:        gpu.return
func.func @f(%b: memref<?x4xf32>, %i: index, %n: index) {
  %c1 = arith.constant 1 : index
  %c128 = arith.constant 128 : index
  %half = arith.constant 0.5 : f32
  %row = memref.subview %b[%i, 0] [1, 4] [1, 1] : memref<?x4xf32> to memref<4xf32, strided<[1], offset: ?>>
  // CHECK:    gpu.launch_func @kernels::@kernel_0_half
  // CHECK-SAME: args(%{{.*}} : index, %{{.*}} : memref<?x4xf32>, %{{.*}} : index)
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c128, %sy = %c1, %sz = %c1) {
    %t = gpu.thread_id x
    %inside = arith.cmpi ult, %t, %n : index
    scf.if %inside {
      %x = memref.load %row[%t] : memref<4xf32, strided<[1], offset: ?>>
      %y = arith.mulf %x, %half : f32
      memref.store %y, %row[%t] : memref<4xf32, strided<[1], offset: ?>>
    }
    gpu.terminator
  } {heed.kernel = "half"}
  return
}

// What is no launch stays on the host.
// CHECK:      func.func @host(
// CHECK-NEXT:   memref.load
func.func @host(%b: memref<?xf32>, %i: index) -> f32 {
  %x = memref.load %b[%i] : memref<?xf32>
  return %x : f32
}
