// Passes.td - from linalg on tensors to the LLVM dialect.
#ifndef HEED_LOWER_PASSES_TD
#define HEED_LOWER_PASSES_TD

include "mlir/Pass/PassBase.td"

def ResultsToArguments : Pass<"heed-results-to-arguments", "::mlir::ModuleOp"> {
  let summary = "Lets public functions write their tensor results to buffers that the caller gives";
  let description = [{
    Runs on tensors, before bufferisation, so that a result can be computed in its destination. Each tensor result becomes a
    buffer argument (attribute `heed.output`); results of other types stay. Tensor arguments become read-only.

    ```mlir
    func.func @f(%n: index, %x: tensor<?xf32>) -> (tensor<?xf32>, i32) {
      %status = arith.constant 0 : i32
      %y = math.exp %x : tensor<?xf32>
      return %y, %status : tensor<?xf32>, i32
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?xf32> {bufferization.writable = false}, %arg2: memref<?xf32> {heed.output = 0 : i64}) -> i32 {
      %c0_i32 = arith.constant 0 : i32
      %0 = math.exp %arg1 : tensor<?xf32>
      bufferization.materialize_in_destination %0 in restrict writable %arg2 : (tensor<?xf32>, memref<?xf32>) -> ()
      return %c0_i32 : i32
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def FuseElementwise : Pass<"heed-fuse-elementwise"> {
  let summary = "Computes elementwise operands where they are used, unless that repeats work";
  let description = [{
    Runs on tensors, after contractions were taken out. Upstream's fusion of elementwise `linalg.generic` with a cost rule: an
    operand is fused if it costs about a load, or if it has this one use and every element is used once. Upstream's default
    would fuse an exponential into a sum that needs each element many times.

    Leaves alone, with a remark, an operand with several uses or whose elements are used several times.

    ```mlir
    func.func @f(%x: tensor<?xf32>, %y: tensor<?xf32>, %to: tensor<?xf32>) -> tensor<?xf32> {
      %a = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
          ins(%x : tensor<?xf32>) outs(%to : tensor<?xf32>) {
      ^bb0(%in: f32, %out: f32):
        %e = math.exp %in : f32
        linalg.yield %e : f32
      } -> tensor<?xf32>
      %b = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
          ins(%a, %y : tensor<?xf32>, tensor<?xf32>) outs(%to : tensor<?xf32>) {
      ^bb0(%in: f32, %other: f32, %out: f32):
        %s = arith.addf %in, %other : f32
        linalg.yield %s : f32
      } -> tensor<?xf32>
      return %b : tensor<?xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>, %arg2: tensor<?xf32>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %dim = tensor.dim %arg2, %c0 : tensor<?xf32>
      %0 = tensor.empty(%dim) : tensor<?xf32>
      %1 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%arg0, %arg1 : tensor<?xf32>, tensor<?xf32>) outs(%0 : tensor<?xf32>) {
      ^bb0(%in: f32, %in_0: f32, %out: f32):
        %2 = math.exp %in : f32
        %3 = arith.addf %2, %in_0 : f32
        linalg.yield %3 : f32
      } -> tensor<?xf32>
      return %1 : tensor<?xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def BlockRows : Pass<"heed-block-rows", "::mlir::func::FuncOp"> {
  let summary = "Computes what holds a number for each pair for a few rows at a time";
  let description = [{
    Runs on tensors, before contractions are packed, on what no attention kernel takes: weights cut by a threshold, heads that mix, relative
    positions. From a tensor with two long axes (run-time sizes, or at least 512) that is made of tensors with fewer, it collects what
    makes and reads tensors as large, and all that lies between, as long as row i of everything needs only row i of what the chain makes:
    products, masks, reductions along the row, loops over states of rows, `heed.attention` and `heed.topk`. This chain runs for
    `rows` rows at a time. Rows are dealt out to `tasks` parallel tasks, so memory grows with one side of the pairs only. All blocks are equally high: the last
    of a task starts early enough and computes some rows again.

    Leaves alone, with a remark, a chain with a sum over the rows, and one that takes in or gives out a tensor as large: weights that are
    returned or probed. Tensors of indices alone are no part of that; they are computed where they are read.

    ```mlir
    func.func @f(%n: index, %m: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>) -> tensor<?xf32> {
      %zero = arith.constant 0.0 : f32
      %pairs = tensor.empty(%n, %m) : tensor<?x?xf32>
      %zeros = linalg.fill ins(%zero : f32) outs(%pairs : tensor<?x?xf32>) -> tensor<?x?xf32>
      %s = linalg.generic {indexing_maps = [affine_map<(i, j, c) -> (i, c)>, affine_map<(i, j, c) -> (j, c)>, affine_map<(i, j, c) -> (i, j)>],
                           iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%q, %k : tensor<?x8xf32>, tensor<?x8xf32>) outs(%zeros : tensor<?x?xf32>) {
      ^bb0(%a: f32, %b: f32, %sum: f32):
        %p = arith.mulf %a, %b : f32
        %next = arith.addf %sum, %p : f32
        linalg.yield %next : f32
      } -> tensor<?x?xf32>
      %rows = tensor.empty(%n) : tensor<?xf32>
      %none = linalg.fill ins(%zero : f32) outs(%rows : tensor<?xf32>) -> tensor<?xf32>
      %t = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
          ins(%s : tensor<?x?xf32>) outs(%none : tensor<?xf32>) {
      ^bb0(%a: f32, %sum: f32):
        %p = arith.mulf %a, %a : f32
        %next = arith.addf %sum, %p : f32
        linalg.yield %next : f32
      } -> tensor<?xf32>
      return %t : tensor<?xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: index, %arg1: index, %arg2: tensor<?x8xf32>, %arg3: tensor<?x8xf32>) -> tensor<?xf32> {
      ...
      %0 = arith.minsi %arg0, %c12 : index
      ...
      %4 = tensor.empty(%arg0) : tensor<?xf32>
      %5 = scf.forall (%arg4) in (%3) shared_outs(%arg5 = %4) -> (tensor<?xf32>) {
        ...
        %extracted_slice = tensor.extract_slice %arg5[%7] [%11] [1] : tensor<?xf32> to tensor<?xf32>
        ...
        %13 = scf.for %arg6 = %c0 to %12 step %c1 iter_args(%arg7 = %extracted_slice) -> (tensor<?xf32>) {
          ...
          %18 = tensor.empty(%0, %arg1) : tensor<?x?xf32>
          ...
          %extracted_slice_0 = tensor.extract_slice %arg2[%17, 0] [%0, 8] [1, 1] : tensor<?x8xf32> to tensor<?x8xf32>
          %20 = linalg.generic ... ins(%extracted_slice_0, %arg3 : ...) outs(%19 : ...
          ...
          } -> tensor<?x?xf32>
          %21 = tensor.empty(%0) : tensor<?xf32>
          ...
          %23 = linalg.generic ... ins(%20 : ...) outs(%22 : ...
          ...
          } -> tensor<?xf32>
          %inserted_slice = tensor.insert_slice %23 into %arg7[%16] [%0] [1] : tensor<?xf32> into tensor<?xf32>
          scf.yield %inserted_slice : tensor<?xf32>
        }
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %13 into %arg5[%7] [%11] [1] : tensor<?xf32> into tensor<?xf32>
        }
      }
      return %5 : tensor<?xf32>
    }
    ```
  }];
  let options = [Option<"rows", "rows", "int64_t", "12", "Rows of a block: a multiple of the rows of a register tile">,
                 Option<"tasks", "tasks", "int64_t", "16", "Most tasks that rows are dealt out to">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def BlockProducts : Pass<"heed-block-products", "::mlir::func::FuncOp"> {
  let summary = "Computes products and what stands between them for a few rows at a time";
  let description = [{
    Runs on tensors, after heed-block-rows. From a product it collects what reads its rows and what makes them without being a product itself:
    functions of elements, sums and maxima along a row, further products, and sums over all rows, which end a chain. What is read whole must
    be small enough for the second-level cache. Such a chain runs for a few rows at a time, and what only the chain knows stays in a cache. At
    least 8 heads become parallel tasks first, and the rows of each follow one another; otherwise the rows are dealt out to `tasks`
    tasks. Each task has its own sums, which are then added in their order.

    Leaves alone what would not save much: a chain whose rows go in and out as they are inside, and one with nothing but functions of
    elements between its products (a feed-forward).

    ```mlir
    func.func @f(%n: index, %x: tensor<?x64xf32>, %w: tensor<256x64xf32>) -> tensor<?xf32> {
      %zero = arith.constant 0.0 : f32
      %wide = tensor.empty(%n) : tensor<?x256xf32>
      %none = linalg.fill ins(%zero : f32) outs(%wide : tensor<?x256xf32>) -> tensor<?x256xf32>
      %p = linalg.generic {indexing_maps = [affine_map<(i, c, a) -> (i, a)>, affine_map<(i, c, a) -> (c, a)>, affine_map<(i, c, a) -> (i, c)>],
                           iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%x, %w : tensor<?x64xf32>, tensor<256x64xf32>) outs(%none : tensor<?x256xf32>) {
      ^bb0(%a: f32, %b: f32, %sum: f32):
        %m = arith.mulf %a, %b : f32
        %next = arith.addf %sum, %m : f32
        linalg.yield %next : f32
      } -> tensor<?x256xf32>
      %row = tensor.empty(%n) : tensor<?xf32>
      %least = arith.constant 0xFF800000 : f32
      %start = linalg.fill ins(%least : f32) outs(%row : tensor<?xf32>) -> tensor<?xf32>
      %t = linalg.generic {indexing_maps = [affine_map<(i, c) -> (i, c)>, affine_map<(i, c) -> (i)>], iterator_types = ["parallel", "reduction"]}
          ins(%p : tensor<?x256xf32>) outs(%start : tensor<?xf32>) {
      ^bb0(%a: f32, %most: f32):
        %next = arith.maximumf %a, %most : f32
        linalg.yield %next : f32
      } -> tensor<?xf32>
      return %t : tensor<?xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?x64xf32>, %arg2: tensor<256x64xf32>) -> tensor<?xf32> {
      ...
      %0 = arith.minsi %arg0, %c48 : index
      ...
      %5 = scf.forall (%arg3) in (%3) shared_outs(%arg4 = %4) -> (tensor<?xf32>) {
        ...
        %extracted_slice = tensor.extract_slice %arg4[%7] [%11] [1] : tensor<?xf32> to tensor<?xf32>
        ...
        %13 = scf.for %arg5 = %c0 to %12 step %c1 iter_args(%arg6 = %extracted_slice) -> (tensor<?xf32>) {
          ...
          %extracted_slice_1 = tensor.extract_slice %arg1[%17, 0] [%0, 64] [1, 1] : tensor<?x64xf32> to tensor<?x64xf32>
          %18 = tensor.empty(%0) : tensor<?x256xf32>
          ...
          %20 = linalg.generic ... ins(%extracted_slice_1, %arg2 : ...) outs(%19 : ...
          ...
          } -> tensor<?x256xf32>
          %21 = tensor.empty(%0) : tensor<?xf32>
          ...
          %23 = linalg.generic ... ins(%20 : ...) outs(%22 : ...
          ...
          } -> tensor<?xf32>
          %inserted_slice = tensor.insert_slice %23 into %arg6[%16] [%0] [1] : tensor<?xf32> into tensor<?xf32>
          scf.yield %inserted_slice : tensor<?xf32>
        }
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %13 into %arg4[%7] [%11] [1] : tensor<?xf32> into tensor<?xf32>
        }
      }
      return %5 : tensor<?xf32>
    }
    ```
  }];
  let options = [Option<"tasks", "tasks", "int64_t", "16", "Most tasks that heads or rows are dealt out to">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def HoistLoopPacking : Pass<"heed-hoist-loop-packing", "::mlir::func::FuncOp"> {
  let summary = "Packs a matrix once for all steps of a loop";
  let description = [{
    Runs after contractions were packed. A `heed.pack` in a loop whose matrix does not change moves in front of the loop, with what the
    matrix is made of. Upstream's motion of invariant code does not take operations that may fail, and it would move everything.

    Leaves alone what depends on the step or on a state of the loop.

    ```mlir
    func.func @f(%n: index, %k: tensor<64x16xf32>, %to: tensor<1x64x16xf32>, %x: tensor<12x64xf32>, %s: tensor<12x16xf32>) -> tensor<12x16xf32> {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %r = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %s) -> tensor<12x16xf32> {
        %p = heed.pack ins(%k : tensor<64x16xf32>) outs(%to : tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
        %next = heed.matmul ins(%x, %p : tensor<12x64xf32>, tensor<1x64x16xf32>) outs(%sum : tensor<12x16xf32>) -> tensor<12x16xf32>
        scf.yield %next : tensor<12x16xf32>
      }
      return %r : tensor<12x16xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<64x16xf32>, %arg2: tensor<1x64x16xf32>, %arg3: tensor<12x64xf32>, %arg4: tensor<12x16xf32>) -> tensor<12x16xf32> {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %0 = heed.pack ins(%arg1 : tensor<64x16xf32>) outs(%arg2 : tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
      %1 = scf.for %arg5 = %c0 to %arg0 step %c1 iter_args(%arg6 = %arg4) -> (tensor<12x16xf32>) {
        %2 = heed.matmul ins(%arg3, %0 : tensor<12x64xf32>, tensor<1x64x16xf32>) outs(%arg6 : tensor<12x16xf32>) -> tensor<12x16xf32>
        scf.yield %2 : tensor<12x16xf32>
      }
      return %1 : tensor<12x16xf32>
    }
    ```
  }];
}

def SeparateInits : Pass<"heed-separate-inits", "::mlir::func::FuncOp"> {
  let summary = "Gives every destination its own empty or constant tensor";
  let description = [{
    Runs on tensors, before bufferisation. Where several operations start from one tensor of zeros, bufferisation would
    have to copy it, and elimination of empty tensors would put it into the destination of only one of them, which may
    be an output of the model that is written before the others are read.

    ```mlir
    func.func @f(%x: tensor<?x?xf32>, %to: tensor<?xf32>, %n: index) -> (tensor<?xf32>, tensor<?xf32>) {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty(%n) : tensor<?xf32>
      %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
      %a = linalg.reduce { arith.addf } ins(%x : tensor<?x?xf32>) outs(%zeros : tensor<?xf32>) dimensions = [1]
      %b = linalg.reduce { arith.maximumf } ins(%x : tensor<?x?xf32>) outs(%zeros : tensor<?xf32>) dimensions = [1]
      return %a, %b : tensor<?xf32>, tensor<?xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: tensor<?x?xf32>, %arg1: tensor<?xf32>, %arg2: index) -> (tensor<?xf32>, tensor<?xf32>) {
      %cst = arith.constant 0.000000e+00 : f32
      %0 = tensor.empty(%arg2) : tensor<?xf32>
      %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<?xf32>) -> tensor<?xf32>
      %reduced = linalg.reduce { arith.addf } ins(%arg0 : tensor<?x?xf32>) outs(%1 : tensor<?xf32>) dimensions = [1]
      %2 = tensor.empty(%arg2) : tensor<?xf32>
      %3 = linalg.fill ins(%cst : f32) outs(%2 : tensor<?xf32>) -> tensor<?xf32>
      %reduced_0 = linalg.reduce { arith.maximumf } ins(%arg0 : tensor<?x?xf32>) outs(%3 : tensor<?xf32>) dimensions = [1]
      return %reduced, %reduced_0 : tensor<?xf32>, tensor<?xf32>
    }
    ```
  }];
}

def YieldInPlace : Pass<"heed-yield-in-place"> {
  let summary = "Lets the states of a loop stay in one buffer each";
  let description = [{
    Runs on tensors, before bufferisation, which refuses a loop whose new state is in another buffer than the old one. A new
    state that is no update of the old one is stored over it at the end of the step. Elimination of empty tensors then
    computes it there at once, if nobody reads the old state any more; else bufferisation copies.

    Leaves alone a state that is updated by insertions or destination-style operations.

    ```mlir
    func.func @f(%n: index, %init: tensor<4xf32>) -> tensor<4xf32> {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %r = scf.for %i = %c0 to %n step %c1 iter_args(%s = %init) -> tensor<4xf32> {
        %next = math.tanh %s : tensor<4xf32>
        scf.yield %next : tensor<4xf32>
      }
      return %r : tensor<4xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<4xf32>) -> tensor<4xf32> {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %0 = scf.for %arg2 = %c0 to %arg0 step %c1 iter_args(%arg3 = %arg1) -> (tensor<4xf32>) {
        %1 = math.tanh %arg3 : tensor<4xf32>
        %2 = bufferization.materialize_in_destination %1 in %arg3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
        scf.yield %2 : tensor<4xf32>
      }
      return %0 : tensor<4xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def TopKToLoops : Pass<"heed-topk-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Lowers heed.topk on buffers to loops that keep the best positions of each row in order";
  let description = [{
    Rows are independent tasks. A row is read once; an element is first compared with the last of those that are kept,
    which ends the matter for most elements of a long row. One that comes before it moves forward to its place. The
    positions are kept in the result itself, their values in a buffer beside it.

    ```mlir
    func.func @f(%score: memref<9xf32>, %p: memref<4xi32>) {
      heed.topk ins(%score : memref<9xf32>) outs(%p : memref<4xi32>)
      return
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: memref<9xf32>, %arg1: memref<4xi32>) {
      ...
      %alloc = memref.alloc() : memref<4xf32>
      %0 = scf.for %arg2 = %c0 to %c9 step %c1 iter_args(%arg3 = %c0) -> (index) {
        %1 = memref.load %arg0[%arg2] : memref<9xf32>
        %2 = memref.load %alloc[%c3] : memref<4xf32>
        ...
        %10 = scf.if %9 -> (index) {
          ...
          %12 = scf.while (%arg4 = %11) : (index) -> index {
            ...
            %18 = memref.load %alloc[%17] : memref<4xf32>
            ...
            scf.condition(%25) %arg4 : index
          } do {
            ...
            %17 = memref.load %alloc[%16] : memref<4xf32>
            memref.store %17, %alloc[%arg4] : memref<4xf32>
            %18 = memref.load %arg1[%16] : memref<4xi32>
            memref.store %18, %arg1[%arg4] : memref<4xi32>
            scf.yield %16 : index
          }
          memref.store %1, %alloc[%12] : memref<4xf32>
          ...
          memref.store %13, %arg1[%12] : memref<4xi32>
          ...
          scf.yield %15 : index
        } else {
          scf.yield %arg3 : index
        }
        scf.yield %10 : index
      }
      scf.for %arg2 = %0 to %c4 step %c1 {
        memref.store %c0_i32, %arg1[%arg2] : memref<4xi32>
      }
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def LinalgToVectorLoops : Pass<"heed-linalg-to-vector-loops", "::mlir::ModuleOp"> {
  let summary = "Lowers linalg operations on buffers to loops over vectors";
  let description = [{
    Runs after bufferisation, on every `linalg.generic` that no kernel took. The iteration dimension along which the accesses
    are contiguous becomes the vector one: whole registers first, then one masked step for what remains, so every size runs.
    Reductions keep their accumulators in registers; along the vector dimension there are several, combined in a fixed
    order at the end. Reads of captured buffers in the body become vector loads or gathers. `scf.if` of a varying condition
    becomes a masked evaluation of both sides: reads of the side not taken do not happen.

    A loop that is worth it (an estimate of its cost, at the largest sizes) is split into chunks of a fixed size as an
    `scf.parallel`. What cannot be vectorised (an operation that is not elementwise, a reduction by an unknown operation
    along the only contiguous dimension) becomes scalar loops; a remark says why.

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
      %cst = arith.constant dense<0.000000e+00> : vector<8xf32>
      %c8 = arith.constant 8 : index
      %c0 = arith.constant 0 : index
      %dim = memref.dim %arg0, %c0 : memref<?xf32>
      %0 = arith.remui %dim, %c8 : index
      %1 = arith.subi %dim, %0 : index
      scf.for %arg2 = %c0 to %1 step %c8 {
        %4 = vector.load %arg0[%arg2] : memref<?xf32>, vector<8xf32>
        %5 = arith.addf %4, %4 : vector<8xf32>
        vector.store %5, %arg1[%arg2] : memref<?xf32>, vector<8xf32>
      }
      %2 = arith.subi %dim, %1 : index
      %3 = arith.cmpi sgt, %2, %c0 : index
      scf.if %3 {
        %4 = vector.create_mask %2 : vector<8xi1>
        %5 = vector.maskedload %arg0[%1], %4, %cst : memref<?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
        %6 = arith.addf %5, %5 : vector<8xf32>
        vector.maskedstore %arg1[%1], %4, %6 : memref<?xf32>, vector<8xi1>, vector<8xf32>
      }
      return
    }
    ```
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "256", "Bits of a vector register">,
                 Option<"parallelCost", "parallel-cost", "int64_t", "50000", "Cost (about cycles) of a chunk of a parallel loop">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def PlanArena : Pass<"heed-plan-arena", "::mlir::ModuleOp"> {
  let summary = "Places all buffers in one workspace, by lifetime";
  let description = [{
    Every `memref.alloc` of the model's function becomes a view of a new argument, the workspace (attribute
    `heed.workspace`). Buffers whose lifetimes do not overlap share a slot; which do is known when the model is compiled, and
    the sizes of the slots are formulas in the dims. `@<model>_plan` evaluates them: the offset of every slot, and the total.
    Offsets are multiples of 64 bytes.

    A buffer inside an `scf.parallel` is one per chunk: on the stack if it is small and static, else an array of buffers in
    the workspace. Refuses, with an error, a buffer whose size is not a function of the dims, and `memref.alloc` with a
    layout.

    ```mlir
    func.func @m(%n: index, %x: memref<?xf32>, %y: memref<?xf32> {heed.output = 0 : i64}) {
      %a = memref.alloc(%n) : memref<?xf32>
      memref.copy %x, %a : memref<?xf32> to memref<?xf32>
      memref.copy %a, %y : memref<?xf32> to memref<?xf32>
      return
    }
    ```
    becomes
    ```mlir
    func.func private @m_plan(%arg0: index) -> (index, index) {
      %c63 = arith.constant 63 : index
      %c-64 = arith.constant -64 : index
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %0 = arith.muli %arg0, %c4 : index
      %1 = arith.addi %0, %c63 : index
      %2 = arith.andi %1, %c-64 : index
      return %c0, %2 : index, index
    }
    func.func @m(%arg0: index, %arg1: memref<?xf32>, %arg2: memref<?xf32> {heed.output = 0 : i64}, %arg3: memref<?xi8> {heed.workspace}) {
      %0:2 = call @m_plan(%arg0) : (index) -> (index, index)
      %view = memref.view %arg3[%0#0][%arg0] : memref<?xi8> to memref<?xf32>
      memref.copy %arg1, %view : memref<?xf32> to memref<?xf32>
      memref.copy %view, %arg2 : memref<?xf32> to memref<?xf32>
      return
    }
    ```
  }];
  let options = [Option<"stackBytes", "stack-bytes", "int64_t", "16384", "Largest buffer of a chunk that lives on the stack">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def OutlineParallel : Pass<"heed-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "Turns parallel loops into calls of the frame's parallel_for";
  let description = [{
    The body of an outermost `scf.parallel` becomes a function over a range of chunks; what it uses of its surroundings is
    passed in a structure on the stack. The function that holds it receives the frame (attribute `heed.frame`). Loops inside
    a parallel loop run one after the other. The number of chunks and their work depend on sizes alone.

    Refuses nothing: a parallel loop with results, or in a function that is not the model's, becomes `scf.for`.

    ```mlir
    func.func @m(%chunks: index, %x: memref<?xf32>, %v: f32) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      scf.parallel (%i) = (%c0) to (%chunks) step (%c1) {
        memref.store %v, %x[%i] : memref<?xf32>
      }
      return
    }
    ```
    becomes
    ```mlir
    func.func private @m_parallel_0(%arg0: !llvm.ptr, %arg1: i64, %arg2: i64) {
      ...
      scf.for %arg3 = %5 to %6 step %c1 {
        memref.store %1, %4[%arg3] : memref<?xf32>
      }
      return
    }
    func.func @m(%arg0: index, %arg1: memref<?xf32>, %arg2: f32, %arg3: !llvm.ptr {heed.frame}) {
      %f = constant @m_parallel_0 : (!llvm.ptr, i64, i64) -> ()
      ...
      %1 = llvm.alloca %0 x !llvm.struct<(f32, struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>, i64)> : (i64) -> !llvm.ptr
      ...
      %9 = llvm.getelementptr %arg3[6] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
      ...
      %11 = llvm.getelementptr %arg3[7] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
      ...
      llvm.call %10(%12, %8, %0, %13, %1) : !llvm.ptr, (!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr) -> ()
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::func::FuncDialect"];
}

def EntryPoints : Pass<"heed-entry-points", "::mlir::ModuleOp"> {
  let summary = "Adds the functions of the C ABI that the runtime calls";
  let description = [{
    `<model>_run` reads the frame of heed/program.h, makes buffers of its pointers and calls the model; the lengths ended by
    `until` go back to the frame, the status of the checks is its result. `<model>_workspace` evaluates the plan of the
    arena. `<model>_prepare` calls the function of that purpose, if weights are packed. All other functions become private.

    Refuses, with an error, a module without `heed.program`.

    ```mlir
    module attributes {heed.program = {name = "m", dims = [{name = "n", max = 8 : i64, until = false} ],
        inputs = [{name = "x", type = f32, shape = affine_map<(n) -> (n)>, alphabet = ""} ],
        outputs = [{name = "y", type = f32, shape = affine_map<(n) -> (n)>, alphabet = ""} ],
        params = [], checks = []}} {
      func.func @m(%n: index, %x: memref<?xf32>, %y: memref<?xf32> {heed.output = 0 : i64}) {
        memref.copy %x, %y : memref<?xf32> to memref<?xf32>
        return
      }
    }
    ```
    gains
    ```mlir
    module attributes {heed.prepared_bytes = 0 : i64, ...
      func.func private @m(%arg0: index, %arg1: memref<?xf32>, %arg2: memref<?xf32>) {
        ...
        return
      }
      func.func @m_workspace(%arg0: !llvm.ptr) -> i64 {
        ...
        return %c0_i64 : i64
      }
      func.func @m_run(%arg0: !llvm.ptr) -> i32 {
        ...
        %3 = llvm.getelementptr %arg0[4] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        ...
        %6 = arith.index_cast %5 : i64 to index
        %7 = llvm.getelementptr %arg0[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        ...
        %15 = builtin.unrealized_conversion_cast %14 : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<?xf32>
        %16 = llvm.getelementptr %arg0[3] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        ...
        %24 = builtin.unrealized_conversion_cast %23 : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<?xf32>
        call @m(%6, %15, %24) : (index, memref<?xf32>, memref<?xf32>) -> ()
        return %c0_i32 : i32
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::func::FuncDialect"];
}

def ExpandMath : Pass<"heed-expand-math"> {
  let summary = "Replaces f32 functions by polynomials, the same for scalars and vectors";
  let description = [{
    exp, exp2, expm1, log, log1p, tanh, erf, sin and cos of f32 become arithmetic with an error of at most 4 units in the last place,
    NaN for NaN, and exact limits (`exp(-inf) = 0`, `tanh(inf) = 1`). sin and cos beyond 2^20 call the math library. Scalars get the same arithmetic as vectors, so an
    element has the same bits wherever it falls in a loop. Other widths are computed in f32 (f16, bf16) or left to the
    math library (f64).

    ```mlir
    func.func @f(%x: f32) -> f32 {
      %y = math.exp %x : f32
      return %y : f32
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: f32) -> f32 {
      ...
      %0 = arith.cmpf olt, %arg0, %cst_11 : f32
      %1 = arith.select %0, %cst_11, %arg0 : f32
      ...
      %7 = arith.bitcast %5 : f32 to i32
      ...
      %9 = math.fma %6, %cst_7, %3 : f32
      %10 = math.fma %6, %cst_6, %9 : f32
      %11 = math.fma %cst_4, %10, %cst_3 : f32
      %12 = math.fma %11, %10, %cst_2 : f32
      %13 = math.fma %12, %10, %cst_1 : f32
      %14 = math.fma %13, %10, %cst_0 : f32
      %15 = math.fma %14, %10, %cst : f32
      ...
      %17 = math.fma %15, %16, %10 : f32
      ...
      %23 = arith.bitcast %22 : i32 to f32
      ...
      %26 = arith.bitcast %25 : i32 to f32
      %27 = arith.mulf %18, %26 : f32
      %28 = arith.mulf %27, %23 : f32
      return %28 : f32
    }
    ```
  }];
  let options = [Option<"fma", "fma", "bool", "true", "Whether the target has fused multiply-add">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def ExpandShapes : Pass<"heed-expand-shapes"> {
  let summary = "Writes memref.expand_shape as a reinterpretation with known sizes";
  let description = [{
    The upstream expansion of strided metadata infers sizes from the source, so it takes one dynamic size per group of axes. A product
    over two run-time axes (queries and keys) has two. The sizes are operands of the operation: all buffers are contiguous, and so
    the strides follow.

    ```mlir
    func.func @f(%b: memref<?x5xf32>, %n: index, %m: index) -> memref<?x?x5xf32> {
      %e = memref.expand_shape %b [[0, 1], [2]] output_shape [%n, %m, 5] : memref<?x5xf32> into memref<?x?x5xf32>
      return %e : memref<?x?x5xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: memref<?x5xf32>, %arg1: index, %arg2: index) -> memref<?x?x5xf32> {
      %0 = affine.apply affine_map<()[s0] -> (s0 * 5)>()[%arg2]
      %reinterpret_cast = memref.reinterpret_cast %arg0 to offset: [0], sizes: [%arg1, %arg2, 5], strides: [%0, 5, 1] : memref<?x5xf32> to memref<?x?x5xf32>
      return %reinterpret_cast : memref<?x?x5xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect"];
}

def ContractArithmetic : Pass<"heed-contract-arithmetic"> {
  let summary = "Allows a product and a sum to be rounded once";
  let description = [{
    Sets the fast-math flag `contract`, and no other, on float arithmetic: NaN and infinity keep their meaning. Runs before
    the polynomials of heed-expand-math, whose roundings matter, so those are left alone.

    ```mlir
    func.func @f(%a: f32, %b: f32, %c: f32) -> f32 {
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %p, %c : f32
      return %s : f32
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: f32, %arg1: f32, %arg2: f32) -> f32 {
      %0 = arith.mulf %arg0, %arg1 fastmath<contract> : f32
      %1 = arith.addf %0, %arg2 fastmath<contract> : f32
      return %1 : f32
    }
    ```
  }];
}

#endif
