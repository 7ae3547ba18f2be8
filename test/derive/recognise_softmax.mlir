// RUN: heed-opt %s --heed-recognise-softmax --split-input-file | FileCheck %s

// CHECK-LABEL: func @written_out
// CHECK: heed.softmax axis = 1(%{{.*}}, %{{.*}}) where (%[[I:.*]], %[[J:.*]]) {
// CHECK:   arith.cmpi sle, %[[J]], %[[I]]
// CHECK: } value
// CHECK-NOT: math.exp
// CHECK: return
func.func @written_out(%n: index, %s: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %t = heed.define(%n) value (%i) {
    %r = heed.reduce sum(%n) where (%k) {
      %c = arith.cmpi sle, %k, %i : index
      heed.yield %c : i1
    } value (%k) {
      %a = tensor.extract %s[%i, %k] : tensor<?x?xf32>
      %e = math.exp %a : f32
      heed.yield %e : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?xf32>
  %w = heed.define(%n, %n) where (%i, %j) {
    %c = arith.cmpi sle, %j, %i : index
    heed.yield %c : i1
  } value (%i, %j) {
    %a = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    %e = math.exp %a : f32
    %b = tensor.extract %t[%i] : tensor<?xf32>
    %q = arith.divf %e, %b : f32
    heed.yield %q : f32
  } : tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}

// -----

// The sum runs over more than the weights: they do not add up to one.
// CHECK-LABEL: func @other_domain
// CHECK-NOT: heed.softmax
func.func @other_domain(%n: index, %s: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %t = heed.define(%n) value (%i) {
    %r = heed.reduce sum(%n) value (%k) {
      %a = tensor.extract %s[%i, %k] : tensor<?x?xf32>
      %e = math.exp %a : f32
      heed.yield %e : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?xf32>
  %w = heed.define(%n, %n) where (%i, %j) {
    %c = arith.cmpi sle, %j, %i : index
    heed.yield %c : i1
  } value (%i, %j) {
    %a = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    %e = math.exp %a : f32
    %b = tensor.extract %t[%i] : tensor<?xf32>
    %q = arith.divf %e, %b : f32
    heed.yield %q : f32
  } : tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}

// -----

// Another score: negative scores are not the scores.
// CHECK-LABEL: func @other_score
// CHECK-NOT: heed.softmax
func.func @other_score(%n: index, %s: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %t = heed.define(%n) value (%i) {
    %r = heed.reduce sum(%n) value (%k) {
      %a = tensor.extract %s[%i, %k] : tensor<?x?xf32>
      %m = arith.negf %a : f32
      %e = math.exp %m : f32
      heed.yield %e : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?xf32>
  %w = heed.define(%n, %n) value (%i, %j) {
    %a = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    %e = math.exp %a : f32
    %b = tensor.extract %t[%i] : tensor<?xf32>
    %q = arith.divf %e, %b : f32
    heed.yield %q : f32
  } : tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}

// -----

// A sink in the divisor is the rest of the softmax; the maximum that both lose is left out.
// CHECK-LABEL: func @sink(
// CHECK-SAME: %[[R:[a-z0-9]+]]: tensor<?xf32>
// CHECK: heed.softmax axis = 1(%{{.*}}, %{{.*}}) value (%[[I:.*]], %[[J:.*]]) {
// CHECK-NOT: math.exp
// CHECK: } rest (%[[I:.*]]) {
// CHECK: tensor.extract %[[R]][%[[I]]]
// CHECK-NOT: math.exp
// CHECK: return
// CHECK-NOT: heed.reduce max
func.func @sink(%n: index, %s: tensor<?x?xf32>, %r: tensor<?xf32>) -> tensor<?x?xf32> {
  %max = heed.define(%n) value (%i) {
    %m = heed.reduce max(%n) value (%k) {
      %a = tensor.extract %s[%i, %k] : tensor<?x?xf32>
      heed.yield %a : f32
    } : f32
    heed.yield %m : f32
  } : tensor<?xf32>
  %t = heed.define(%n) value (%i) {
    %x = heed.reduce sum(%n) value (%k) {
      %a = tensor.extract %s[%i, %k] : tensor<?x?xf32>
      %m = tensor.extract %max[%i] : tensor<?xf32>
      %d = arith.subf %a, %m : f32
      %e = math.exp %d : f32
      heed.yield %e : f32
    } : f32
    heed.yield %x : f32
  } : tensor<?xf32>
  %w = heed.define(%n, %n) value (%i, %j) {
    %a = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    %m = tensor.extract %max[%i] : tensor<?xf32>
    %d = arith.subf %a, %m : f32
    %e = math.exp %d : f32
    %c = tensor.extract %r[%i] : tensor<?xf32>
    %f = arith.subf %c, %m : f32
    %g = math.exp %f : f32
    %b = tensor.extract %t[%i] : tensor<?xf32>
    %h = arith.addf %g, %b : f32
    %q = arith.divf %e, %h : f32
    heed.yield %q : f32
  } : tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}

// -----

// Exponentials times values over the exponentials: the quotient moves into the sum.
// CHECK-LABEL: func @quotient_of_sums(
// CHECK: %[[W:.*]] = heed.softmax axis = 1
// CHECK: heed.define(%{{.*}}) value (%[[I:.*]], %{{.*}}) {
// CHECK: heed.reduce sum(%{{.*}}) value (%[[J:.*]]) {
// CHECK: tensor.extract %[[W]][%[[I]], %[[J]]]
// CHECK-NOT: arith.divf
// CHECK: return
func.func @quotient_of_sums(%n: index, %s: tensor<?x?xf32>, %v: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %e = heed.define(%n, %n) value (%i, %j) {
    %a = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    %b = math.exp %a : f32
    heed.yield %b : f32
  } : tensor<?x?xf32>
  %t = heed.define(%n) value (%i) {
    %x = heed.reduce sum(%n) value (%k) {
      %a = tensor.extract %e[%i, %k] : tensor<?x?xf32>
      heed.yield %a : f32
    } : f32
    heed.yield %x : f32
  } : tensor<?xf32>
  %p = heed.define(%n) value (%i, %c) {
    %x = heed.reduce sum(%n) value (%k) {
      %a = tensor.extract %e[%i, %k] : tensor<?x?xf32>
      %b = tensor.extract %v[%k, %c] : tensor<?x8xf32>
      %m = arith.mulf %a, %b : f32
      heed.yield %m : f32
    } : f32
    heed.yield %x : f32
  } : tensor<?x8xf32>
  %o = heed.define(%n) value (%i, %c) {
    %a = tensor.extract %p[%i, %c] : tensor<?x8xf32>
    %b = tensor.extract %t[%i] : tensor<?xf32>
    %q = arith.divf %a, %b : f32
    heed.yield %q : f32
  } : tensor<?x8xf32>
  return %o : tensor<?x8xf32>
}

// -----

// A rest that may be negative has no logarithm.
// CHECK-LABEL: func @rest_of_any_sign(
// CHECK-NOT: heed.softmax
// CHECK: return
func.func @rest_of_any_sign(%n: index, %s: tensor<?x?xf32>, %r: tensor<?xf32>) -> tensor<?x?xf32> {
  %t = heed.define(%n) value (%i) {
    %x = heed.reduce sum(%n) value (%k) {
      %a = tensor.extract %s[%i, %k] : tensor<?x?xf32>
      %e = math.exp %a : f32
      heed.yield %e : f32
    } : f32
    heed.yield %x : f32
  } : tensor<?xf32>
  %w = heed.define(%n, %n) value (%i, %j) {
    %a = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    %e = math.exp %a : f32
    %c = tensor.extract %r[%i] : tensor<?xf32>
    %b = tensor.extract %t[%i] : tensor<?xf32>
    %h = arith.addf %c, %b : f32
    %q = arith.divf %e, %h : f32
    heed.yield %q : f32
  } : tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}
