// REQUIRES: x86_64, avx2
// RUN: heed-opt %s --heed-kernels-to-vector --canonicalize --cse --convert-vector-to-scf --expand-strided-metadata --lower-affine \
// RUN:   --convert-scf-to-cf --convert-vector-to-llvm --convert-ub-to-llvm --finalize-memref-to-llvm --convert-arith-to-llvm \
// RUN:   --convert-index-to-llvm --convert-func-to-llvm --convert-cf-to-llvm --reconcile-unrealized-casts \
// RUN:   | mlir-translate --mlir-to-llvmir | opt -O1 -mcpu=x86-64-v3 | llc -O1 -mcpu=x86-64-v3 --relocation-model=pic -filetype=obj -o %t.o
// RUN: %cc -O1 %S/Inputs/attention.c %t.o -lm -o %t
// RUN: %t | FileCheck %s
// Every number of queries and keys; rows without keys are 0, and what is behind a mask stays there.
// CHECK: {{[1-9][0-9]+}} attentions, 0 failures

func.func @everywhere(%q: memref<?x16xf32>, %k: memref<?x16xf32>, %v: memref<?x24xf32>, %o: memref<?x24xf32>, %flags: memref<?xi1>, %table: memref<?xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %q, %c0 : memref<?x16xf32>
  %m = memref.dim %k, %c0 : memref<?x16xf32>
  %d = arith.constant 16 : index
  %e = arith.constant 24 : index
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.25 : f32
  heed.attention(%n, %m, %d, %e) ins(%q, %k, %v : memref<?x16xf32>, memref<?x16xf32>, memref<?x24xf32>) outs(%o : memref<?x24xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      score (%i, %j, %dot: f32) {
        %s = arith.mulf %dot, %scale : f32
        heed.yield %s : f32
      }
  return
}

// Sizes of a head that are known only at run time are processed in slices.
func.func @causal(%q: memref<?x?xf32>, %k: memref<?x?xf32>, %v: memref<?x?xf32>, %o: memref<?x?xf32>, %flags: memref<?xi1>, %table: memref<?xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %q, %c0 : memref<?x?xf32>
  %m = memref.dim %k, %c0 : memref<?x?xf32>
  %d = memref.dim %q, %c1 : memref<?x?xf32>
  %e = memref.dim %v, %c1 : memref<?x?xf32>
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.25 : f32
  heed.attention(%n, %m, %d, %e) ins(%q, %k, %v : memref<?x?xf32>, memref<?x?xf32>, memref<?x?xf32>) outs(%o : memref<?x?xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %in = arith.cmpi sle, %j, %i : index
        heed.yield %in : i1
      } score (%i, %j, %dot: f32) {
        %s = arith.mulf %dot, %scale : f32
        heed.yield %s : f32
      }
  return
}

func.func @strided(%q: memref<?x40xf32>, %k: memref<?x40xf32>, %v: memref<?x3xf32>, %o: memref<?x3xf32>, %flags: memref<?xi1>, %table: memref<?xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %q, %c0 : memref<?x40xf32>
  %m = memref.dim %k, %c0 : memref<?x40xf32>
  %d = arith.constant 40 : index
  %e = arith.constant 3 : index
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.25 : f32
  heed.attention(%n, %m, %d, %e) ins(%q, %k, %v : memref<?x40xf32>, memref<?x40xf32>, memref<?x3xf32>) outs(%o : memref<?x3xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %c3 = arith.constant 3 : index
        %distance = arith.subi %i, %j : index
        %rest = arith.remsi %distance, %c3 : index
        %on = arith.cmpi eq, %rest, %c0 : index
        %before = arith.cmpi sle, %j, %i : index
        %in = arith.andi %on, %before : i1
        heed.yield %in : i1
      } score (%i, %j, %dot: f32) {
        %s = arith.mulf %dot, %scale : f32
        %distance = arith.subi %i, %j : index
        %bias = memref.load %table[%distance] : memref<?xf32>
        %sum = arith.addf %s, %bias : f32
        heed.yield %sum : f32
      }
  return
}

func.func @window(%q: memref<?x3xf32>, %k: memref<?x3xf32>, %v: memref<?x64xf32>, %o: memref<?x64xf32>, %flags: memref<?xi1>, %table: memref<?xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %q, %c0 : memref<?x3xf32>
  %m = memref.dim %k, %c0 : memref<?x3xf32>
  %d = arith.constant 3 : index
  %e = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.25 : f32
  heed.attention(%n, %m, %d, %e) ins(%q, %k, %v : memref<?x3xf32>, memref<?x3xf32>, memref<?x64xf32>) outs(%o : memref<?x64xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %w = arith.constant 5 : index
        %a = arith.subi %i, %j : index
        %b = arith.subi %j, %i : index
        %below = arith.cmpi sle, %a, %w : index
        %above = arith.cmpi sle, %b, %w : index
        %near = arith.andi %below, %above : i1
        %global = memref.load %flags[%j] : memref<?xi1>
        %in = arith.ori %near, %global : i1
        heed.yield %in : i1
      } score (%i, %j, %dot: f32) {
        %s = arith.mulf %dot, %scale : f32
        heed.yield %s : f32
      }
  return
}

func.func @additive(%q: memref<?x7xf32>, %k: memref<?x7xf32>, %v: memref<?x20xf32>, %o: memref<?x20xf32>, %flags: memref<?xi1>, %table: memref<?xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %q, %c0 : memref<?x7xf32>
  %m = memref.dim %k, %c0 : memref<?x7xf32>
  %d = arith.constant 7 : index
  %e = arith.constant 20 : index
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.25 : f32
  heed.attention(%n, %m, %e) ins(%v : memref<?x20xf32>) outs(%o : memref<?x20xf32>)
      indexing_maps = [affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, e)>]
      where (%i, %j) {
        %in = memref.load %flags[%j] : memref<?xi1>
        heed.yield %in : i1
      } score (%i, %j) {
        %s = scf.for %c = %c0 to %d step %c1 iter_args(%sum = %zero) -> (f32) {
          %a = memref.load %q[%i, %c] : memref<?x7xf32>
          %b = memref.load %k[%j, %c] : memref<?x7xf32>
          %ab = arith.addf %a, %b : f32
          %r = arith.maximumf %ab, %zero : f32
          %next = arith.addf %sum, %r : f32
          scf.yield %next : f32
        }
        heed.yield %s : f32
      }
  return
}

