// RUN: heed-opt %s -split-input-file -heed-plan-arena | FileCheck %s
// RUN: heed-opt %s -split-input-file -heed-plan-arena --remarks-filter=heed-memory 2>&1 | FileCheck %s --check-prefix=REMARK
// Buffers become views of the workspace; those whose lives do not overlap share a slot.

// REMARK: 3 buffers in 2 slots

// CHECK-LABEL: func private @share_plan(
// CHECK-SAME: %[[N:.*]]: index) -> (index, index, index)
// CHECK: return %{{.*}}, %{{.*}}, %{{.*}} : index, index, index
// CHECK-LABEL: func @share(
// CHECK-SAME: %[[N:.*]]: index, %[[OUT:.*]]: memref<?xf32>, %[[W:.*]]: memref<?xi8> {heed.workspace}
// CHECK: %[[P:.*]]:3 = call @share_plan(%[[N]])
// CHECK: memref.view %[[W]][%[[P]]#0][%[[N]]] : memref<?xi8> to memref<?xf32>
// CHECK: memref.view %[[W]][%[[P]]#1][%[[N]]] : memref<?xi8> to memref<?xf32>
// CHECK: memref.view %[[W]][%[[P]]#0][%[[N]]] : memref<?xi8> to memref<?xf32>
// CHECK-NOT: memref.alloc
func.func @share(%n: index, %out: memref<?xf32>) {
  %a = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%out : memref<?xf32>) outs(%a : memref<?xf32>)
  %b = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%a : memref<?xf32>) outs(%b : memref<?xf32>)
  %c = memref.alloc(%n) : memref<?xf32>
  linalg.copy ins(%b : memref<?xf32>) outs(%c : memref<?xf32>)
  linalg.copy ins(%c : memref<?xf32>) outs(%out : memref<?xf32>)
  return
}

// -----

// A buffer that a loop carries lives as long as the loop: the one made inside must not share with it.
// CHECK-LABEL: func @carried(
// CHECK: %[[P:.*]]:3 = call @carried_plan(%{{.*}})
// CHECK: memref.view %{{.*}}[%[[P]]#0]
// CHECK: scf.for
// CHECK: memref.view %{{.*}}[%[[P]]#1]
func.func @carried(%n: index, %out: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %state = memref.alloc() : memref<8xf32>
  linalg.copy ins(%out : memref<8xf32>) outs(%state : memref<8xf32>)
  scf.for %t = %c0 to %n step %c1 {
    %next = memref.alloc() : memref<8xf32>
    linalg.copy ins(%state : memref<8xf32>) outs(%next : memref<8xf32>)
    linalg.copy ins(%next : memref<8xf32>) outs(%state : memref<8xf32>)
  }
  linalg.copy ins(%state : memref<8xf32>) outs(%out : memref<8xf32>)
  return
}

// -----

// In a parallel loop a small buffer is on the stack, a large one exists once per chunk.
// CHECK-LABEL: func private @chunks_plan(
// CHECK: arith.ceildivsi
// CHECK-LABEL: func @chunks(
// CHECK: scf.parallel (%[[C:.*]]) =
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<8xf32>
// CHECK: memref.view
func.func @chunks(%n: index, %out: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%c) = (%c0) to (%n) step (%c1) {
    %small = memref.alloc() : memref<8xf32>
    linalg.copy ins(%out : memref<8xf32>) outs(%small : memref<8xf32>)
    %large = memref.alloc() : memref<8192xf32>
    %f = arith.constant 0.0 : f32
    linalg.fill ins(%f : f32) outs(%large : memref<8192xf32>)
  }
  return
}
