// RUN: heed-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(heed-block-products,canonicalize,cse))' | FileCheck %s
// RUN: heed-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(heed-block-products))' --remarks-filter=heed-memory 2>&1 | FileCheck %s --check-prefix=REMARK

// A product, a function of its elements, and a product that sums over the rows: each task has a sum of its own.

// CHECK-LABEL: func @sums(
// CHECK-SAME: %[[N:.*]]: index, %[[K:.*]]: tensor<?x64xf32>, %[[V:.*]]: tensor<?x32xf32>, %[[W:.*]]: tensor<256x64xf32>
// CHECK: %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<256x32xf32>
// CHECK: %[[B:.*]] = arith.minsi %[[N]], %c48
// CHECK-NOT: linalg.generic
// CHECK: %[[PARTS:.*]]:2 = scf.forall (%[[TASK:.*]]) in (%{{.*}}) shared_outs(%[[ALL:.*]] = %{{.*}}, %{{.*}} = %{{.*}}) -> (tensor<?x256x32xf32>, tensor<?x256xf32>)
// CHECK: scf.for %{{.*}} iter_args(%[[SUM:.*]] = %[[ZERO]], %{{.*}} = %{{.*}}) -> (tensor<256x32xf32>, tensor<256xf32>)
// CHECK: %[[INSIDE:.*]] = arith.minsi
// CHECK: %[[REPEATED:.*]] = arith.subi %{{.*}}, %[[INSIDE]]
// CHECK: tensor.extract_slice %[[K]][%{{.*}}, 0] [%[[B]], 64] [1, 1]
// CHECK: math.exp
// Rows of the block before count once.
// CHECK: %[[ROW:.*]] = linalg.index 0
// CHECK: %[[NEW:.*]] = arith.cmpi sge, %[[ROW]], %[[REPEATED]]
// CHECK: arith.select %[[NEW]]
// CHECK: tensor.extract_slice %[[V]]
// CHECK: arith.cmpi sge, %{{.*}}, %[[REPEATED]]
// CHECK: arith.mulf
// CHECK: linalg.generic {{.*}} ins(%[[SUM]], %{{.*}} :
// CHECK: tensor.parallel_insert_slice %{{.*}} into %[[ALL]][%[[TASK]], 0, 0] [1, 256, 32] [1, 1, 1]
// The sums of the tasks, in their order.
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel", "parallel"]} ins(%[[PARTS]]#0
// CHECK: arith.addf
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[PARTS]]#1
// CHECK-NOT: linalg.generic
// CHECK: return
// REMARK: [Passed] BlockProducts {{.*}}computed for 48 rows at a time, with 3 operations around it
#row = affine_map<(j, c, a) -> (j, a)>
#weight = affine_map<(j, c, a) -> (c, a)>
#pair = affine_map<(j, c, a) -> (j, c)>
func.func @sums(%n: index, %k: tensor<?x64xf32>, %v: tensor<?x32xf32>, %w: tensor<256x64xf32>) -> (tensor<256x32xf32>, tensor<256xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?x256xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x256xf32>) -> tensor<?x256xf32>
  %p = linalg.generic {indexing_maps = [#row, #weight, #pair], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%k, %w : tensor<?x64xf32>, tensor<256x64xf32>) outs(%f : tensor<?x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x256xf32>
  %g = linalg.generic {indexing_maps = [affine_map<(j, c) -> (j, c)>, affine_map<(j, c) -> (j, c)>], iterator_types = ["parallel", "parallel"]}
      ins(%p : tensor<?x256xf32>) outs(%e : tensor<?x256xf32>) {
  ^bb0(%a: f32, %o: f32):
    %x = math.exp %a : f32
    linalg.yield %x : f32
  } -> tensor<?x256xf32>
  %e1 = tensor.empty() : tensor<256x32xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<256x32xf32>) -> tensor<256x32xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(c, e, j) -> (j, c)>, affine_map<(c, e, j) -> (j, e)>, affine_map<(c, e, j) -> (c, e)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%g, %v : tensor<?x256xf32>, tensor<?x32xf32>) outs(%f1 : tensor<256x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<256x32xf32>
  %e2 = tensor.empty() : tensor<256xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<256xf32>) -> tensor<256xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(c, j) -> (j, c)>, affine_map<(c, j) -> (c)>], iterator_types = ["parallel", "reduction"]}
      ins(%g : tensor<?x256xf32>) outs(%f2 : tensor<256xf32>) {
  ^bb0(%a: f32, %o: f32):
    %t = arith.addf %o, %a : f32
    linalg.yield %t : f32
  } -> tensor<256xf32>
  return %s, %z : tensor<256x32xf32>, tensor<256xf32>
}

