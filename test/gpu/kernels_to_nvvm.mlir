// RUN: heed-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(gpu.module(heed-kernels-to-nvvm))' | FileCheck %s

// CHECK: llvm.func @k(%{{.*}}: f32) attributes {{.*}}nvvm.kernel
// CHECK: nvvm.read.ptx.sreg.tid.x
// CHECK: llvm.intr.sqrt
// CHECK: llvm.intr.fabs
gpu.module @kernels {
  gpu.func @k(%x: f32) kernel {
    %t = gpu.thread_id x
    %r = math.sqrt %x : f32
    %a = math.absf %r : f32
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @k(%x: f64) kernel {
    // expected-error @+1 {{no GPU code yet for 'sin' of 'f64'; compute in f32, or compile for a CPU}}
    %r = math.sin %x : f64
    gpu.return
  }
}
