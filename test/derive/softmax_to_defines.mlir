// RUN: heed-opt %s --heed-softmax-to-defines | FileCheck %s
// Softmax becomes row maximum, exponentials, row sum and quotient; what is outside the domain is 0 before it is summed.

// A plain read is not stored a second time.
// CHECK-LABEL: func @masked(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: tensor<?x?xf32>
// CHECK: %[[MAX:.*]] = heed.define(%[[N]]) value (%[[I:.*]]) {
// CHECK-NEXT: heed.reduce max(%[[N]]) where (%[[J:.*]]) {
// CHECK-NEXT: arith.cmpi sle, %[[J]], %[[I]]
// CHECK: } value (%[[J:.*]]) {
// CHECK-NEXT: tensor.extract %[[X]][%[[I]], %[[J]]]
// CHECK: %[[EXP:.*]] = heed.define(%[[N]], %[[N]]) value (%[[I:.*]], %[[J:.*]]) {
// CHECK: tensor.extract %[[MAX]][%[[I]]]
// CHECK: %[[E:.*]] = math.exp
// CHECK: %[[IN:.*]] = arith.cmpi sle, %[[J]], %[[I]]
// CHECK: arith.select %[[IN]], %[[E]], %cst
// CHECK: %[[SUM:.*]] = heed.define(%[[N]]) value (%{{.*}}) {
// CHECK-NEXT: heed.reduce sum(%[[N]]) value (%{{.*}}) {
// CHECK-NEXT: tensor.extract %[[EXP]]
// CHECK: heed.define(%[[N]], %[[N]]) value (%[[I:.*]], %[[J:.*]]) {
// CHECK-DAG: tensor.extract %[[EXP]][%[[I]], %[[J]]]
// CHECK-DAG: tensor.extract %[[SUM]][%[[I]]]
// CHECK: %[[Q:.*]] = arith.divf
// CHECK: arith.select %{{.*}}, %[[Q]], %cst
func.func @masked(%n: index, %x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %w = heed.softmax axis = 1(%n, %n) where (%i, %j) {
    %c = arith.cmpi sle, %j, %i : index
    heed.yield %c : i1
  } value (%i, %j) {
    %0 = tensor.extract %x[%i, %j] : tensor<?x?xf32>
    heed.yield %0 : f32
  } : tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}

// A computed value is stored once; without a domain nothing is selected.
// CHECK-LABEL: func @computed(
// CHECK: %[[S:.*]] = heed.define() value (%{{.*}}) {
// CHECK: math.tanh
// CHECK: heed.reduce max
// CHECK: tensor.extract %[[S]][
// CHECK-NOT: math.tanh
// CHECK-NOT: arith.select
// CHECK: return
func.func @computed(%x: tensor<7xf32>) -> tensor<7xf32> {
  %w = heed.softmax axis = 0() value (%i) {
    %0 = tensor.extract %x[%i] : tensor<7xf32>
    %1 = math.tanh %0 : f32
    heed.yield %1 : f32
  } : tensor<7xf32>
  return %w : tensor<7xf32>
}
