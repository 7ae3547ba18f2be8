// REQUIRES: x86_64, avx2
// RUN: heed-opt %s --heed-kernels-to-vector --canonicalize --cse --convert-vector-to-scf --expand-strided-metadata --lower-affine \
// RUN:   --convert-scf-to-cf --convert-vector-to-llvm --convert-ub-to-llvm --finalize-memref-to-llvm --convert-arith-to-llvm \
// RUN:   --convert-index-to-llvm --convert-func-to-llvm --convert-cf-to-llvm --reconcile-unrealized-casts \
// RUN:   | mlir-translate --mlir-to-llvmir | opt -O1 -mcpu=x86-64-v3 | llc -O1 -mcpu=x86-64-v3 --relocation-model=pic -filetype=obj -o %t.o
// RUN: %cc -O1 %S/Inputs/matmul.c %t.o -lm -o %t
// RUN: %t | FileCheck %s
// Every number of rows, columns and inner steps, those that fill no tile and no panel included.
// CHECK: {{[1-9][0-9]+}} products, 0 failures

func.func @product(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %p: memref<?x?x16xf32>, %c: memref<?x?xf32>) attributes {llvm.emit_c_interface} {
  heed.pack ins(%b : memref<?x?xf32>) outs(%p : memref<?x?x16xf32>)
  heed.matmul ins(%a, %p : memref<?x?xf32>, memref<?x?x16xf32>) outs(%c : memref<?x?xf32>)
  return
}
func.func @updated(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %p: memref<?x?x16xf32>, %c: memref<?x?xf32>) attributes {llvm.emit_c_interface} {
  heed.pack ins(%b : memref<?x?xf32>) outs(%p : memref<?x?x16xf32>)
  heed.matmul transposed accumulate ins(%a, %p : memref<?x?xf32>, memref<?x?x16xf32>) outs(%c : memref<?x?xf32>)
  return
}
func.func @transposed(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %p: memref<?x?x16xf32>, %c: memref<?x?xf32>) attributes {llvm.emit_c_interface} {
  heed.pack transposed ins(%b : memref<?x?xf32>) outs(%p : memref<?x?x16xf32>)
  heed.matmul ins(%a, %p : memref<?x?xf32>, memref<?x?x16xf32>) outs(%c : memref<?x?xf32>)
  return
}
