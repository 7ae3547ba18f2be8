// RUN: heed-opt %s --heed-kernels-to-vector --canonicalize --cse | FileCheck %s
// Attention streams over blocks of keys: the only buffers are those of one block, whatever the sizes.

// CHECK-LABEL: func @causal
// CHECK-SAME: %[[N:[^:]*]]: index, %[[M:[^:]*]]: index
func.func @causal(%n: index, %m: index, %q: memref<?x64xf32>, %k: memref<?x64xf32>, %v: memref<?x64xf32>, %o: memref<?x64xf32>) {
  %c64 = arith.constant 64 : index
  %scale = arith.constant 0.125 : f32
  // CHECK: scf.parallel
  // CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<1x256x16xf32>
  // CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<12x64x16xf32>
  // Values are copied into groups of lanes; keys lie one behind the other, and are read where they are.
  // CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<8x258x8xf32>
  // CHECK-NOT: memref<256x64xf32>
  // CHECK-NOT: memref.alloc(
  // Keys behind the last row of the block are not visited.
  // CHECK: %[[LAST:.*]] = arith.addi %[[M]], %c-1
  // CHECK: arith.minsi %{{.*}}, %[[LAST]]
  // CHECK: %[[END:.*]] = arith.select
  // CHECK: scf.for %{{.*}} = %c0 to %[[END]] step %c256 {
  // A tile that no query of the block masks anything of is full; of another, panels of keys can be.
  // CHECK: scf.if %[[FULL:.*]] -> (index, index) {
  // CHECK: vector.fma
  // CHECK: %[[CLEAR:.*]] = arith.ori %[[FULL]], %{{.*}} : i1
  // CHECK: scf.if %[[CLEAR]] -> (vector<8xf32>, vector<8xf32>) {
  // CHECK-NOT: vector<16xi32>
  // CHECK: } else {
  // The comparison of i and j, and which rows exist, is one range of lanes; a masked score is selected, never computed with.
  // CHECK: arith.cmpi ult, %{{.*}}, %{{.*}} : vector<16xi32>
  // CHECK: arith.select %{{.*}} : vector<16xi1>, vector<16xf32>
  // No step works across lanes until the sums are stored.
  // CHECK-NOT: vector.reduction <maxnumf>
  // CHECK: arith.divf
  // CHECK: vector.shuffle
  heed.attention(%n, %m, %c64, %c64) ins(%q, %k, %v : memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>) outs(%o : memref<?x64xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %c = arith.cmpi sle, %j, %i : index
        heed.yield %c : i1
      } score (%i, %j, %dot: f32) {
        %s = arith.mulf %dot, %scale : f32
        heed.yield %s : f32
      }
  return
}

// Without a domain there is nothing to test, neither pairs nor values: all that is asked is whether maxima changed.
// CHECK-LABEL: func @everywhere
func.func @everywhere(%q: memref<64x64xf32>, %k: memref<128x64xf32>, %v: memref<128x64xf32>, %o: memref<64x64xf32>) {
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  // CHECK: vector.reduction <or>
  // CHECK-NOT: vector.reduction <or>
  // CHECK: return
  heed.attention(%c64, %c128, %c64, %c64) ins(%q, %k, %v : memref<64x64xf32>, memref<128x64xf32>, memref<128x64xf32>) outs(%o : memref<64x64xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      }
  return
}

// Keys of two heads side by side are copied: apart in memory they would compete for the same cache lines.
// CHECK-LABEL: func @apart
func.func @apart(%q: memref<2x64x64xf32>, %k: memref<256x2x64xf32>, %v: memref<2x256x64xf32>, %o: memref<2x64x64xf32>) {
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  // CHECK: memref.alloca() {alignment = 64 : i64} : memref<256x64xf32>
  // CHECK: return
  heed.attention(%c2, %c64, %c256, %c64, %c64) ins(%q, %k, %v : memref<2x64x64xf32>, memref<256x2x64xf32>, memref<2x256x64xf32>) outs(%o : memref<2x64x64xf32>)
      indexing_maps = [affine_map<(h, i, j, d, e) -> (h, i, d)>, affine_map<(h, i, j, d, e) -> (j, h, d)>,
                       affine_map<(h, i, j, d, e) -> (h, j, e)>, affine_map<(h, i, j, d, e) -> (h, i, e)>]
      score (%h, %i, %j, %dot: f32) {
        heed.yield %dot : f32
      }
  return
}
