// RUN: heed-opt %s --heed-separate-reductions | FileCheck %s
// A reduction gets a definition over the indices it depends on; one that stands alone stays.

// The query part of an additive score needs i and c, the key part j and c: neither needs the pair.
// CHECK-LABEL: func @additive(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index, %[[S:.*]]: tensor<?x4xf32>, %[[H:.*]]: tensor<?x4xf32>
// CHECK: %[[A:.*]] = heed.define(%[[N]]) value (%[[I:.*]], %[[C:.*]]) {
// CHECK:   tensor.extract %[[S]][%[[I]],
// CHECK: } : tensor<?x8xf32>
// CHECK: %[[B:.*]] = heed.define(%[[M]]) value (%[[J:.*]], %[[C:.*]]) {
// CHECK:   tensor.extract %[[H]][%[[J]],
// CHECK: } : tensor<?x8xf32>
// CHECK: heed.define(%[[N]], %[[M]]) value (%[[I:.*]], %[[J:.*]]) {
// CHECK-NEXT: %[[R:.*]] = heed.reduce sum({{.*}}) value (%[[C:.*]]) {
// CHECK: tensor.extract %[[A]][%[[I]], %[[C]]]
// CHECK: tensor.extract %[[B]][%[[J]], %[[C]]]
// CHECK: heed.yield %[[R]]
func.func @additive(%n: index, %m: index, %s: tensor<?x4xf32>, %h: tensor<?x4xf32>, %wa: tensor<4x8xf32>,
                    %ua: tensor<4x8xf32>, %va: tensor<8xf32>) -> tensor<?x?xf32> {
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %e = heed.define(%n, %m) value (%i, %j) {
    %r = heed.reduce sum(%c8) value (%c) {
      %a = heed.reduce sum(%c4) value (%p) {
        %0 = tensor.extract %s[%i, %p] : tensor<?x4xf32>
        %1 = tensor.extract %wa[%p, %c] : tensor<4x8xf32>
        %2 = arith.mulf %0, %1 : f32
        heed.yield %2 : f32
      } : f32
      %b = heed.reduce sum(%c4) value (%p) {
        %0 = tensor.extract %h[%j, %p] : tensor<?x4xf32>
        %1 = tensor.extract %ua[%p, %c] : tensor<4x8xf32>
        %2 = arith.mulf %0, %1 : f32
        heed.yield %2 : f32
      } : f32
      %sum = arith.addf %a, %b : f32
      %t = math.tanh %sum : f32
      %v = tensor.extract %va[%c] : tensor<8xf32>
      %p = arith.mulf %v, %t : f32
      heed.yield %p : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x?xf32>
  return %e : tensor<?x?xf32>
}

// The row maximum keeps the condition on i alone, and not the one on the pair.
// CHECK-LABEL: func @domain(
// CHECK: heed.define(%{{.*}}) where (%[[I:.*]]) {
// CHECK-NEXT: %[[C:.*]] = arith.cmpi sgt, %[[I]]
// CHECK-NEXT: heed.yield %[[C]]
// CHECK-NEXT: } value (%{{.*}}) {
// CHECK-NEXT: heed.reduce max
// CHECK: heed.define(%{{.*}}) where (%{{.*}}, %{{.*}}) {
func.func @domain(%n: index, %x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %e = heed.define(%n, %n) where (%i, %j) {
    %a = arith.cmpi sgt, %i, %c0 : index
    %b = arith.cmpi sle, %j, %i : index
    %c = arith.andi %a, %b : i1
    heed.yield %c : i1
  } value (%i, %j) {
    %m = heed.reduce max(%n) value (%k) {
      %0 = tensor.extract %x[%i, %k] : tensor<?x?xf32>
      heed.yield %0 : f32
    } : f32
    %0 = tensor.extract %x[%i, %j] : tensor<?x?xf32>
    %1 = arith.subf %0, %m : f32
    heed.yield %1 : f32
  } : tensor<?x?xf32>
  return %e : tensor<?x?xf32>
}

// CHECK-LABEL: func @alone(
// CHECK: heed.define
// CHECK: heed.reduce
// CHECK-NOT: heed.define
func.func @alone(%n: index, %x: tensor<?x8xf32>) -> tensor<?xf32> {
  %c8 = arith.constant 8 : index
  %e = heed.define(%n) value (%i) {
    %m = heed.reduce max(%c8) value (%k) {
      %0 = tensor.extract %x[%i, %k] : tensor<?x8xf32>
      heed.yield %0 : f32
    } : f32
    heed.yield %m : f32
  } : tensor<?xf32>
  return %e : tensor<?xf32>
}
