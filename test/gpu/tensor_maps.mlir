// RUN: heed-opt %s --heed-outline-kernels --heed-kernel-arguments --canonicalize --cse | FileCheck %s
// RUN: heed-opt %s --pass-pipeline='builtin.module(heed-outline-kernels,heed-kernel-arguments,canonicalize,cse,gpu.module(heed-kernels-to-nvvm))' | FileCheck %s --check-prefix=NVVM
// The host makes the map of a tensor that a kernel asks for; the kernel gets it first and by value.

// CHECK:      gpu.func @m_0_launch(%[[MAP:.*]]: !llvm.ptr, %[[N:.*]]: index, %[[MEMORY:.*]]: !llvm.ptr) kernel attributes {heed.maps = 1 : i64
// CHECK:        llvm.load %[[MAP]]
// CHECK:      func.func @m(
// CHECK:        %[[HERE:.*]] = builtin.unrealized_conversion_cast %{{.*}}, %{{.*}} : memref<2x?x64xf16>, index to !llvm.ptr {heed.box = array<i64: 1, 1, 128, 64>}
// CHECK:        gpu.launch_func {{.*}} args(%[[HERE]] : !llvm.ptr, %{{.*}} : index, %{{.*}} : !llvm.ptr)

// NVVM:      llvm.func @m_0_launch(%{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant}, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
// NVVM-NOT:  heed.maps
module attributes {heed.program = {name = "m", dims = [], inputs = [], outputs = [], params = [], checks = []}} {
  func.func @m(%n: index, %keys: memref<2x?x64xf16>, %out: memref<16xi8>) {
    %c1 = arith.constant 1 : index
    gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c1, %sy = %c1, %sz = %c1) {
      %map = builtin.unrealized_conversion_cast %keys, %n : memref<2x?x64xf16>, index to !llvm.ptr {heed.box = array<i64: 1, 1, 128, 64>}
      %byte = llvm.load %map : !llvm.ptr -> i8
      %at = arith.subi %n, %c1 : index
      memref.store %byte, %out[%at] : memref<16xi8>
      gpu.terminator
    }
    return
  }
}
