// RUN: heed-opt %s --split-input-file --verify-diagnostics --heed-launches-to-runtime
// Without a program nobody knows which function receives the frame.
// expected-error @below {{expected attribute 'heed.program' and the function it names}}
module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @k(%p: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} { llvm.return }
  }
  func.func @m(%p: !llvm.ptr, %c1: index) {
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr)
    return
  }
}

// -----

// A kernel is found by its number among those that became code.
module attributes {gpu.container_module,
                   heed.program = {name = "m", dims = [], inputs = [], outputs = [], params = [], checks = []}} {
  gpu.module @kernels {
    gpu.func @k(%p: !llvm.ptr) kernel { gpu.return }
  }
  func.func @m(%p: !llvm.ptr, %c1: index) {
    // expected-error @+1 {{expected kernel 'k' in the LLVM dialect}}
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr)
    return
  }
}
