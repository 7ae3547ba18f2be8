// RUN: heed-opt %s -split-input-file -heed-fuse-elementwise | FileCheck %s
// RUN: heed-opt %s -split-input-file -heed-fuse-elementwise --remarks-filter=heed-fusion 2>&1 | FileCheck %s --check-prefix=REMARK
// An operand with one use and as many elements as iterations is computed in place.

// CHECK-LABEL: func @chain(
// CHECK: linalg.generic
// CHECK: math.exp
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
func.func @chain(%n: index, %x: tensor<?xf32>) -> tensor<?xf32> {
  %e = tensor.empty(%n) : tensor<?xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%p: f32, %q: f32):
    %s = math.exp %p : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%p: f32, %q: f32):
    %s = arith.addf %p, %p : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  return %b : tensor<?xf32>
}

// -----

// An exponential that every row needs again is stored.
// REMARK: operand 0 would be computed more than once
// CHECK-LABEL: func @repeated(
// CHECK: math.exp
// CHECK: linalg.generic
// CHECK: arith.addf
func.func @repeated(%n: index, %m: index, %x: tensor<?xf32>) -> tensor<?x?xf32> {
  %e = tensor.empty(%m) : tensor<?xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%p: f32, %q: f32):
    %s = math.exp %p : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  %f = tensor.empty(%n, %m) : tensor<?x?xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<?xf32>) outs(%f : tensor<?x?xf32>) {
  ^bb0(%p: f32, %q: f32):
    %s = arith.addf %p, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x?xf32>
  return %b : tensor<?x?xf32>
}
