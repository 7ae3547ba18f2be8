// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(heed-separate-inits))' | FileCheck %s
// Two sums that start from one tensor of zeros get one each; what reads other tensors is not computed twice.

// CHECK-LABEL: func @sums(
// CHECK-DAG: %[[E0:.*]] = tensor.empty
// CHECK-DAG: %[[E1:.*]] = tensor.empty
// CHECK-DAG: linalg.fill ins(%{{.*}}) outs(%[[E0]]
// CHECK-DAG: linalg.fill ins(%{{.*}}) outs(%[[E1]]
// CHECK-DAG: %[[M:.*]] = linalg.map
// CHECK-DAG: linalg.reduce { arith.addf } {{.*}} outs(%[[M]]
// CHECK-DAG: linalg.reduce { arith.mulf } {{.*}} outs(%[[M]]
// CHECK-NOT: linalg.map
func.func @sums(%n: index, %x: tensor<?x?xf32>, %y: tensor<?xf32>)
    -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%n) : tensor<?xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  %a = linalg.reduce { arith.addf } ins(%x : tensor<?x?xf32>) outs(%fill : tensor<?xf32>) dimensions = [1]
  %b = linalg.reduce { arith.mulf } ins(%x : tensor<?x?xf32>) outs(%fill : tensor<?xf32>) dimensions = [1]
  %other = tensor.empty(%n) : tensor<?xf32>
  %m = linalg.map { math.exp } ins(%y : tensor<?xf32>) outs(%other : tensor<?xf32>)
  %c = linalg.reduce { arith.addf } ins(%x : tensor<?x?xf32>) outs(%m : tensor<?xf32>) dimensions = [1]
  %d = linalg.reduce { arith.mulf } ins(%x : tensor<?x?xf32>) outs(%m : tensor<?xf32>) dimensions = [1]
  return %a, %b, %c, %d : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}
