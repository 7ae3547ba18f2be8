// RUN: heed-opt %s -heed-contract-arithmetic | FileCheck %s
// Products and sums may be rounded once; nothing else is allowed, and comparisons and integers are left alone.

// CHECK-LABEL: func @f(
// CHECK: arith.mulf %{{.*}}, %{{.*}} fastmath<contract> : f32
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<contract> : vector<8xf32>
// CHECK: arith.divf %{{.*}}, %{{.*}} : f32
// CHECK: arith.maximumf %{{.*}}, %{{.*}} : f32
// CHECK-NOT: nnan
// CHECK-NOT: ninf
// CHECK-NOT: reassoc
func.func @f(%a: f32, %b: f32, %v: vector<8xf32>) -> (f32, vector<8xf32>, f32, f32) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %v, %v : vector<8xf32>
  %d = arith.divf %a, %b : f32
  %m = arith.maximumf %a, %b : f32
  return %p, %s, %d, %m : f32, vector<8xf32>, f32, f32
}
