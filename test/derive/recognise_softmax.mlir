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
