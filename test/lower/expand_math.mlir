// RUN: heed-opt %s -heed-expand-math | FileCheck %s
// RUN: heed-opt %s -heed-expand-math=fma=false | FileCheck %s --check-prefix=NOFMA
// f32 functions become arithmetic, scalars like vectors; nothing converts a float that may be NaN to an integer.

// CHECK-LABEL: func @functions(
// CHECK-NOT: math.exp %
// CHECK-NOT: math.log
// CHECK-NOT: math.tanh
// CHECK-NOT: math.erf
// CHECK-NOT: arith.fptosi
// CHECK: math.fma
// CHECK: return
// NOFMA-LABEL: func @functions(
// NOFMA-NOT: math.fma
// NOFMA: return
func.func @functions(%x: vector<8xf32>, %y: f32) -> (vector<8xf32>, f32, f32, f32) {
  %e = math.exp %x : vector<8xf32>
  %l = math.log %y : f32
  %t = math.tanh %y : f32
  %f = math.erf %y : f32
  return %e, %l, %t, %f : vector<8xf32>, f32, f32, f32
}

// What the reduction cannot handle goes to the library.
// CHECK-LABEL: func @sine(
// CHECK: scf.if
// CHECK: } else {
// CHECK: math.sin %{{.*}} {heed.library} : f32
func.func @sine(%x: f32) -> f32 {
  %s = math.sin %x : f32
  return %s : f32
}

// f64 is left to the library.
// CHECK-LABEL: func @wide(
// CHECK: math.exp %{{.*}} : f64
func.func @wide(%x: f64) -> f64 {
  %e = math.exp %x : f64
  return %e : f64
}

// A term of a sum is a quotient of two polynomials, which needs no exponential.
// CHECK-LABEL: func @term(
// CHECK-NOT: math.tanh
// CHECK-NOT: arith.shli
// CHECK: arith.divf
// CHECK: return
func.func @term(%x: vector<8xf32>) -> vector<8xf32> {
  %t = math.tanh %x {heed.term} : vector<8xf32>
  return %t : vector<8xf32>
}
