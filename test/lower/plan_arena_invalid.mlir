// RUN: heed-opt %s -heed-plan-arena -verify-diagnostics
// The workspace is measured before the model runs, so a size read from data is refused.

func.func @data(%n: index, %sizes: memref<?xindex>) {
  %c0 = arith.constant 0 : index
  %size = memref.load %sizes[%c0] : memref<?xindex>
  // expected-error @below {{the size of this buffer is not a function of the run-time sizes}}
  %a = memref.alloc(%size) : memref<?xf32>
  %f = arith.constant 0.0 : f32
  linalg.fill ins(%f : f32) outs(%a : memref<?xf32>)
  return
}
