// RUN: heed-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(heed-block-rows,canonicalize,cse))' | FileCheck %s
// RUN: heed-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(heed-block-rows))' --remarks-filter=heed-memory 2>&1 | FileCheck %s --check-prefix=REMARK

// A product and the sums of its rows: twelve rows at a time, fewer if there are fewer.

// CHECK-LABEL: func @row_sums(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index, %[[Q:.*]]: tensor<?x8xf32>, %[[K:.*]]: tensor<?x8xf32>
// CHECK: %[[B:.*]] = arith.minsi %[[N]], %c12
// CHECK-NOT: linalg.generic
// CHECK: scf.forall
// CHECK: scf.for
// CHECK: tensor.empty(%[[B]], %[[M]])
// CHECK: tensor.extract_slice %[[Q]][%[[FIRST:.*]], 0] [%[[B]], 8] [1, 1]
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[K]] :
// What counts rows goes on counting those of the whole.
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: affine.apply {{.*}}(%[[FIRST]])[%[[I]]]
// CHECK: tensor.insert_slice {{.*}} [%[[B]]] [1]
// CHECK: tensor.parallel_insert_slice
// CHECK-NOT: linalg.generic
// CHECK: return
// REMARK: [Passed] BlockRows {{.*}}computed for 12 rows at a time, with 0 other tensors of this size
#row = affine_map<(i, j, c) -> (i, c)>
#key = affine_map<(i, j, c) -> (j, c)>
#pair = affine_map<(i, j, c) -> (i, j)>
func.func @row_sums(%n: index, %m: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>) -> tensor<?xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n, %m) : tensor<?x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %s = linalg.generic {indexing_maps = [#row, #key, #pair], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%q, %k : tensor<?x8xf32>, tensor<?x8xf32>) outs(%f : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<?x?xf32>
  %e1 = tensor.empty(%n) : tensor<?xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%s : tensor<?x?xf32>) outs(%f1 : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c = arith.cmpi sle, %j, %i : index
    %x = arith.select %c, %a, %zero : f32
    %t = arith.addf %o, %x : f32
    linalg.yield %t : f32
  } -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

// A sum over the rows needs all of them.

// CHECK-LABEL: func @column_sums(
// CHECK-NOT: scf.forall
// REMARK: [Missed] BlockRows {{.*}}held whole, not for a few rows at a time: it is returned, or read other than row by row
#row = affine_map<(i, j, c) -> (i, c)>
#key = affine_map<(i, j, c) -> (j, c)>
#pair = affine_map<(i, j, c) -> (i, j)>
func.func @column_sums(%n: index, %m: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>) -> tensor<?xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n, %m) : tensor<?x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %s = linalg.generic {indexing_maps = [#row, #key, #pair], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%q, %k : tensor<?x8xf32>, tensor<?x8xf32>) outs(%f : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<?x?xf32>
  %e1 = tensor.empty(%m) : tensor<?xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>], iterator_types = ["reduction", "parallel"]}
      ins(%s : tensor<?x?xf32>) outs(%f1 : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %t = arith.addf %o, %a : f32
    linalg.yield %t : f32
  } -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

// So does who receives all of them.

// CHECK-LABEL: func @returned(
// CHECK-NOT: scf.forall
// REMARK: [Missed] BlockRows {{.*}}held whole, not for a few rows at a time: it is returned, or read other than row by row
#row = affine_map<(i, j, c) -> (i, c)>
#key = affine_map<(i, j, c) -> (j, c)>
#pair = affine_map<(i, j, c) -> (i, j)>
func.func @returned(%n: index, %m: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>) -> tensor<?x?xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n, %m) : tensor<?x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %s = linalg.generic {indexing_maps = [#row, #key, #pair], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%q, %k : tensor<?x8xf32>, tensor<?x8xf32>) outs(%f : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<?x?xf32>
  return %s : tensor<?x?xf32>
}

// -----

// The hidden values of a network are hardly more than what it reads and makes: they stay one product.

// CHECK-LABEL: func @hidden(
// CHECK-NOT: scf.forall
// REMARK-NOT: at a time
#row = affine_map<(i, j, c) -> (i, c)>
#column = affine_map<(i, j, c) -> (c, j)>
#pair = affine_map<(i, j, c) -> (i, j)>
func.func @hidden(%n: index, %x: tensor<?x768xf32>, %w: tensor<768x3072xf32>) -> tensor<?xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?x3072xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x3072xf32>) -> tensor<?x3072xf32>
  %s = linalg.generic {indexing_maps = [#row, #column, #pair], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x768xf32>, tensor<768x3072xf32>) outs(%f : tensor<?x3072xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<?x3072xf32>
  %e1 = tensor.empty(%n) : tensor<?xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%s : tensor<?x3072xf32>) outs(%f1 : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %t = arith.addf %o, %a : f32
    linalg.yield %t : f32
  } -> tensor<?xf32>
  return %r : tensor<?xf32>
}
