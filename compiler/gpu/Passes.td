// Passes.td - from operations on buffers to GPU kernels and the host code that launches them.
#ifndef HEED_GPU_PASSES_TD
#define HEED_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ToKernels : Pass<"heed-to-kernels", "::mlir::func::FuncOp"> {
  let summary = "Makes a launch of every operation of the model's function that touches buffers";
  let description = [{
    Runs after bufferisation. `linalg.generic`, `memref.copy`, `memref.store` and the operations of dialect `heed` become
    `gpu.launch`; loops, views and arithmetic on sizes stay on the host. A `memref.load` stays as well: what the host reads from the
    device (the length of a recurrence, the status of a check) it waits for.

    The form that fits everything is one thread per element of the result, with the reductions as loops inside.

    ```mlir
    linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
        ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) { ... }
    ```
    becomes
    ```mlir
    gpu.launch blocks(...) in (%gx = %blocks, ...) threads(...) in (%tx = %c128, ...) {
      %item = ... block and thread number
      %inside = arith.cmpi ult, %item, %n : index
      scf.if %inside {
        %a = memref.load %x[%item] : memref<?xf32>
        ...
        memref.store %s, %y[%item] : memref<?xf32>
      }
      gpu.terminator
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect"];
}

def NarrowAttention : Pass<"heed-narrow-attention", "::mlir::func::FuncOp"> {
  let summary = "Lets attention read operands of 16 bits as they are stored";
  let description = [{
    Real numbers are computed with in f32, so a query of f16 is a tensor of f32 made of it. Tensor cores take the f16 themselves.
    If the result is only used rounded, an attribute says to what: then weights need not be more exact than that.

    ```mlir
    %q32 = linalg.generic ... ins(%q : tensor<?x64xf16>) { arith.extf }
    %o = heed.attention ... ins(%q32, ...)
    %r = linalg.generic ... ins(%o : tensor<?x64xf32>) { arith.truncf ... to f16 }
    ```
    becomes
    ```mlir
    %o = heed.attention ... ins(%q, ...) {heed.stored_as = f16}
    %r = linalg.generic ... ins(%o : tensor<?x64xf32>) { arith.truncf ... to f16 }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def OutlineKernels : Pass<"heed-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Moves the bodies of launches into one gpu.module";
  let description = [{
    What a body uses of its surroundings becomes an argument of the kernel, but for constants and views of buffers: these are
    cloned, so that an argument is a whole buffer or a scalar. The kernel is named after the model and the attribute
    `heed.kernel` of the launch.

    ```mlir
    gpu.launch blocks(...) threads(...) { use(%x, %n) gpu.terminator }
    ```
    becomes
    ```mlir
    gpu.module @kernels {
      gpu.func @m_0_add(%x: memref<?xf32>, %n: index) kernel { use(%x, %n) gpu.return }
    }
    ...
    gpu.launch_func @kernels::@m_0_add blocks in (...) threads in (...) args(%x : memref<?xf32>, %n : index)
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect"];
}

def MergeKernels : Pass<"heed-merge-kernels", "::mlir::ModuleOp"> {
  let summary = "Keeps one of several equal kernels";
  let description = [{
    Layers that repeat are unrolled, so most kernels of a deep model are the same code on other buffers.

    ```mlir
    gpu.launch_func @kernels::@m_7_add ...
    ```
    becomes, where the bodies are equal,
    ```mlir
    gpu.launch_func @kernels::@m_0_add ...
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect"];
}

def KernelArguments : Pass<"heed-kernel-arguments", "::mlir::ModuleOp"> {
  let summary = "Passes buffers to kernels as a pointer and the sizes that are not constant";
  let description = [{
    The convention of the runtime: arguments are scalars of at most 8 bytes. Buffers are contiguous, so strides follow from
    sizes; a size that several buffers share is passed once.

    ```mlir
    gpu.func @k(%x: memref<?x4xf32>, %y: memref<?xf32>) kernel
    gpu.launch_func @kernels::@k ... args(%a : memref<?x4xf32>, %b : memref<?xf32>)
    ```
    becomes, where both have %n rows,
    ```mlir
    gpu.func @k(%x: !llvm.ptr, %n: index, %y: !llvm.ptr) kernel
    gpu.launch_func @kernels::@k ... args(%pa : !llvm.ptr, %n : index, %pb : !llvm.ptr)
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect", "::mlir::LLVM::LLVMDialect"];
}

def DeviceMath : Pass<"heed-device-math"> {
  let summary = "Replaces functions that the host takes from its math library by arithmetic";
  let description = [{
    Runs after heed-expand-math, in kernels. Powers of f32 are computed in f64 (within half a unit in the last place and a
    little); sine and cosine of large f32 by the method of Payne and Hanek; exponentials and logarithms of f64 by series. Other
    functions of f64 are left, and refused later.

    ```mlir
    %p = math.powf %x, %y : f32
    ```
    becomes about 100 operations on f64 and i64.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def KernelsToNvvm : Pass<"heed-kernels-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Lowers kernels to the LLVM dialect with NVVM's operations";
  let description = [{
    Like upstream's `convert-gpu-to-nvvm`, but what is left of dialect math becomes LLVM intrinsics where NVPTX has code for them
    (square root, absolute value, rounding). Refuses, with an error, functions that it has none for: nothing may call a device
    library.

    ```mlir
    %t = gpu.thread_id x
    %r = math.sqrt %x : f32
    ```
    becomes
    ```mlir
    %t = nvvm.read.ptx.sreg.tid.x : i32
    %r = llvm.intr.sqrt(%x) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

def LaunchesToRuntime : Pass<"heed-launches-to-runtime", "::mlir::ModuleOp"> {
  let summary = "Turns launches and the host's reads of buffers into calls of the frame's functions";
  let description = [{
    The model's function receives the frame (attribute `heed.frame`). A kernel is named by its place in the `gpu.module`, which is
    removed. A load from a buffer on the host waits for the device and copies the element.

    ```mlir
    gpu.launch_func @kernels::@k blocks in (%b, %one, %one) threads in (%t, %one, %one) args(%p : !llvm.ptr, %n : index)
    ```
    becomes
    ```mlir
    llvm.call %launch(%device, %number, %shape, %arguments)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"];
}

#endif
