// RUN: heed-opt %s --heed-kernels-to-vector --canonicalize --cse | FileCheck %s
// Domains that are no single interval of keys per block of queries.

// A window and a congruence: a sweep from member to member of the residue classes outside of the window, then one over neighbours
// that tests the window alone. What is kept of a query in between is in buffers as long as the queries, not as the pairs.
// CHECK-LABEL: func @strided
func.func @strided(%n: index, %q: memref<?x64xf32>, %k: memref<?x64xf32>, %v: memref<?x64xf32>, %o: memref<?x64xf32>) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c20 = arith.constant 20 : index
  // CHECK: memref.alloc(%arg0) {{.*}} : memref<?xf32>
  // CHECK: memref.alloc(%arg0) {{.*}} : memref<?xf32>
  // CHECK-NOT: memref.alloc(
  // CHECK: scf.parallel
  // The query's position is 20 t + residue.
  // CHECK: arith.remui %{{.*}}, %c20
  // CHECK: scf.parallel
  // CHECK-NOT: arith.rem{{.*}} : vector
  // CHECK-NOT: arith.floordivsi
  // CHECK: arith.divf
  // CHECK-NOT: scf.parallel
  heed.attention(%n, %n, %c64, %c64) ins(%q, %k, %v : memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>) outs(%o : memref<?x64xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %a = affine.apply affine_map<(i, j) -> ((i - j) mod 20)>(%i, %j)
        %b = arith.cmpi eq, %a, %c0 : index
        %c = arith.subi %i, %j : index
        %d = arith.cmpi slt, %c, %c20 : index
        %e = arith.ori %b, %d : i1
        %f = arith.cmpi sle, %j, %i : index
        %g = arith.andi %e, %f : i1
        heed.yield %g : i1
      } score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      }
  return
}

// Two windows beside the congruence: no one condition tells their pairs from its own, so that the second sweep leaves out its residue.
// CHECK-LABEL: func @two_windows
func.func @two_windows(%n: index, %q: memref<?x64xf32>, %k: memref<?x64xf32>, %v: memref<?x64xf32>, %o: memref<?x64xf32>) {
  %c0 = arith.constant 0 : index
  %c9 = arith.constant 9 : index
  %c64 = arith.constant 64 : index
  %c20 = arith.constant 20 : index
  // CHECK: scf.parallel
  // CHECK: scf.parallel
  // CHECK: arith.floordivsi
  // CHECK: arith.divf
  heed.attention(%n, %n, %c64, %c64) ins(%q, %k, %v : memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>) outs(%o : memref<?x64xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %a = affine.apply affine_map<(i, j) -> ((i - j) mod 20)>(%i, %j)
        %b = arith.cmpi eq, %a, %c0 : index
        %c = arith.subi %i, %j : index
        %d = arith.cmpi slt, %c, %c20 : index
        %e = arith.ori %b, %d : i1
        %f = arith.cmpi sle, %j, %i : index
        %g = arith.andi %e, %f : i1
        %h = arith.cmpi slt, %j, %c9 : index
        %l = arith.ori %g, %h : i1
        heed.yield %l : i1
      } score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      }
  return
}

// Flags of keys: a scan lists the panels in which some key is flagged, first by themselves, then those of the window.
// CHECK-LABEL: func @flagged
func.func @flagged(%n: index, %flag: memref<?xi1>, %q: memref<?x64xf32>, %k: memref<?x64xf32>, %v: memref<?x64xf32>, %o: memref<?x64xf32>) {
  %c64 = arith.constant 64 : index
  %c10 = arith.constant 10 : index
  // CHECK: scf.parallel
  // CHECK: %[[LIST:.*]] = memref.alloca() : memref<17xindex>
  // CHECK: scf.while
  // CHECK: scf.while
  // CHECK: memref.store %[[PANEL:.*]], %[[LIST]]
  // CHECK: memref.load %arg1
  // CHECK: vector.reduction <or>
  // CHECK: vector.fma
  heed.attention(%n, %n, %c64, %c64) ins(%q, %k, %v : memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>) outs(%o : memref<?x64xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %a = arith.subi %i, %j : index
        %b = arith.subi %j, %i : index
        %c = arith.maxsi %a, %b : index
        %d = arith.cmpi sle, %c, %c10 : index
        %e = memref.load %flag[%j] : memref<?xi1>
        %f = arith.ori %d, %e : i1
        heed.yield %f : i1
      } score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      }
  return
}
