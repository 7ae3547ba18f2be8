// RUN: heed-opt %s --split-input-file --verify-diagnostics --heed-kernel-arguments --canonicalize --cse | FileCheck %s
// A buffer is passed as a pointer and its sizes; what several buffers share is passed once.

// CHECK: gpu.func @k(%{{.*}}: !llvm.ptr, %{{.*}}: index, %{{.*}}: !llvm.ptr) kernel
module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @k(%x: memref<?x4xf32>, %y: memref<?xf32>, %n: index) kernel {
      %t = gpu.thread_id x
      %inside = arith.cmpi ult, %t, %n : index
      scf.if %inside {
        %v = memref.load %x[%t, %t] : memref<?x4xf32>
        memref.store %v, %y[%t] : memref<?xf32>
      }
      gpu.return
    }
  }
  func.func @f(%bytes: memref<?xi8>, %n: index) {
    %c1 = arith.constant 1 : index
    %c0 = arith.constant 0 : index
    %x = memref.view %bytes[%c0][%n] : memref<?xi8> to memref<?x4xf32>
    %y = memref.view %bytes[%c0][%n] : memref<?xi8> to memref<?xf32>
    // CHECK: memref.extract_aligned_pointer_as_index
    // CHECK: llvm.inttoptr
    // CHECK: gpu.launch_func @kernels::@k {{.*}} args(%{{.*}} : !llvm.ptr, %{{.*}} : index, %{{.*}} : !llvm.ptr)
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<?x4xf32>, %y : memref<?xf32>, %n : index)
    return
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @k(%x: memref<4xf32, strided<[1], offset: ?>>) kernel { gpu.return }
  }
  func.func @f(%x: memref<4xf32, strided<[1], offset: ?>>) {
    %c1 = arith.constant 1 : index
    // expected-error @+1 {{expected buffers without layout as arguments of kernels}}
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<4xf32, strided<[1], offset: ?>>)
    return
  }
}
