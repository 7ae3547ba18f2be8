// RUN: heed-opt %s --heed-chunk-causal --split-input-file | FileCheck %s
// RUN: heed-opt %s --heed-chunk-causal --split-input-file --remarks-filter=derive 2>&1 | FileCheck %s --check-prefix=REMARK
// Rows in chunks, a state for the keys before a chunk; what does not split stays as it is.

// CHECK-LABEL: func @linear
// CHECK-SAME: %[[N:.*]]: index, %[[Q:.*]]: tensor<4x?x64xf32>, %[[K:.*]]: tensor<4x?x64xf32>, %[[V:.*]]: tensor<4x?x32xf32>
// REMARK: [Passed] ChunkCausal{{.*}}chunks of 32 rows and a state of all keys before them
func.func @linear(%n: index, %q: tensor<4x?x64xf32>, %k: tensor<4x?x64xf32>, %v: tensor<4x?x32xf32>) -> tensor<4x?x32xf32> {
  // Heads are independent.
  // CHECK: scf.forall (%[[H:.*]]) in (4)
  // CHECK: %[[ALL:.*]]:2 = heed.scan ({{.*}}) states({{.*}} : tensor<?x32xf32>, tensor<64x32xf32>) body (%[[T:.*]], %{{.*}}: tensor<?x32xf32>, %[[S:.*]]: tensor<64x32xf32>) {
  // CHECK: %[[BASE:.*]] = affine.apply {{.*}}[%[[T]]]
  // Pairs of a chunk
  // CHECK: %[[OWN:.*]] = heed.define() value (%[[R:.*]], %[[C:.*]]) {
  // CHECK: heed.reduce sum(%c64
  // CHECK: } : tensor<32x32xf32>
  // CHECK: heed.reduce sum({{.*}}) where (%[[J:.*]]) {
  // CHECK-NEXT: arith.cmpi sle, %[[J]]
  // Keys before it
  // CHECK: tensor.extract %[[S]]
  // CHECK: } : tensor<32x32xf32>
  // The next state
  // CHECK: tensor.extract %[[K]]
  // CHECK: tensor.extract %[[V]]
  // CHECK: heed.yield {{.*}} : tensor<?x32xf32>, tensor<64x32xf32>
  // Rows that are left, one at a time: the state takes the key of the row first.
  // CHECK: heed.scan ({{.*}}) states(%[[ALL]]#0, %[[ALL]]#1 : {{.*}}%[[LAST:[^ ]*]]: tensor<64x32xf32>) {
  // CHECK: tensor.extract %[[K]]
  // CHECK: tensor.extract %[[V]]
  // CHECK: tensor.extract %[[LAST]]
  // CHECK: tensor.extract %[[Q]]
  // CHECK: } : tensor<1x32xf32>
  // CHECK: scf.forall.in_parallel
  // CHECK-NOT: tensor<4x?x?xf32>
  // CHECK: return
  %c64 = arith.constant 64 : index
  %w = heed.define(%n, %n) value (%h, %i, %j) {
    %s = heed.reduce sum(%c64) value (%c) {
      %a = tensor.extract %q[%h, %i, %c] : tensor<4x?x64xf32>
      %b = tensor.extract %k[%h, %j, %c] : tensor<4x?x64xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<4x?x?xf32>
  %o = heed.define(%n) value (%h, %i, %e) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%h, %i, %j] : tensor<4x?x?xf32>
      %b = tensor.extract %v[%h, %j, %e] : tensor<4x?x32xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<4x?x32xf32>
  return %o : tensor<4x?x32xf32>
}

// -----

// A denominator has a state of one row of keys, and takes one row at a time.
// CHECK-LABEL: func @denominator
// REMARK: [Passed] ChunkCausal{{.*}}a state of all keys so far
func.func @denominator(%n: index, %q: tensor<?x16xf32>, %k: tensor<?x16xf32>) -> tensor<?xf32> {
  // CHECK: heed.scan (%{{.*}}) states({{.*}} : tensor<?xf32>, tensor<16xf32>)
  // CHECK-NOT: tensor<?x?xf32>
  %c16 = arith.constant 16 : index
  %w = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c16) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x16xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x16xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sge, %i, %j : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      heed.yield %a : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?xf32>
  return %o : tensor<?xf32>
}

