// RUN: heed-opt %s -split-input-file -heed-linalg-to-vector-loops | FileCheck %s
// RUN: heed-opt %s -split-input-file -heed-linalg-to-vector-loops --remarks-filter=heed-vector 2>&1 | FileCheck %s --check-prefix=REMARK

// Whole vectors, then one masked step, so that any size runs.
// REMARK: 8 lanes along dimension 0
// CHECK-LABEL: func @elementwise(
// CHECK: scf.for
// CHECK: vector.load %{{.*}} : memref<?xf32>, vector<8xf32>
// CHECK: arith.addf %{{.*}} : vector<8xf32>
// CHECK: vector.store
// CHECK: scf.if
// CHECK: %[[MASK:.*]] = vector.create_mask
// CHECK: vector.maskedload %{{.*}}, %[[MASK]]
// CHECK: vector.maskedstore %{{.*}}, %[[MASK]]
func.func @elementwise(%x: memref<?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  }
  return
}

// -----

// A row-vector product runs over the columns: eight vectors of the result stay in registers while k advances.
// REMARK: 8 lanes along dimension 0
// CHECK-LABEL: func @row_times_matrix(
// CHECK: %[[ACC:.*]]:8 = scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK: memref.load %{{.*}} : memref<?xf32>
// CHECK: vector.load %{{.*}} : memref<?x128xf32>, vector<8xf32>
// CHECK: vector.store %[[ACC]]#0
// CHECK-NOT: vector.maskedload
func.func @row_times_matrix(%x: memref<?xf32>, %w: memref<?x128xf32>, %y: memref<128xf32>) {
  linalg.generic {indexing_maps = [affine_map<(j, k) -> (k)>, affine_map<(j, k) -> (k, j)>, affine_map<(j, k) -> (j)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : memref<?xf32>, memref<?x128xf32>) outs(%y : memref<128xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  }
  return
}

// -----

// Along the reduced dimension there are several accumulators; halves are added until one element is left.
// REMARK: 8 lanes along dimension 1, reduced
// CHECK-LABEL: func @row_sums(
// CHECK: scf.for
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK: arith.select %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK: vector.shuffle %{{.*}} [0, 1, 2, 3]
// CHECK: memref.store
func.func @row_sums(%x: memref<?x?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %b, %a : f32
    linalg.yield %s : f32
  }
  return
}

// -----

// Table rows are read as vectors; a read behind a varying condition is masked by it.
// CHECK-LABEL: func @reads(
// CHECK: vector.load %{{.*}} : memref<10x16xf32>, vector<8xf32>
// CHECK: %[[POSITIVE:.*]] = arith.cmpi sgt
// CHECK: vector.maskedload %{{.*}}, %[[POSITIVE]]
// CHECK: arith.select %[[POSITIVE]]
func.func @reads(%ids: memref<?xindex>, %table: memref<10x16xf32>, %left: memref<16xf32>, %y: memref<?x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%ids : memref<?xindex>) outs(%y : memref<?x16xf32>) {
  ^bb0(%id: index, %out: f32):
    %j = linalg.index 1 : index
    %row = memref.load %table[%id, %j] : memref<10x16xf32>
    %some = arith.cmpi sgt, %j, %c0 : index
    %before = scf.if %some -> f32 {
      %k = arith.subi %j, %c1 : index
      %e = memref.load %left[%k] : memref<16xf32>
      scf.yield %e : f32
    } else {
      scf.yield %row : f32
    }
    linalg.yield %before : f32
  }
  return
}

// -----

// A loop in the body has no vector form: scalar loops, and the reason.
// REMARK: 'scf.for' has no vector form
// CHECK-LABEL: func @loop_in_body(
// CHECK-NOT: vector<
// CHECK: scf.for
// CHECK: scf.for
// CHECK: memref.store
func.func @loop_in_body(%n: index, %x: memref<?xf32>, %y: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = scf.for %k = %c0 to %n step %c1 iter_args(%acc = %a) -> f32 {
      %next = arith.addf %acc, %a : f32
      scf.yield %next : f32
    }
    linalg.yield %s : f32
  }
  return
}
