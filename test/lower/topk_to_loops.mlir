// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(heed-topk-to-loops))' | FileCheck %s
// Rows are tasks; an element is compared with the last that is kept before anything moves.

// CHECK-LABEL: func @rows(
// CHECK: scf.parallel
// CHECK: %[[BEST:.*]] = memref.alloc() : memref<4xf32>
// CHECK: scf.for
// CHECK: %[[KEPT:.*]] = scf.for {{.*}} iter_args(%[[SO_FAR:.*]] = %{{.*}}) -> (index) {
// CHECK: %[[LAST:.*]] = memref.load %[[BEST]][%{{.*}}]
// CHECK: arith.cmpf ogt, %{{.*}}, %[[LAST]]
// CHECK: memref.load %{{.*}} : memref<?x?xi1>
// CHECK: scf.if
// CHECK: scf.while
// CHECK: memref.store %{{.*}}, %{{.*}} : memref<?x4xi32>
// Places that nothing came to are 0.
// CHECK: scf.for %{{.*}} = %[[KEPT]] to
func.func @rows(%x: memref<?x?xf32>, %c: memref<?x?xi1>, %p: memref<?x4xi32>) {
  heed.topk ins(%x, %c : memref<?x?xf32>, memref<?x?xi1>) outs(%p : memref<?x4xi32>)
  return
}

// One row needs no task, and integers no care for NaN.
// CHECK-LABEL: func @one(
// CHECK-NOT: scf.parallel
// CHECK: arith.cmpi sgt
// CHECK-NOT: cmpf
func.func @one(%x: memref<9xindex>, %p: memref<2xi32>) {
  heed.topk ins(%x : memref<9xindex>) outs(%p : memref<2xi32>)
  return
}
