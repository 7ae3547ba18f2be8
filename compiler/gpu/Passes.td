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
    func.func @f(%x: memref<?xf32>, %y: memref<?xf32>) {
      linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
          ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
      ^bb0(%a: f32, %out: f32):
        %s = arith.addf %a, %a : f32
        linalg.yield %s : f32
      }
      return
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: memref<?xf32>, %arg1: memref<?xf32>) {
      %c128 = arith.constant 128 : index
      %c127 = arith.constant 127 : index
      %c1 = arith.constant 1 : index
      %c0 = arith.constant 0 : index
      %dim = memref.dim %arg0, %c0 : memref<?xf32>
      %0 = arith.addi %dim, %c127 : index
      %1 = arith.divui %0, %c128 : index
      gpu.launch blocks(%arg2, %arg3, %arg4) in (%arg8 = %1, %arg9 = %c1, %arg10 = %c1) threads(%arg5, %arg6, %arg7) in (%arg11 = %c128, %arg12 = %c1, %arg13 = %c1) {
        %thread_id_x = gpu.thread_id  x
        %block_id_x = gpu.block_id  x
        %2 = arith.muli %block_id_x, %c128 : index
        %3 = arith.addi %2, %thread_id_x : index
        %4 = arith.cmpi ult, %3, %dim : index
        scf.if %4 {
          %5 = arith.remui %3, %dim : index
          %6 = memref.load %arg0[%5] : memref<?xf32>
          %7 = arith.addf %6, %6 : f32
          memref.store %7, %arg1[%5] : memref<?xf32>
        }
        gpu.terminator
      } {heed.kernel = "map"}
      return
    }
    ```
  }];
  let options = [Option<"tf32x3", "tf32x3", "bool", "false",
                        "Attention of f32 on tensor cores, each number as the sum of two tf32">,
                 Option<"hopper", "hopper", "bool", "false", "Kernels may use what compute capability 9.0 alone has (sm_90a)">];
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
    func.func @f(%n: index, %q: tensor<?x64xf16>, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>, %wide: tensor<?x64xf32>, %narrow: tensor<?x64xf16>)
        -> tensor<?x64xf16> {
      %c64 = arith.constant 64 : index
      %q32 = linalg.generic {indexing_maps = [affine_map<(i, c) -> (i, c)>, affine_map<(i, c) -> (i, c)>], iterator_types = ["parallel", "parallel"]}
          ins(%q : tensor<?x64xf16>) outs(%wide : tensor<?x64xf32>) {
      ^bb0(%in: f16, %out: f32):
        %w = arith.extf %in : f16 to f32
        linalg.yield %w : f32
      } -> tensor<?x64xf32>
      %o = heed.attention(%n, %n, %c64, %c64) ins(%q32, %k, %v : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) outs(%wide : tensor<?x64xf32>)
          indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                           affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
          score (%i, %j, %dot: f32) {
            heed.yield %dot : f32
          } -> tensor<?x64xf32>
      %r = linalg.generic {indexing_maps = [affine_map<(i, c) -> (i, c)>, affine_map<(i, c) -> (i, c)>], iterator_types = ["parallel", "parallel"]}
          ins(%o : tensor<?x64xf32>) outs(%narrow : tensor<?x64xf16>) {
      ^bb0(%in: f32, %out: f16):
        %w = arith.truncf %in : f32 to f16
        linalg.yield %w : f16
      } -> tensor<?x64xf16>
      return %r : tensor<?x64xf16>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?x64xf16>, %arg2: tensor<?x64xf32>, %arg3: tensor<?x64xf32>, %arg4: tensor<?x64xf32>, %arg5: tensor<?x64xf16>) -> tensor<?x64xf16> {
      %c64 = arith.constant 64 : index
      %0 = heed.attention(%arg0, %arg0, %c64, %c64) ins(%arg1, %arg2, %arg3 : tensor<?x64xf16>, tensor<?x64xf32>, tensor<?x64xf32>) outs(%arg4 : tensor<?x64xf32>) indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2)>, affine_map<(d0, d1, d2, d3) -> (d1, d2)>, affine_map<(d0, d1, d2, d3) -> (d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3)>] score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      } {heed.stored_as = f16} -> tensor<?x64xf32>
      %1 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<?x64xf32>) outs(%arg5 : tensor<?x64xf16>) {
      ^bb0(%in: f32, %out: f16):
        %2 = arith.truncf %in : f32 to f16
        linalg.yield %2 : f16
      } -> tensor<?x64xf16>
      return %1 : tensor<?x64xf16>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def OutlineKernels : Pass<"heed-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Moves the bodies of launches into one gpu.module";
  let description = [{
    What a body uses of its surroundings becomes an argument of the kernel, but for constants and views of buffers: these are
    cloned, so that an argument is a whole buffer or a scalar. The kernel is named after the model and the attribute
    `heed.kernel` of the launch. Maps of tensors that a body makes (TensorMap.h) are made in front of the launch.

    ```mlir
    func.func @m(%x: memref<?xf32>, %n: index) {
      %c1 = arith.constant 1 : index
      %c128 = arith.constant 128 : index
      %half = arith.constant 0.5 : f32
      gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1) threads(%tx, %ty, %tz) in (%sx = %c128, %sy = %c1, %sz = %c1) {
        %t = gpu.thread_id x
        %inside = arith.cmpi ult, %t, %n : index
        scf.if %inside {
          memref.store %half, %x[%t] : memref<?xf32>
        }
        gpu.terminator
      } {heed.kernel = "fill"}
      return
    }
    ```
    becomes
    ```mlir
    module attributes {gpu.container_module} {
      gpu.module @kernels {
        gpu.func @kernel_0_fill(%arg0: index, %arg1: memref<?xf32>) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
          %cst = arith.constant 5.000000e-01 : f32
          %thread_id_x = gpu.thread_id  x
          %0 = arith.cmpi ult, %thread_id_x, %arg0 : index
          scf.if %0 {
            memref.store %cst, %arg1[%thread_id_x] : memref<?xf32>
          }
          gpu.return
        }
      }
      func.func @m(%arg0: memref<?xf32>, %arg1: index) {
        %c1 = arith.constant 1 : index
        %c128 = arith.constant 128 : index
        gpu.launch_func  @kernels::@kernel_0_fill blocks in (%c1, %c1, %c1) threads in (%c128, %c1, %c1)  args(%arg1 : index, %arg0 : memref<?xf32>)
        return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect"];
}

