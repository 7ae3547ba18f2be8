// RUN: heed-opt %s -split-input-file -heed-results-to-arguments | FileCheck %s
// Tensor results become buffers of the caller; other results stay.

// CHECK-LABEL: func @both(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: tensor<?xf32> {bufferization.writable = false},
// CHECK-SAME: %[[OUT:.*]]: memref<?xf32> {heed.output = 0 : i64}) -> i32
// CHECK: %[[Y:.*]] = linalg.generic
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[OUT]]
// CHECK: return %{{.*}} : i32
func.func @both(%n: index, %x: tensor<?xf32>) -> (tensor<?xf32>, i32) {
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  %status = arith.constant 0 : i32
  return %y, %status : tensor<?xf32>, i32
}

// -----

// Private functions keep their results.
// CHECK-LABEL: func private @helper(
// CHECK-SAME: tensor<4xf32>) -> tensor<4xf32>
func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
