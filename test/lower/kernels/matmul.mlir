// RUN: heed-opt %s --heed-kernels-to-vector | FileCheck %s
// A product keeps a tile of the result in registers; rows and columns that do not fill one are covered without another kernel.

// Twelve accumulators of eight lanes: six rows of a panel of sixteen columns.
// CHECK-LABEL: func @whole_tiles
func.func @whole_tiles(%a: memref<12x256xf32>, %p: memref<2x256x16xf32>, %c: memref<12x32xf32>) {
  // CHECK-NOT: scf.parallel
  // CHECK: %[[SUMS:.*]]:12 = scf.for %[[K:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(
  // CHECK-COUNT-2: vector.load %{{.*}} : memref<2x256x16xf32>, vector<8xf32>
  // CHECK: memref.load %{{.*}}[%{{.*}}, %[[K]]]
  // CHECK-COUNT-12: vector.fma %{{.*}} : vector<8xf32>
  // CHECK: scf.yield
  // CHECK-COUNT-12: vector.store %{{.*}} : memref<12x32xf32>, vector<8xf32>
  // CHECK-NOT: vector.maskedstore
  // CHECK: return
  heed.matmul ins(%a, %p : memref<12x256xf32>, memref<2x256x16xf32>) outs(%c : memref<12x32xf32>)
  return
}

// One row takes four panels at once, to have enough independent sums.
// CHECK-LABEL: func @one_row
func.func @one_row(%a: memref<256xf32>, %p: memref<8x256x16xf32>, %c: memref<128xf32>) {
  // CHECK: scf.for %{{.*}} iter_args(%{{[^)]*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
  // CHECK-NOT: vector.maskedstore
  // CHECK: return
  heed.matmul ins(%a, %p : memref<256xf32>, memref<8x256x16xf32>) outs(%c : memref<128xf32>)
  return
}

// A last panel that is partly beyond the columns is stored under a mask.
// CHECK-LABEL: func @partial_columns
func.func @partial_columns(%a: memref<6x8xf32>, %p: memref<2x8x16xf32>, %c: memref<6x20xf32>) {
  // CHECK: %[[MASK:.*]] = vector.create_mask
  // CHECK: vector.maskedstore %{{.*}}, %[[MASK]]
  heed.matmul ins(%a, %p : memref<6x8xf32>, memref<2x8x16xf32>) outs(%c : memref<6x20xf32>)
  return
}

// Work is split by sizes alone.
// CHECK-LABEL: func @tasks
func.func @tasks(%a: memref<?x384xf32>, %p: memref<24x384x16xf32>, %c: memref<?x384xf32>) {
  // CHECK: scf.parallel
  heed.matmul ins(%a, %p : memref<?x384xf32>, memref<24x384x16xf32>) outs(%c : memref<?x384xf32>)
  return
}