// -----

// A decay between row and key is taken from the begin of the chunk to the row, and from the key to the end of the chunk.
// CHECK-LABEL: func @decays
// CHECK-SAME: %[[G:[^:]*]]: tensor<?xf32>)
func.func @decays(%n: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %v: tensor<?x8xf32>, %g: tensor<?xf32>) -> tensor<?x8xf32> {
  // CHECK: heed.scan
  // Never the exponential of one position alone
  // CHECK-NOT: math.exp %extracted
  // CHECK-COUNT-4: math.exp
  // CHECK-NOT: math.exp
  // CHECK: heed.yield {{.*}} : tensor<?x8xf32>, tensor<8x8xf32>
  %c8 = arith.constant 8 : index
  %d = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c8) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x8xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x8xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %w = heed.define(%n, %n) value (%i, %j) {
    %s = tensor.extract %d[%i, %j] : tensor<?x?xf32>
    %a = tensor.extract %g[%i] : tensor<?xf32>
    %b = tensor.extract %g[%j] : tensor<?xf32>
    %between = arith.subf %a, %b : f32
    %decay = math.exp %between : f32
    %p = arith.mulf %s, %decay : f32
    heed.yield %p : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i, %e) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      %b = tensor.extract %v[%j, %e] : tensor<?x8xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

// The square of a distance does not split between rows and keys.
// CHECK-LABEL: func @squares
// CHECK-NOT: heed.scan
// CHECK: return
// REMARK: [Missed] ChunkCausal{{.*}}a factor of the weights does not split between rows and keys
func.func @squares(%n: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %v: tensor<?x8xf32>, %g: tensor<?xf32>) -> tensor<?x8xf32> {
  %c8 = arith.constant 8 : index
  %d = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c8) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x8xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x8xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %w = heed.define(%n, %n) value (%i, %j) {
    %s = tensor.extract %d[%i, %j] : tensor<?x?xf32>
    %a = tensor.extract %g[%i] : tensor<?xf32>
    %b = tensor.extract %g[%j] : tensor<?xf32>
    %between = arith.subf %a, %b : f32
    %square = arith.mulf %between, %between : f32
    %decay = math.exp %square : f32
    %p = arith.mulf %s, %decay : f32
    heed.yield %p : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i, %e) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      %b = tensor.extract %v[%j, %e] : tensor<?x8xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

// The last row would see one key more than there is; only the domain of the sum says that it does not.
// CHECK-LABEL: func @beyond
// CHECK-NOT: heed.scan
// CHECK: return
// REMARK: [Missed] ChunkCausal{{.*}}rows may see more keys than there are
func.func @beyond(%n: index, %q: tensor<?x16xf32>, %k: tensor<?x16xf32>) -> tensor<?xf32> {
  %c16 = arith.constant 16 : index
  %c1 = arith.constant 1 : index
  %w = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c16) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x16xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x16xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i) {
    %s = heed.reduce sum(%n) where (%j) {
      %next = arith.addi %i, %c1 : index
      %c = arith.cmpi sle, %j, %next : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      heed.yield %a : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?xf32>
  return %o : tensor<?xf32>
}

// -----

// A window is no prefix.
// CHECK-LABEL: func @window
// CHECK-NOT: heed.scan
// CHECK: return
func.func @window(%n: index, %q: tensor<?x16xf32>, %k: tensor<?x16xf32>) -> tensor<?xf32> {
  %c16 = arith.constant 16 : index
  %w = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c16) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x16xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x16xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i) {
    %s = heed.reduce sum(%n) where (%j) {
      %seen = arith.cmpi sle, %j, %i : index
      %distance = arith.subi %i, %j : index
      %near = arith.cmpi slt, %distance, %c16 : index
      %c = arith.andi %seen, %near : i1
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      heed.yield %a : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?xf32>
  return %o : tensor<?xf32>
}
