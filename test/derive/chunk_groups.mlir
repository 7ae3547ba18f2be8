// RUN: heed-opt %s --heed-chunk-causal --split-input-file | FileCheck %s
// Causal sums over the same rows share their chunks, with what feeds them and what needs their rows; else each has its own.

// A quotient of two sums of features: nothing of n rows is stored but the result.
// CHECK-LABEL: func @quotient
// CHECK: scf.forall
// CHECK-NOT: scf.forall
// CHECK: heed.scan ({{.*}}) states({{.*}} : tensor<?x64xf32>, tensor<64xf32>, tensor<64x64xf32>)
// The features of the chunk, then its denominators row by row
// CHECK: math.exp
// CHECK: } : tensor<32x64xf32>
// CHECK: heed.scan (%c32{{.*}}) states({{.*}} : tensor<32xf32>, tensor<64xf32>)
// CHECK: arith.divf
// CHECK: } : tensor<32x64xf32>
// CHECK: heed.yield
// CHECK-NOT: tensor<4x?xf32>
// CHECK: return
func.func @quotient(%n: index, %q: tensor<4x?x64xf32>, %k: tensor<4x?x64xf32>, %v: tensor<4x?x64xf32>) -> tensor<4x?x64xf32> {
  %c64 = arith.constant 64 : index
  %f = heed.define(%n) value (%h, %j, %c) {
    %a = tensor.extract %k[%h, %j, %c] : tensor<4x?x64xf32>
    %x = math.exp %a : f32
    heed.yield %x : f32
  } : tensor<4x?x64xf32>
  %w = heed.define(%n, %n) value (%h, %i, %j) {
    %s = heed.reduce sum(%c64) value (%c) {
      %a = tensor.extract %q[%h, %i, %c] : tensor<4x?x64xf32>
      %b = tensor.extract %f[%h, %j, %c] : tensor<4x?x64xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<4x?x?xf32>
  %z = heed.define(%n) value (%h, %i) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%h, %i, %j] : tensor<4x?x?xf32>
      heed.yield %a : f32
    } : f32
    heed.yield %s : f32
  } : tensor<4x?xf32>
  %o = heed.define(%n) value (%h, %i, %e) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%h, %i, %j] : tensor<4x?x?xf32>
      %b = tensor.extract %v[%h, %j, %e] : tensor<4x?x64xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<4x?x64xf32>
  %r = heed.define(%n) value (%h, %i, %e) {
    %a = tensor.extract %o[%h, %i, %e] : tensor<4x?x64xf32>
    %b = tensor.extract %z[%h, %i] : tensor<4x?xf32>
    %x = arith.divf %a, %b : f32
    heed.yield %x : f32
  } : tensor<4x?x64xf32>
  return %r : tensor<4x?x64xf32>
}

// -----

// What reads another row needs both sums as a whole; features that are a result, too, are no part of a chunk.
// CHECK-LABEL: func @other_row
// CHECK: %[[F:.*]] = heed.define
// CHECK: math.exp
// CHECK: %[[SUMS:.*]]:2 = {{.*}}heed.scan
// CHECK-NOT: math.exp
// CHECK: arith.divf
// CHECK: return
func.func @other_row(%n: index, %q: tensor<?x64xf32>, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %c64 = arith.constant 64 : index
  %f = heed.define(%n) value (%j, %c) {
    %a = tensor.extract %k[%j, %c] : tensor<?x64xf32>
    %x = math.exp %a : f32
    heed.yield %x : f32
  } : tensor<?x64xf32>
  %w = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c64) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x64xf32>
      %b = tensor.extract %f[%j, %c] : tensor<?x64xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i, %e) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      %b = tensor.extract %v[%j, %e] : tensor<?x64xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x64xf32>
  %c0 = arith.constant 0 : index
  %r = heed.define(%n) value (%i, %e) {
    %a = tensor.extract %o[%i, %e] : tensor<?x64xf32>
    %b = tensor.extract %o[%c0, %e] : tensor<?x64xf32>
    %x = arith.divf %a, %b : f32
    heed.yield %x : f32
  } : tensor<?x64xf32>
  return %r, %f : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// A sum that needs the other is in chunks of its own, and reads what they have computed.
// CHECK-LABEL: func @dependent
// CHECK: %[[FIRST:.*]]:2 = heed.scan
// CHECK: math.exp
// CHECK: heed.yield %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8x8xf32>
// Rows that are left over
// CHECK: %[[WIDE:.*]]:2 = heed.scan ({{.*}}) states(%[[FIRST]]#0
// CHECK: math.exp
// CHECK: heed.yield
// CHECK: heed.scan
// CHECK-NOT: math.exp
// CHECK: tensor.extract %[[WIDE]]#0
// CHECK: return
func.func @dependent(%n: index, %q: tensor<?x8xf32>, %k: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c8 = arith.constant 8 : index
  %w = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c8) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x8xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x8xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i, %e) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      %b = tensor.extract %k[%j, %e] : tensor<?x8xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x8xf32>
  %wide = heed.define(%n) value (%i, %e) {
    %a = tensor.extract %o[%i, %e] : tensor<?x8xf32>
    %x = math.exp %a : f32
    heed.yield %x : f32
  } : tensor<?x8xf32>
  %u = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c8) value (%c) {
      %a = tensor.extract %wide[%i, %c] : tensor<?x8xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x8xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %p = heed.define(%n) value (%i, %e) {
    %s = heed.reduce sum(%n) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %a = tensor.extract %u[%i, %j] : tensor<?x?xf32>
      %b = tensor.extract %wide[%j, %e] : tensor<?x8xf32>
      %m = arith.mulf %a, %b : f32
      heed.yield %m : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x8xf32>
  return %p : tensor<?x8xf32>
}