func.func @scalar(%q: memref<?x7xf32>, %k: memref<?x7xf32>, %v: memref<?x20xf32>, %o: memref<?x20xf32>, %flags: memref<?xi1>, %table: memref<?xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %q, %c0 : memref<?x7xf32>
  %m = memref.dim %k, %c0 : memref<?x7xf32>
  %d = arith.constant 7 : index
  %e = arith.constant 20 : index
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.25 : f32
  heed.attention(%n, %m, %e) ins(%v : memref<?x20xf32>) outs(%o : memref<?x20xf32>)
      indexing_maps = [affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, e)>]
      // A loop with a condition runs on no lanes.
      where (%i, %j) {
        %in = memref.load %flags[%j] : memref<?xi1>
        heed.yield %in : i1
      } score (%i, %j) {
        %s, %last = scf.while (%sum = %zero, %c = %c0) : (f32, index) -> (f32, index) {
          %more = arith.cmpi slt, %c, %d : index
          scf.condition(%more) %sum, %c : f32, index
        } do {
        ^bb0(%sum: f32, %c: index):
          %a = memref.load %q[%i, %c] : memref<?x7xf32>
          %b = memref.load %k[%j, %c] : memref<?x7xf32>
          %ab = arith.addf %a, %b : f32
          %r = arith.maximumf %ab, %zero : f32
          %next = arith.addf %sum, %r : f32
          %step = arith.addi %c, %c1 : index
          scf.yield %next, %step : f32, index
        }
        heed.yield %s : f32
      }
  return
}
