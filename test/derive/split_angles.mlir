// RUN: heed-opt %s --heed-split-angles --split-input-file | FileCheck %s
// RUN: heed-opt %s --heed-split-angles --split-input-file --remarks-filter=derive 2>&1 | FileCheck %s --check-prefix=REMARK
// The cosine of an angle between row and column becomes a part of their product; other angles stay.

// CHECK-LABEL: func @positions
// REMARK: [Passed] SplitAngles{{.*}}one product of {{.*}}16
func.func @positions(%n: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %v: tensor<?x4xf32>, %scale: tensor<f32>) -> tensor<?x4xf32> {
  // The row's turn: cos a and -sin a, once for each row
  // CHECK: %[[C:.*]] = heed.define(%{{.*}}) value (%[[I:.*]]) {
  // CHECK: %[[A:.*]] = arith.mulf
  // CHECK: math.cos %[[A]]
  // CHECK: } : tensor<?xf32>
  // CHECK: math.sin
  // CHECK-NEXT: arith.negf
  // CHECK: } : tensor<?xf32>
  // CHECK: %[[Q:.*]] = heed.define(%{{.*}}) value (%{{.*}}, %{{.*}}) {
  // CHECK: } : tensor<?x16xf32>
  // CHECK: %[[K:.*]] = heed.define(%{{.*}}) value (%{{.*}}, %{{.*}}) {
  // CHECK: } : tensor<?x16xf32>
  // CHECK: heed.reduce sum(%c16)
  // CHECK: tensor.extract %[[Q]]
  // CHECK: tensor.extract %[[K]]
  // CHECK: } : tensor<?x?xf32>
  // CHECK-NOT: math.cos
  // CHECK: return
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
    %between = arith.subi %i, %j : index
    %x = arith.index_cast %between : index to i32
    %f = arith.sitofp %x : i32 to f32
    %by = tensor.extract %scale[] : tensor<f32>
    %angle = arith.mulf %f, %by : f32
    %cos = math.cos %angle : f32
    %p = arith.mulf %s, %cos : f32
    heed.yield %p : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i, %e) {
    %s = heed.reduce sum(%n) value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      %b = tensor.extract %v[%j, %e] : tensor<?x4xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

// The square of a difference is no sum of a part of the row and one of the column.
// CHECK-LABEL: func @square
// CHECK: math.cos
// CHECK-NOT: tensor<?x16xf32>
// CHECK: return
func.func @square(%n: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %v: tensor<?x4xf32>, %g: tensor<?xf32>) -> tensor<?x4xf32> {
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
    %angle = arith.mulf %between, %between : f32
    %cos = math.cos %angle : f32
    %p = arith.mulf %s, %cos : f32
    heed.yield %p : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i, %e) {
    %s = heed.reduce sum(%n) value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      %b = tensor.extract %v[%j, %e] : tensor<?x4xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

// Weights that are a result are computed as they stand.
// CHECK-LABEL: func @returned
// CHECK: math.sin
// CHECK-NOT: tensor<?x16xf32>
// CHECK: return
func.func @returned(%n: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %g: tensor<?xf32>) -> tensor<?x?xf32> {
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
    %sin = math.sin %between : f32
    %p = arith.mulf %s, %sin : f32
    heed.yield %p : f32
  } : tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}