def MergeKernels : Pass<"heed-merge-kernels", "::mlir::ModuleOp"> {
  let summary = "Keeps one of several equal kernels";
  let description = [{
    Layers that repeat are unrolled, so most kernels of a deep model are the same code on other buffers.

    ```mlir
    module attributes {gpu.container_module} {
      gpu.module @kernels {
        gpu.func @m_0_one(%p: !llvm.ptr) kernel {
          %v = arith.constant 1.0 : f32
          llvm.store %v, %p : f32, !llvm.ptr
          gpu.return
        }
        gpu.func @m_7_one(%p: !llvm.ptr) kernel {
          %v = arith.constant 1.0 : f32
          llvm.store %v, %p : f32, !llvm.ptr
          gpu.return
        }
      }
      func.func @m(%p: !llvm.ptr, %c1: index) {
        gpu.launch_func @kernels::@m_0_one blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr)
        gpu.launch_func @kernels::@m_7_one blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr)
        return
      }
    }
    ```
    becomes, where the bodies are equal,
    ```mlir
    module attributes {gpu.container_module} {
      gpu.module @kernels {
        gpu.func @m_0_one(%arg0: !llvm.ptr) kernel {
          %cst = arith.constant 1.000000e+00 : f32
          llvm.store %cst, %arg0 : f32, !llvm.ptr
          gpu.return
        }
      }
      func.func @m(%arg0: !llvm.ptr, %arg1: index) {
        gpu.launch_func  @kernels::@m_0_one blocks in (%arg1, %arg1, %arg1) threads in (%arg1, %arg1, %arg1)  args(%arg0 : !llvm.ptr)
        gpu.launch_func  @kernels::@m_0_one blocks in (%arg1, %arg1, %arg1) threads in (%arg1, %arg1, %arg1)  args(%arg0 : !llvm.ptr)
        return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect"];
}

def KernelArguments : Pass<"heed-kernel-arguments", "::mlir::ModuleOp"> {
  let summary = "Passes buffers to kernels as a pointer and the sizes that are not constant";
  let description = [{
    The convention of the runtime: arguments are scalars of at most 8 bytes. Buffers are contiguous, so strides follow from
    sizes; a size that several buffers share is passed once. Maps of tensors (TensorMap.h) come first, and will be passed by value.

    ```mlir
    module attributes {gpu.container_module} {
      gpu.module @kernels {
        gpu.func @k(%x: memref<?x4xf32>, %y: memref<?xf32>) kernel {
          %t = gpu.thread_id x
          %v = memref.load %x[%t, %t] : memref<?x4xf32>
          memref.store %v, %y[%t] : memref<?xf32>
          gpu.return
        }
      }
      func.func @f(%bytes: memref<?xi8>, %at: index, %n: index, %c1: index) {
        %x = memref.view %bytes[%at][%n] : memref<?xi8> to memref<?x4xf32>
        %y = memref.view %bytes[%at][%n] : memref<?xi8> to memref<?xf32>
        gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<?x4xf32>, %y : memref<?xf32>)
        return
      }
    }
    ```
    becomes, where both have %n rows,
    ```mlir
    module attributes {gpu.container_module} {
      gpu.module @kernels {
        gpu.func @k(%arg0: !llvm.ptr, %arg1: index, %arg2: !llvm.ptr) kernel {
          ...
          %14 = builtin.unrealized_conversion_cast %13 : !llvm.struct<(ptr, ptr, i64, array<2 x i64>, array<2 x i64>)> to memref<?x4xf32>
          ...
          %21 = builtin.unrealized_conversion_cast %20 : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<?xf32>
          ...
          %22 = memref.load %14[%thread_id_x, %thread_id_x] : memref<?x4xf32>
          memref.store %22, %21[%thread_id_x] : memref<?xf32>
          gpu.return
        }
      }
      func.func @f(%arg0: memref<?xi8>, %arg1: index, %arg2: index, %arg3: index) {
        ...
        %intptr = memref.extract_aligned_pointer_as_index %view : memref<?x4xf32> -> index
        ...
        %1 = llvm.inttoptr %0 : i64 to !llvm.ptr
        %intptr_1 = memref.extract_aligned_pointer_as_index %view_0 : memref<?xf32> -> index
        ...
        %3 = llvm.inttoptr %2 : i64 to !llvm.ptr
        gpu.launch_func  @kernels::@k blocks in (%arg3, %arg3, %arg3) threads in (%arg3, %arg3, %arg3)  args(%1 : !llvm.ptr, %arg2 : index, %3 : !llvm.ptr)
        return
      }
    }
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
    func.func @f(%x: f32, %y: f32) -> f32 {
      %p = math.powf %x, %y : f32
      return %p : f32
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: f32, %arg1: f32) -> f32 {
      ...
      %0 = arith.extf %arg0 : f32 to f64
      %1 = arith.extf %arg1 : f32 to f64
      ...
      %107 = arith.truncf %106 : f64 to f32
      return %107 : f32
    }
    ```
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
    gpu.module @kernels {
      gpu.func @k(%x: !llvm.ptr) kernel {
        %t = gpu.thread_id x
        %n = arith.index_cast %t : index to i64
        %p = llvm.getelementptr %x[%n] : (!llvm.ptr, i64) -> !llvm.ptr, f32
        %v = llvm.load %p : !llvm.ptr -> f32
        %r = math.sqrt %v : f32
        llvm.store %r, %p : f32, !llvm.ptr
        gpu.return
      }
    }
    ```
    becomes
    ```mlir
    gpu.module @kernels {
      llvm.func @k(%arg0: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
        %0 = nvvm.read.ptx.sreg.tid.x : i32
        %1 = llvm.sext %0 : i32 to i64
        %2 = llvm.getelementptr %arg0[%1] : (!llvm.ptr, i64) -> !llvm.ptr, f32
        %3 = llvm.load %2 : !llvm.ptr -> f32
        %4 = llvm.intr.sqrt(%3) : (f32) -> f32
        llvm.store %4, %2 : f32, !llvm.ptr
        llvm.return
      }
    }
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
    module attributes {gpu.container_module,
                       heed.program = {name = "m", dims = [], inputs = [], outputs = [], params = [], checks = []}} {
      gpu.module @kernels {
        llvm.func @k(%p: !llvm.ptr, %n: i64) attributes {gpu.kernel, nvvm.kernel} { llvm.return }
      }
      func.func @m(%p: !llvm.ptr, %n: index, %c1: index) {
        gpu.launch_func @kernels::@k blocks in (%n, %c1, %c1) threads in (%c1, %c1, %c1) args(%p : !llvm.ptr, %n : index)
        return
      }
    }
    ```
    becomes
    ```mlir
    module attributes {heed.program = ...
      func.func @m(%arg0: !llvm.ptr, %arg1: index, %arg2: index, %arg3: !llvm.ptr {heed.frame}) {
        ...
        %4 = llvm.getelementptr %arg3[10] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        ...
        %6 = llvm.getelementptr %arg3[8] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        ...
        %8 = llvm.alloca %3 x i64 : (i64) -> !llvm.ptr
        %9 = llvm.alloca %2 x i64 : (i64) -> !llvm.ptr
        %10 = llvm.alloca %3 x !llvm.ptr : (i64) -> !llvm.ptr
        ...
        llvm.store %arg0, %8 : !llvm.ptr, !llvm.ptr
        ...
        llvm.store %14, %13 : i64, !llvm.ptr
        ...
        llvm.store %15, %9 : i64, !llvm.ptr
        ...
        llvm.call %7(%5, %0, %9, %10) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr) -> ()
        return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"];
}

#endif
