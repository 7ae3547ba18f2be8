// RUN: heed-opt %s --heed-pack-contractions --canonicalize --cse --split-input-file | FileCheck %s
// RUN: heed-opt %s --heed-pack-contractions --split-input-file --remarks-filter=heed-kernels 2>&1 | FileCheck %s --check-prefix=REMARK
// Contractions become packed products, whatever the order of their axes; what would not gain stays, and a remark says why.

// CHECK-LABEL: func @transposed_right
// CHECK-SAME: (%[[A:.*]]: tensor<?x256xf32>, %[[B:.*]]: tensor<100x256xf32>, %[[C:.*]]: tensor<?x100xf32>)
func.func @transposed_right(%a: tensor<?x256xf32>, %b: tensor<100x256xf32>, %c: tensor<?x100xf32>) -> tensor<?x100xf32> {
  // CHECK: %[[P:.*]] = heed.pack transposed ins(%[[B]] : tensor<100x256xf32>) outs(%{{.*}}) -> tensor<7x256x16xf32>
  // CHECK: heed.matmul ins(%[[A]], %[[P]] : tensor<?x256xf32>, tensor<7x256x16xf32>) outs(%[[C]] : tensor<?x100xf32>)
  // CHECK-NOT: linalg
  // REMARK: [Passed] {{.*}}contraction is packed
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%c : tensor<?x100xf32>) -> tensor<?x100xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<?x256xf32>, tensor<100x256xf32>) outs(%init : tensor<?x100xf32>) {
  ^bb0(%x: f32, %y: f32, %sum: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x100xf32>
  return %r : tensor<?x100xf32>
}

// -----

// What the sum starts from is added.
// CHECK-LABEL: func @accumulates
func.func @accumulates(%a: tensor<8x32xf32>, %b: tensor<32x16xf32>, %c: tensor<8x16xf32>) -> tensor<8x16xf32> {
  // CHECK: %[[R:.*]] = heed.matmul
  // CHECK: linalg.add ins(%[[R]], %{{.*}})
  %r = linalg.matmul ins(%a, %b : tensor<8x32xf32>, tensor<32x16xf32>) outs(%c : tensor<8x16xf32>) -> tensor<8x16xf32>
  return %r : tensor<8x16xf32>
}

// -----

// Heads in the middle: the left side is brought into order, the batch axis stays.
// CHECK-LABEL: func @heads
func.func @heads(%a: tensor<?x4x64xf32>, %b: tensor<4x64x48xf32>, %c: tensor<4x?x48xf32>) -> tensor<4x?x48xf32> {
  // CHECK: linalg.transpose {{.*}} permutation = [1, 0, 2]
  // CHECK: heed.matmul ins(%{{.*}} : tensor<4x?x64xf32>, tensor<4x3x64x16xf32>)
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%c : tensor<4x?x48xf32>) -> tensor<4x?x48xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(h, i, j, k) -> (i, h, k)>, affine_map<(h, i, j, k) -> (h, k, j)>, affine_map<(h, i, j, k) -> (h, i, j)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<?x4x64xf32>, tensor<4x64x48xf32>) outs(%init : tensor<4x?x48xf32>) {
  ^bb0(%x: f32, %y: f32, %sum: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x?x48xf32>
  return %r : tensor<4x?x48xf32>
}

// -----

// CHECK-LABEL: func @not_worth_it
func.func @not_worth_it(%a: tensor<8x32xf32>, %b: tensor<32x2xf32>, %c: tensor<8x2xf32>, %x: tensor<32xf32>, %d: tensor<32x64xf32>,
                        %e: tensor<64xf32>, %f: tensor<8x32xf64>, %g: tensor<32x16xf64>, %h: tensor<8x16xf64>)
    -> (tensor<8x2xf32>, tensor<64xf32>, tensor<8x16xf64>) {
  // CHECK-NOT: heed.matmul
  // REMARK-DAG: [Missed] {{.*}}contraction is not packed: it has only 2 columns
  // REMARK-DAG: [Missed] {{.*}}contraction is not packed: with 1 rows, packing in every run costs more than it saves
  // REMARK-DAG: [Missed] {{.*}}contraction is not packed: only f32 is packed
  %r = linalg.matmul ins(%a, %b : tensor<8x32xf32>, tensor<32x2xf32>) outs(%c : tensor<8x2xf32>) -> tensor<8x2xf32>
  %s = linalg.vecmat ins(%x, %d : tensor<32xf32>, tensor<32x64xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
  %t = linalg.matmul ins(%f, %g : tensor<8x32xf64>, tensor<32x16xf64>) outs(%h : tensor<8x16xf64>) -> tensor<8x16xf64>
  return %r, %s, %t : tensor<8x2xf32>, tensor<64xf32>, tensor<8x16xf64>
}

// -----

// A small left side is read as it lies, and the product begins with what it is added to.
// CHECK-LABEL: func @updates
func.func @updates(%k: tensor<16x32xf32>, %v: tensor<16x64xf32>, %n: index) -> tensor<32x64xf32> {
  // CHECK: scf.for {{.*}} iter_args(%[[S:.*]] = %{{.*}}) -> (tensor<32x64xf32>) {
  // CHECK-NOT: linalg
  // CHECK: %[[R:.*]] = heed.matmul transposed accumulate ins(%{{.*}} : tensor<16x32xf32>, tensor<4x16x16xf32>) outs(%[[S]] : tensor<32x64xf32>)
  // CHECK-NOT: linalg
  // CHECK: scf.yield %[[R]]
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %empty = tensor.empty() : tensor<32x64xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<32x64xf32>) -> tensor<32x64xf32>
  %all = scf.for %t = %c0 to %n step %c1 iter_args(%s = %zeros) -> (tensor<32x64xf32>) {
    %w = linalg.generic {indexing_maps = [affine_map<(a, e, j) -> (j, a)>, affine_map<(a, e, j) -> (j, e)>, affine_map<(a, e, j) -> (a, e)>],
                         iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%k, %v : tensor<16x32xf32>, tensor<16x64xf32>) outs(%zeros : tensor<32x64xf32>) {
    ^bb0(%x: f32, %y: f32, %sum: f32):
      %p = arith.mulf %x, %y : f32
      %r = arith.addf %sum, %p : f32
      linalg.yield %r : f32
    } -> tensor<32x64xf32>
    %next = linalg.generic {indexing_maps = [affine_map<(a, e) -> (a, e)>, affine_map<(a, e) -> (a, e)>, affine_map<(a, e) -> (a, e)>],
                            iterator_types = ["parallel", "parallel"]}
        ins(%s, %w : tensor<32x64xf32>, tensor<32x64xf32>) outs(%empty : tensor<32x64xf32>) {
    ^bb0(%x: f32, %y: f32, %out: f32):
      %r = arith.addf %x, %y : f32
      linalg.yield %r : f32
    } -> tensor<32x64xf32>
    scf.yield %next : tensor<32x64xf32>
  }
  return %all : tensor<32x64xf32>
}

// -----

// What is added is used again: adding in place would need a copy first.
// CHECK-LABEL: func @kept
func.func @kept(%a: tensor<8x32xf32>, %b: tensor<32x16xf32>, %c: tensor<8x16xf32>) -> (tensor<8x16xf32>, tensor<8x16xf32>) {
  // CHECK: heed.matmul ins
  // CHECK: linalg.generic
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8x16xf32>
  %x = linalg.exp ins(%c : tensor<8x16xf32>) outs(%empty : tensor<8x16xf32>) -> tensor<8x16xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x16xf32>) -> tensor<8x16xf32>
  %w = linalg.matmul ins(%a, %b : tensor<8x32xf32>, tensor<32x16xf32>) outs(%zeros : tensor<8x16xf32>) -> tensor<8x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %w : tensor<8x16xf32>, tensor<8x16xf32>) outs(%empty : tensor<8x16xf32>) {
  ^bb0(%s: f32, %t: f32, %out: f32):
    %u = arith.addf %s, %t : f32
    linalg.yield %u : f32
  } -> tensor<8x16xf32>
  return %r, %x : tensor<8x16xf32>, tensor<8x16xf32>
}
