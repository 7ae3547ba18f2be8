// RUN: heed-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(func.func(heed-to-kernels),lower-affine,canonicalize,cse)' | FileCheck %s

// One thread per element of the result; the reduction is a loop of the thread. Neighbours in the result are neighbouring
// threads, so the last axis of the output is the fastest digit of the thread's number.
// CHECK-LABEL: func @sum
// CHECK:         gpu.launch
// CHECK:           %[[J:.*]] = arith.remui %[[ITEM:.*]], %[[M:.*]] : index
// CHECK:           %[[FIRST:.*]] = memref.load %[[Y:.*]][%[[I:.*]], %[[J]]]
// CHECK:           %[[SUM:.*]] = scf.for %[[K:.*]] = {{.*}} iter_args(%{{.*}} = %[[FIRST]])
// CHECK:             memref.load %{{.*}}[%[[J]], %[[I]], %[[K]]]
// CHECK:           memref.store %[[SUM]], %[[Y]][%[[I]], %[[J]]]
func.func @sum(%x: memref<?x?x4xf32>, %y: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (b, a)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : memref<?x?x4xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.addf %in, %out : f32
    linalg.yield %s : f32
  }
  return
}

// -----

// Two elements of the iteration space write the same element: one thread does it all, in order.
// CHECK-LABEL: func @last
// CHECK:         scf.for
// CHECK-NOT:     iter_args
// CHECK:           memref.store
// CHECK:         heed.kernel = "serial"
func.func @last(%x: memref<?xf32>, %y: memref<f32>) {
  linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> ()>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<f32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

// What the host reads stays with the host, and so do its loops.
// CHECK-LABEL: func @host
// CHECK:         scf.for
// CHECK:           memref.load
// CHECK:           gpu.launch
// CHECK:             memref.store
func.func @host(%x: memref<?xi32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %v = memref.load %x[%i] : memref<?xi32>
    %w = arith.addi %v, %v : i32
    memref.store %w, %x[%i] : memref<?xi32>
  }
  return
}

// -----

func.func @tensors(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expected buffers: kernels are made after bufferisation}}
  %r = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a)>], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%y : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}
