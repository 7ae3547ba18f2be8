// RUN: heed-opt %s -split-input-file -heed-entry-points | FileCheck %s
// The runtime's frame is unpacked into the model's arguments; what the model returns goes back.

// CHECK: module attributes {
// CHECK-SAME: heed.prepared_bytes = 0 : i64
// CHECK-LABEL: func private @two(
// CHECK-LABEL: func @two_workspace(
// CHECK-SAME: !llvm.ptr) -> i64
// CHECK: call @two_plan
// CHECK-LABEL: func @two_run(
// CHECK-SAME: %[[FRAME:.*]]: !llvm.ptr) -> i32
// CHECK: %[[R:.*]]:2 = call @two(
// CHECK: %[[TAKEN:.*]] = arith.index_cast %[[R]]#0 : index to i64
// CHECK: llvm.store %[[TAKEN]]
// CHECK: return %[[R]]#1 : i32
module attributes {heed.program = {name = "two",
    dims = [{name = "n", max = 8 : i64, until = false}, {name = "t", max = 8 : i64, until = true}],
    inputs = [{name = "x", type = f32, shape = affine_map<(d0, d1) -> (d0 * 2)>, alphabet = ""}],
    outputs = [{name = "y", type = f32, shape = affine_map<(d0, d1) -> (d1)>, alphabet = ""}],
    params = [], checks = ["check"]}} {
  func.func private @two_plan(%n: index, %t: index) -> index {
    return %n : index
  }
  func.func @two(%n: index, %t: index, %x: memref<?xf32>, %y: memref<?xf32> {heed.output = 0 : i64},
                 %w: memref<?xi8> {heed.workspace}, %frame: !llvm.ptr {heed.frame}) -> (index, i32) {
    %status = arith.constant 0 : i32
    return %n, %status : index, i32
  }
}

// -----

// Without checks the status is 0.
// CHECK-LABEL: func @none_run(
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK: return %[[ZERO]]
module attributes {heed.program = {name = "none", dims = [], inputs = [], outputs = [], params = [], checks = []}} {
  func.func @none() {
    return
  }
}