// -----

// Nor where only a function of elements stands between two products.

// CHECK-LABEL: func @forward(
// CHECK-NOT: scf.for
// CHECK: return
func.func @forward(%n: index, %x: tensor<?x64xf32>, %w: tensor<256x64xf32>, %u: tensor<256x32xf32>) -> tensor<?x32xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?x256xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x256xf32>) -> tensor<?x256xf32>
  %p = linalg.generic {indexing_maps = [affine_map<(j, c, a) -> (j, a)>, affine_map<(j, c, a) -> (c, a)>, affine_map<(j, c, a) -> (j, c)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x64xf32>, tensor<256x64xf32>) outs(%f : tensor<?x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x256xf32>
  %g = linalg.generic {indexing_maps = [affine_map<(j, c) -> (j, c)>, affine_map<(j, c) -> (j, c)>], iterator_types = ["parallel", "parallel"]}
      ins(%p : tensor<?x256xf32>) outs(%e : tensor<?x256xf32>) {
  ^bb0(%a: f32, %o: f32):
    %t = arith.maximumf %a, %zero : f32
    linalg.yield %t : f32
  } -> tensor<?x256xf32>
  %e1 = tensor.empty(%n) : tensor<?x32xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(j, e, c) -> (j, c)>, affine_map<(j, e, c) -> (c, e)>, affine_map<(j, e, c) -> (j, e)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%g, %u : tensor<?x256xf32>, tensor<256x32xf32>) outs(%f1 : tensor<?x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// Nor where the product is returned: nothing stays inside.

// CHECK-LABEL: func @returned(
// CHECK-NOT: scf.for
// CHECK: return
// REMARK-NOT: rows at a time
#row = affine_map<(j, c, a) -> (j, a)>
#weight = affine_map<(j, c, a) -> (c, a)>
#pair = affine_map<(j, c, a) -> (j, c)>
func.func @returned(%n: index, %k: tensor<?x64xf32>, %w: tensor<256x64xf32>) -> (tensor<?x256xf32>, tensor<?xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?x256xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x256xf32>) -> tensor<?x256xf32>
  %p = linalg.generic {indexing_maps = [#row, #weight, #pair], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%k, %w : tensor<?x64xf32>, tensor<256x64xf32>) outs(%f : tensor<?x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x256xf32>
  %e1 = tensor.empty(%n) : tensor<?xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(j, c) -> (j, c)>, affine_map<(j, c) -> (j)>], iterator_types = ["parallel", "reduction"]}
      ins(%p : tensor<?x256xf32>) outs(%f1 : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %t = arith.addf %o, %a : f32
    linalg.yield %t : f32
  } -> tensor<?xf32>
  return %p, %r : tensor<?x256xf32>, tensor<?xf32>
}

// -----

// Nor where a matrix that is read whole does not stay in a cache.

// CHECK-LABEL: func @wide(
// CHECK-NOT: scf.for
// CHECK: return
func.func @wide(%n: index, %k: tensor<?x512xf32>, %w: tensor<256x512xf32>) -> tensor<?xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?x256xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x256xf32>) -> tensor<?x256xf32>
  %p = linalg.generic {indexing_maps = [affine_map<(j, c, a) -> (j, a)>, affine_map<(j, c, a) -> (c, a)>, affine_map<(j, c, a) -> (j, c)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%k, %w : tensor<?x512xf32>, tensor<256x512xf32>) outs(%f : tensor<?x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<?x256xf32>
  %e1 = tensor.empty(%n) : tensor<?xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(j, c) -> (j, c)>, affine_map<(j, c) -> (j)>], iterator_types = ["parallel", "reduction"]}
      ins(%p : tensor<?x256xf32>) outs(%f1 : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %t = arith.addf %o, %a : f32
    linalg.yield %t : f32
  } -> tensor<?xf32>
  return %r : tensor<?xf32>
}
