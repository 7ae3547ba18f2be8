// RUN: heed-opt %s -heed-yield-in-place | FileCheck %s
// A new state is stored over the old one; a state that is updated in place is left alone.

// CHECK-LABEL: func @loop(
// CHECK: scf.for {{.*}} iter_args(%[[ALL:.*]] = %{{.*}}, %[[S:.*]] = %{{.*}})
// CHECK: %[[NEXT:.*]] = linalg.generic
// CHECK: %[[INSERTED:.*]] = tensor.insert_slice %[[NEXT]] into %[[ALL]]
// CHECK: %[[STORED:.*]] = bufferization.materialize_in_destination %[[NEXT]] in %[[S]]
// CHECK: scf.yield %[[INSERTED]], %[[STORED]]
func.func @loop(%n: index, %rows: tensor<?x4xf32>, %x: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %t = %c0 to %n step %c1 iter_args(%all = %rows, %s = %x) -> (tensor<?x4xf32>, tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %next = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%s : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%p: f32, %q: f32):
      %v = arith.addf %p, %p : f32
      linalg.yield %v : f32
    } -> tensor<4xf32>
    %inserted = tensor.insert_slice %next into %all[%t, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<?x4xf32>
    scf.yield %inserted, %next : tensor<?x4xf32>, tensor<4xf32>
  }
  return %r#0, %r#1 : tensor<?x4xf32>, tensor<4xf32>
}
