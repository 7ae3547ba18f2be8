// RUN: heed-opt %s --heed-reassociate --split-input-file | FileCheck %s
// Keys and values are summed first where nothing between weights and values depends on a pair.

// CHECK-LABEL: func @linear
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index, %[[Q:.*]]: tensor<?x32xf32>, %[[K:.*]]: tensor<?x32xf32>, %[[V:.*]]: tensor<?x64xf32>
func.func @linear(%n: index, %m: index, %q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c32 = arith.constant 32 : index
  // CHECK: %[[STATE:.*]] = heed.define() value (%[[E:.*]], %[[C:.*]]) {
  // CHECK:   heed.reduce sum(%[[M]]) value (%[[J:.*]]) {
  // CHECK-DAG: tensor.extract %[[K]][%[[J]], %[[C]]]
  // CHECK-DAG: tensor.extract %[[V]][%[[J]], %[[E]]]
  // CHECK: } : tensor<64x32xf32>
  // CHECK: heed.define(%[[N]]) value (%[[I:.*]], %[[F:.*]]) {
  // CHECK:   heed.reduce sum(%c32) value (%[[D:.*]]) {
  // CHECK-DAG: tensor.extract %[[Q]][%[[I]], %[[D]]]
  // CHECK-DAG: tensor.extract %[[STATE]][%[[F]], %[[D]]]
  // CHECK: } : tensor<?x64xf32>
  // CHECK-NOT: heed.define
  %w = heed.define(%n, %m) value (%i, %j) {
    %s = heed.reduce sum(%c32) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x32xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x32xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x?xf32>
  %o = heed.define(%n) value (%i, %e) {
    %s = heed.reduce sum(%m) value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
      %b = tensor.extract %v[%j, %e] : tensor<?x64xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x64xf32>
  return %o : tensor<?x64xf32>
}

// -----

// A causal sum has another set of keys for every query.
// CHECK-LABEL: func @causal
// CHECK-COUNT-2: heed.define
// CHECK: tensor<?x?xf32>
// CHECK-NOT: tensor<64x32xf32>
func.func @causal(%n: index, %q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c32 = arith.constant 32 : index
  %w = heed.define(%n, %n) value (%i, %j) {
    %s = heed.reduce sum(%c32) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x32xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x32xf32>
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
  return %o : tensor<?x64xf32>
}

// -----

// Eight queries and eight keys of width 32: the other order would cost more.
// CHECK-LABEL: func @short
// CHECK: tensor<8x8xf32>
// CHECK-NOT: tensor<64x32xf32>
func.func @short(%q: tensor<8x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x64xf32>) -> tensor<8x64xf32> {
  %c32 = arith.constant 32 : index
  %c8 = arith.constant 8 : index
  %w = heed.define() value (%i, %j) {
    %s = heed.reduce sum(%c32) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<8x32xf32>
      %b = tensor.extract %k[%j, %c] : tensor<8x32xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<8x8xf32>
  %o = heed.define() value (%i, %e) {
    %s = heed.reduce sum(%c8) value (%j) {
      %a = tensor.extract %w[%i, %j] : tensor<8x8xf32>
      %b = tensor.extract %v[%j, %e] : tensor<8x64xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    heed.yield %s : f32
  } : tensor<8x64xf32>
  return %o : tensor<8x64xf32>
}
