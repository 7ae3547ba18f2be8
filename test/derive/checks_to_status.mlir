// RUN: heed-opt %s --heed-checks-to-status | FileCheck %s
// A check becomes an `all` reduction that selects the status; elements outside the domain count as true.

// CHECK-LABEL: func @restricted(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: tensor<?xi32>, %[[BEFORE:.*]]: i32)
// CHECK: %[[ALL:.*]] = heed.define() value () {
// CHECK:   %[[R:.*]] = heed.reduce all(%[[N]]) value (%{{.*}}) {
// CHECK:     %[[HOLDS:.*]] = arith.cmpi ult
// CHECK:     %[[INSIDE:.*]] = arith.cmpi sgt
// CHECK:     arith.select %[[INSIDE]], %[[HOLDS]], %true
// CHECK:   heed.yield %[[R]] : i1
// CHECK: %[[OK:.*]] = tensor.extract %[[ALL]][] : tensor<i1>
// CHECK: %[[OWN:.*]] = arith.select %[[OK]], %c0_i32, %c3_i32 : i32
// CHECK: %[[FAILED:.*]] = arith.cmpi ne, %[[BEFORE]], %c0_i32 : i32
// CHECK: %[[STATUS:.*]] = arith.select %[[FAILED]], %[[BEFORE]], %[[OWN]] : i32
// CHECK: return %[[STATUS]]
func.func @restricted(%n: index, %x: tensor<?xi32>, %before: i32) -> i32 {
  %c0 = arith.constant 0 : index
  %c10 = arith.constant 10 : i32
  %s = heed.check "index out of range in embed[x]" index = 2 after %before(%n) where (%i) {
    %c = arith.cmpi sgt, %i, %c0 : index
    heed.yield %c : i1
  } value (%i) {
    %t = tensor.extract %x[%i] : tensor<?xi32>
    %c = arith.cmpi ult, %t, %c10 : i32
    heed.yield %c : i1
  }
  return %s : i32
}

// Without indices there is nothing to reduce.
// CHECK-LABEL: func @scalar(
// CHECK-NOT: heed.reduce
// CHECK: tensor.extract %{{.*}}[] : tensor<i1>
func.func @scalar(%x: tensor<i32>, %before: i32) -> i32 {
  %c10 = arith.constant 10 : i32
  %s = heed.check "index out of range in embed[x]" index = 0 after %before() value () {
    %t = tensor.extract %x[] : tensor<i32>
    %c = arith.cmpi ult, %t, %c10 : i32
    heed.yield %c : i1
  }
  return %s : i32
}
