// RUN: heed-opt %s -heed-expand-shapes -split-input-file | FileCheck %s
// RUN: heed-opt %s -heed-expand-shapes -expand-strided-metadata -split-input-file | FileCheck %s --check-prefix=EXPANDED
// Sizes come from the operands, so a group may have several that are known only at run time.

// CHECK: #[[$TIMES5:.*]] = affine_map<()[s0] -> (s0 * 5)>
// CHECK-LABEL: func @two_dynamic(
// CHECK-SAME: %[[B:.*]]: memref<?x5xf32>, %[[N:.*]]: index, %[[M:.*]]: index
// CHECK: %[[S:.*]] = affine.apply #[[$TIMES5]]()[%[[M]]]
// CHECK: memref.reinterpret_cast %[[B]] to offset: [0], sizes: [%[[N]], %[[M]], 5], strides: [%[[S]], 5, 1]
// EXPANDED-LABEL: func @two_dynamic(
// EXPANDED-NOT: expand_shape
func.func @two_dynamic(%b: memref<?x5xf32>, %n: index, %m: index) -> memref<?x?x5xf32> {
  %e = memref.expand_shape %b [[0, 1], [2]] output_shape [%n, %m, 5] : memref<?x5xf32> into memref<?x?x5xf32>
  return %e : memref<?x?x5xf32>
}

// -----

// CHECK-LABEL: func @static(
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [2, 3, 5], strides: [15, 5, 1] : memref<6x5xf32> to memref<2x3x5xf32>
func.func @static(%b: memref<6x5xf32>) -> memref<2x3x5xf32> {
  %e = memref.expand_shape %b [[0, 1], [2]] output_shape [2, 3, 5] : memref<6x5xf32> into memref<2x3x5xf32>
  return %e : memref<2x3x5xf32>
}

// -----

// A buffer with strides of its own is left to upstream.
// CHECK-LABEL: func @strided(
// CHECK: memref.expand_shape
func.func @strided(%b: memref<6x5xf32, strided<[8, 1]>>) -> memref<2x3x5xf32, strided<[24, 8, 1]>> {
  %e = memref.expand_shape %b [[0, 1], [2]] output_shape [2, 3, 5]
     : memref<6x5xf32, strided<[8, 1]>> into memref<2x3x5xf32, strided<[24, 8, 1]>>
  return %e : memref<2x3x5xf32, strided<[24, 8, 1]>>
}
