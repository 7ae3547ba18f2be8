// RUN: heed-opt %s --heed-scan-to-scf | FileCheck %s
// Recurrences become loops: scf.for, counted down when backward, and scf.while with `until`.

// CHECK-DAG: #[[$DOWN:.*]] = affine_map<(d0, d1) -> (d0 - d1 - 1)>
// CHECK-LABEL: func @forward(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: f32
// CHECK: %[[R:.*]] = scf.for %{{.*}} = %c0{{.*}} to %[[N]] step %c1{{.*}} iter_args(%[[S:.*]] = %[[X]]) -> (f32) {
// CHECK-NEXT: %[[NEW:.*]] = arith.addf %[[S]], %[[S]]
// CHECK-NEXT: scf.yield %[[NEW]]
// CHECK: return %[[R]]
func.func @forward(%n: index, %x: f32) -> f32 {
  %r = heed.scan (%n) states(%x : f32) body (%t, %s: f32) {
    %new = arith.addf %s, %s : f32
    heed.yield %new : f32
  } -> f32
  return %r : f32
}

// CHECK-LABEL: func @backward(
// CHECK-SAME: %[[N:[a-z0-9]+]]: index
// CHECK: scf.for %[[K:[a-z0-9]+]] =
// CHECK-NEXT: %[[T:.*]] = affine.apply #[[$DOWN]](%[[N]], %[[K]])
// CHECK-NEXT: arith.addi %{{.*}}, %[[T]]
func.func @backward(%n: index, %x: index) -> index {
  %r = heed.scan (%n) backward states(%x : index) body (%t, %s: index) {
    %new = arith.addi %s, %t : index
    heed.yield %new : index
  } -> index
  return %r : index
}

// CHECK-LABEL: func @until(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: index
// CHECK: %[[R:.*]]:3 = scf.while (%{{.*}} = %[[X]], %[[TAKEN:.*]] = %c0{{.*}}, %[[STOP:.*]] = %false)
// CHECK-DAG: %[[MORE:.*]] = arith.cmpi slt, %[[TAKEN]], %[[N]]
// CHECK-DAG: %[[RUNNING:.*]] = arith.xori %[[STOP]], %true
// CHECK: %[[ENTER:.*]] = arith.andi %[[MORE]], %[[RUNNING]]
// CHECK: scf.condition(%[[ENTER]])
// CHECK: ^bb0(%[[S:.*]]: index, %[[T:.*]]: index, %{{.*}}: i1):
// CHECK: %[[END:.*]] = arith.cmpi eq, %[[T]], %c3
// CHECK: %[[NEXT:.*]] = arith.addi %[[T]], %c1
// CHECK: scf.yield %{{.*}}, %[[NEXT]], %[[END]]
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @until(%n: index, %x: index) -> (index, index) {
  %c3 = arith.constant 3 : index
  %r, %taken = heed.scan (%n) states(%x : index) body (%t, %s: index) {
    %new = arith.addi %s, %t : index
    %end = arith.cmpi eq, %t, %c3 : index
    heed.yield %new : index until %end
  } -> index until
  return %r, %taken : index, index
}

// What has no state has no order: it is left to passes that may run its elements side by side.
// CHECK-LABEL: func @elements(
// CHECK-NOT: scf.
// CHECK: heed.define
func.func @elements(%n: index, %x: tensor<?xf32>) -> tensor<?xf32> {
  %y = heed.define(%n) value (%i) {
    %e = tensor.extract %x[%i] : tensor<?xf32>
    heed.yield %e : f32
  } : tensor<?xf32>
  return %y : tensor<?xf32>
}
