// A model by hand in LLVM dialect: y[n] = w[0] * x[n], with a prepared copy of w, and a check that x[0] >= 0.
//   run: frame = {params, prepared, inputs, outputs, dims, workspace, ...}
module attributes {heed.prepared_bytes = 4 : i64, heed.program = {
    name = "scale",
    dims = [{name = "n", min = 1 : i64, max = 4096 : i64, until = false}],
    inputs = [{name = "x", type = f32, shape = affine_map<(d0) -> (d0)>, alphabet = ""}],
    outputs = [{name = "y", type = f32, shape = affine_map<(d0) -> (d0)>, alphabet = ""}],
    params = [{name = "w", from = "layer.w", type = f32, shape = affine_map<(d0) -> (1)>}],
    checks = ["x[0] is negative"]}} {
  llvm.func @helper(%a: f32, %b: f32) -> f32 attributes {passthrough = ["noinline"]} {
    %0 = llvm.fmul %a, %b : f32
    llvm.return %0 : f32
  }
  llvm.func @scale_prepare(%params: !llvm.ptr, %prepared: !llvm.ptr) {
    %w = llvm.load %params : !llvm.ptr -> !llvm.ptr
    %value = llvm.load %w : !llvm.ptr -> f32
    llvm.store %value, %prepared : f32, !llvm.ptr
    llvm.return
  }
  llvm.func @scale_workspace(%dims: !llvm.ptr) -> i64 {
    %zero = llvm.mlir.constant(0 : i64) : i64
    llvm.return %zero : i64
  }
  llvm.func @scale_run(%frame: !llvm.ptr) -> i32 {
    %zero = llvm.mlir.constant(0 : i64) : i64
    %one = llvm.mlir.constant(1 : i64) : i64
    %ok = llvm.mlir.constant(0 : i32) : i32
    %bad = llvm.mlir.constant(1 : i32) : i32
    %nothing = llvm.mlir.constant(0.0 : f32) : f32
    %p1 = llvm.getelementptr %frame[8] : (!llvm.ptr) -> !llvm.ptr, i8
    %p2 = llvm.getelementptr %frame[16] : (!llvm.ptr) -> !llvm.ptr, i8
    %p3 = llvm.getelementptr %frame[24] : (!llvm.ptr) -> !llvm.ptr, i8
    %p4 = llvm.getelementptr %frame[32] : (!llvm.ptr) -> !llvm.ptr, i8
    %prepared = llvm.load %p1 : !llvm.ptr -> !llvm.ptr
    %inputs = llvm.load %p2 : !llvm.ptr -> !llvm.ptr
    %outputs = llvm.load %p3 : !llvm.ptr -> !llvm.ptr
    %dims = llvm.load %p4 : !llvm.ptr -> !llvm.ptr
    %x = llvm.load %inputs : !llvm.ptr -> !llvm.ptr
    %y = llvm.load %outputs : !llvm.ptr -> !llvm.ptr
    %n = llvm.load %dims : !llvm.ptr -> i64
    %w = llvm.load %prepared : !llvm.ptr -> f32
    %x0 = llvm.load %x : !llvm.ptr -> f32
    %negative = llvm.fcmp "olt" %x0, %nothing : f32
    llvm.cond_br %negative, ^fail, ^loop(%zero : i64)
  ^fail:
    llvm.return %bad : i32
  ^loop(%i: i64):
    %more = llvm.icmp "slt" %i, %n : i64
    llvm.cond_br %more, ^body, ^done
  ^body:
    %xp = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %yp = llvm.getelementptr %y[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %xi = llvm.load %xp : !llvm.ptr -> f32
    %yi = llvm.call @helper(%xi, %w) : (f32, f32) -> f32
    llvm.store %yi, %yp : f32, !llvm.ptr
    %next = llvm.add %i, %one : i64
    llvm.br ^loop(%next : i64)
  ^done:
    llvm.return %ok : i32
  }
}
