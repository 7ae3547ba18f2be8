// RUN: heed-opt %s -split-input-file -heed-outline-parallel | FileCheck %s
// The body of an outermost parallel loop becomes a function over chunks; the frame knows who runs it.

// CHECK-LABEL: func private @model_parallel_0(
// CHECK-SAME: %[[CLOSURE:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64
// CHECK: llvm.getelementptr %[[CLOSURE]]
// CHECK: scf.for
// CHECK: memref.store
// CHECK-LABEL: func @model(
// CHECK-SAME: %[[FRAME:.*]]: !llvm.ptr {heed.frame}
// CHECK: %[[CLOSURE:.*]] = llvm.alloca
// CHECK: %[[F:.*]] = {{.*}}constant @model_parallel_0
// CHECK: llvm.call %{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[CLOSURE]]) : !llvm.ptr, (!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr) -> ()
// CHECK-NOT: scf.parallel
func.func @model(%n: index, %m: index, %x: memref<?x?xf32>, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %m) step (%c1, %c1) {
    scf.parallel (%k) = (%c0) to (%n) step (%c1) {
      memref.store %v, %x[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// -----

// A function that does not receive a frame keeps its loops, one iteration after the other.
// CHECK-LABEL: func private @helper(
// CHECK-NOT: llvm.call
// CHECK: scf.for
func.func private @helper(%n: index, %x: memref<?xf32>, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %v, %x[%i] : memref<?xf32>
  }
  return
}
