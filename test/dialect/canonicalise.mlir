// RUN: heed-opt %s --canonicalize | FileCheck %s
// Domains that say nothing go; reductions over nothing, checks that cannot fail and scans without steps fold.

// CHECK-LABEL: func @true_domain(
// CHECK: heed.define(%{{.*}}) value
func.func @true_domain(%n: index, %x: f32) -> tensor<?xf32> {
  %true = arith.constant true
  %r = heed.define(%n) where (%i) {
    heed.yield %true : i1
  } value (%i) {
    heed.yield %x : f32
  } : tensor<?xf32>
  return %r : tensor<?xf32>
}

// A domain that may exclude something stays.
// CHECK-LABEL: func @restricted_domain(
// CHECK: heed.define(%{{.*}}) where
func.func @restricted_domain(%n: index, %x: f32, %c: i1) -> tensor<?xf32> {
  %r = heed.define(%n) where (%i) {
    heed.yield %c : i1
  } value (%i) {
    heed.yield %x : f32
  } : tensor<?xf32>
  return %r : tensor<?xf32>
}

// CHECK-LABEL: func @constant_size(
// CHECK: %[[R:.*]] = heed.define() value
// CHECK: } : tensor<5xf32>
// CHECK: tensor.cast %[[R]] : tensor<5xf32> to tensor<?xf32>
func.func @constant_size(%x: f32) -> tensor<?xf32> {
  %c5 = arith.constant 5 : index
  %r = heed.define(%c5) value (%i) {
    heed.yield %x : f32
  } : tensor<?xf32>
  return %r : tensor<?xf32>
}

// CHECK-LABEL: func @empty_reduce(
// CHECK-DAG: %[[MAX:.*]] = arith.constant 0xFF800000 : f32
// CHECK-DAG: %[[SUM:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: return %[[MAX]], %[[SUM]]
func.func @empty_reduce(%n: index, %x: f32) -> (f32, f32) {
  %c0 = arith.constant 0 : index
  %false = arith.constant false
  %max = heed.reduce max(%n, %c0) value (%i, %j) {
    heed.yield %x : f32
  } : f32
  %sum = heed.reduce sum(%n) where (%i) {
    heed.yield %false : i1
  } value (%i) {
    heed.yield %x : f32
  } : f32
  return %max, %sum : f32, f32
}

// CHECK-LABEL: func @reduce_stays(
// CHECK: heed.reduce sum
func.func @reduce_stays(%n: index, %x: f32) -> f32 {
  %sum = heed.reduce sum(%n) value (%i) {
    heed.yield %x : f32
  } : f32
  return %sum : f32
}

// CHECK-LABEL: func @true_check(
// CHECK-SAME: %[[S:[a-z0-9]+]]: i32
// CHECK-NEXT: return %[[S]]
func.func @true_check(%s: i32, %n: index) -> i32 {
  %true = arith.constant true
  %r = heed.check "never" index = 0 after %s(%n) value (%i) {
    heed.yield %true : i1
  }
  return %r : i32
}

// CHECK-LABEL: func @no_steps(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4xf32>
// CHECK: return %[[X]]
func.func @no_steps(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %r = heed.scan (%c0) states(%x : tensor<4xf32>) body (%t, %s: tensor<4xf32>) {
    heed.yield %s : tensor<4xf32>
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: func @steps(
// CHECK: heed.scan
func.func @steps(%x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %r = heed.scan (%n) states(%x : tensor<4xf32>) body (%t, %s: tensor<4xf32>) {
    heed.yield %s : tensor<4xf32>
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// Counting a whole range is a product of sizes; counting a part of it needs the loop.
// CHECK-LABEL: func @count(
// CHECK-SAME: %[[N:[a-z0-9]+]]: index, %[[M:[a-z0-9]+]]: index
// CHECK: %[[ALL:.*]] = arith.muli %[[N]], %[[M]] : index
// CHECK: %[[SOME:.*]] = heed.reduce sum
// CHECK: return %[[ALL]], %[[SOME]]
func.func @count(%n: index, %m: index) -> (index, index) {
  %c1 = arith.constant 1 : index
  %all = heed.reduce sum(%n, %m) value (%i, %j) {
    heed.yield %c1 : index
  } : index
  %some = heed.reduce sum(%n, %m) where (%i, %j) {
    %c = arith.cmpi sle, %j, %i : index
    heed.yield %c : i1
  } value (%i, %j) {
    heed.yield %c1 : index
  } : index
  return %all, %some : index, index
}
