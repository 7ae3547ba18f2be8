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
      ...
      return %y, %status : tensor<?xf32>, i32
    }
    ```
    becomes
    ```mlir
    func.func @f(%n: index, %x: tensor<?xf32> {bufferization.writable = false},
                 %out: memref<?xf32> {heed.output = 0 : i64}) -> i32 {
      ...
      bufferization.materialize_in_destination %y in restrict writable %out : (tensor<?xf32>, memref<?xf32>) -> ()
      return %status : i32
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
    %a = linalg.generic ins(%x) { exp }
    %b = linalg.generic ins(%a, %y) { addf }
    ```
    becomes
    ```mlir
    %b = linalg.generic ins(%x, %y) { exp, addf }
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
    %s = linalg.generic ins(%q, %k) outs(...)  // [n, m], a product
    %t = linalg.generic ins(%s) outs(...)      // [n], the sum of squares of a row
    ```
    becomes
    ```mlir
    %t = scf.forall (%task) in (%tasks) shared_outs(%all = %empty) -> tensor<?xf32> {
      %part = scf.for %b = ... iter_args(%out = %slice) -> tensor<?xf32> {
        %qb = tensor.extract_slice %q[%first, 0] [12, 8] [1, 1]
        %sb = linalg.generic ins(%qb, %k) outs(...)  // [12, m]
        %tb = linalg.generic ins(%sb) outs(...)      // [12]
        %next = tensor.insert_slice %tb into %out[%inside] [12] [1]
        scf.yield %next
      }
      ...
    }
    ```
  }];
  let options = [Option<"rows", "rows", "int64_t", "12", "Rows of a block: a multiple of the rows of a register tile">,
                 Option<"tasks", "tasks", "int64_t", "16", "Most tasks that rows are dealt out to">];
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
    scf.for ... {
      %p = heed.pack ins(%k : tensor<?x8xf32>) ...
      %s = heed.matmul ins(%rows, %p) ...
    }
    ```
    becomes
    ```mlir
    %p = heed.pack ins(%k : tensor<?x8xf32>) ...
    scf.for ... {
      %s = heed.matmul ins(%rows, %p) ...
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
    %0 = linalg.fill ins(%zero) outs(%empty)
    %a = linalg.generic ins(%x) outs(%0)
    %b = linalg.generic ins(%y) outs(%0)
    ```
    becomes
    ```mlir
    %0 = linalg.fill ins(%zero) outs(%empty0)
    %a = linalg.generic ins(%x) outs(%0)
    %1 = linalg.fill ins(%zero) outs(%empty1)
    %b = linalg.generic ins(%y) outs(%1)
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
    scf.for ... iter_args(%s = %init) -> tensor<4xf32> {
      %next = linalg.generic ... outs(%empty : tensor<4xf32>)
      scf.yield %next : tensor<4xf32>
    }
    ```
    becomes
    ```mlir
    scf.for ... iter_args(%s = %init) -> tensor<4xf32> {
      %next = linalg.generic ... outs(%empty : tensor<4xf32>)
      %stored = bufferization.materialize_in_destination %next in %s
      scf.yield %stored : tensor<4xf32>
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
    heed.topk ins(%score : memref<?x?xf32>) outs(%p : memref<?x4xi32>)
    ```
    becomes
    ```mlir
    scf.parallel (%task) = ... {
      %best = memref.alloc() : memref<4xf32>
      scf.for %i = ... {
        %kept = scf.for %j = ... iter_args(%kept = %c0) -> index { ... }
        scf.for %r = %kept to %c4 ... { memref.store %zero, %p[%i, %r] }
      }
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
    linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
        ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %a : f32
      linalg.yield %s : f32
    }
    ```
    becomes
    ```mlir
    scf.for %i = %c0 to %whole step %c8 {
      %a = vector.load %x[%i] : memref<?xf32>, vector<8xf32>
      %s = arith.addf %a, %a : vector<8xf32>
      vector.store %s, %y[%i] : memref<?xf32>, vector<8xf32>
    }
    scf.if %some_left {
      %mask = vector.create_mask %left : vector<8xi1>
      ...
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
    func.func @m(%n: index, ...) {
      %a = memref.alloc(%n) : memref<?xf32>
      ...
    }
    ```
    becomes
    ```mlir
    func.func private @m_plan(%n: index) -> (index, index) {
      // offset of slot 0, total
    }
    func.func @m(%n: index, ..., %workspace: memref<?xi8> {heed.workspace}) {
      %offset, %total = call @m_plan(%n) : (index) -> (index, index)
      %a = memref.view %workspace[%offset][%n] : memref<?xi8> to memref<?xf32>
      ...
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
    scf.parallel (%c) = (%c0) to (%chunks) step (%c1) {
      use(%x, %c)
    }
    ```
    becomes
    ```mlir
    func.func private @m_parallel_0(%closure: !llvm.ptr, %begin: i64, %end: i64) {
      %x = load from %closure
      scf.for %c = %begin to %end step %c1 { use(%x, %c) }
    }
    ...
    llvm.call %parallel_for(%pool, %chunks, 1, @m_parallel_0, %closure)
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
    func.func @m(%n: index, %x: memref<?xf32>, %y: memref<?xf32> {heed.output = 0 : i64})
    ```
    gains
    ```mlir
    func.func @m_run(%frame: !llvm.ptr) -> i32
    func.func @m_workspace(%dims: !llvm.ptr) -> i64
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
    %y = math.exp %x : vector<8xf32>
    ```
    becomes about 15 operations on `vector<8xf32>` and `vector<8xi32>`.
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
    %e = memref.expand_shape %b [[0, 1], [2]] output_shape [%n, %m, 5] : memref<?x5xf32> into memref<?x?x5xf32>
    ```
    becomes
    ```mlir
    %s = affine.apply affine_map<()[s0] -> (s0 * 5)>()[%m]
    %e = memref.reinterpret_cast %b to offset: [0], sizes: [%n, %m, 5], strides: [%s, 5, 1] : memref<?x5xf32> to memref<?x?x5xf32>
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
    %p = arith.mulf %a, %b : f32
    ```
    becomes
    ```mlir
    %p = arith.mulf %a, %b fastmath<contract> : f32
    ```
  }];
}

#endif
