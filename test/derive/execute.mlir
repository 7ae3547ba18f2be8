// RUN: heed-opt %s --heed-derive --one-shot-bufferize=bufferize-function-boundaries --convert-linalg-to-loops \
// RUN:   --canonicalize --expand-strided-metadata --lower-affine --convert-scf-to-cf --convert-math-to-llvm --convert-math-to-libm \
// RUN:   --finalize-memref-to-llvm --convert-func-to-llvm --convert-arith-to-llvm --convert-cf-to-llvm --reconcile-unrealized-casts \
// RUN:   | mlir-runner -e main --entry-point-result=f32 | FileCheck %s
// Derived code runs through upstream bufferisation and lowering: numbers at the edges of the language.

// A NaN behind the mask, summed: x = [1, NaN, 3] where it is not NaN.
func.func private @masked_sum(%x: tensor<3xf32>) -> f32 {
  %c3 = arith.constant 3 : index
  %y = heed.define() value () {
    %r = heed.reduce sum(%c3) where (%j) {
      %0 = tensor.extract %x[%j] : tensor<3xf32>
      %c = arith.cmpf ord, %0, %0 : f32
      heed.yield %c : i1
    } value (%j) {
      %0 = tensor.extract %x[%j] : tensor<3xf32>
      heed.yield %0 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<f32>
  %v = tensor.extract %y[] : tensor<f32>
  return %v : f32
}

// Softmax of the masked row [.., ..] without elements is 0 everywhere; the other row sums to 1.
func.func private @softmax_rows(%x: tensor<2x3xf32>) -> f32 {
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c0 = arith.constant 0 : index
  %w = heed.softmax axis = 1() where (%i, %j) {
    %c = arith.cmpi sgt, %i, %c0 : index
    heed.yield %c : i1
  } value (%i, %j) {
    %0 = tensor.extract %x[%i, %j] : tensor<2x3xf32>
    heed.yield %0 : f32
  } : tensor<2x3xf32>
  %s = heed.define() value () {
    %r = heed.reduce sum(%c2, %c3) value (%i, %j) {
      %0 = tensor.extract %w[%i, %j] : tensor<2x3xf32>
      heed.yield %0 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<f32>
  %v = tensor.extract %s[] : tensor<f32>
  return %v : f32
}

// The first of equal maxima; 0 over no element; a maximum over no element is -inf.
func.func private @positions(%x: tensor<3xf32>, %none: index) -> f32 {
  %c3 = arith.constant 3 : index
  %p = heed.define() value () {
    %r = heed.reduce argmax(%c3) value (%j) {
      %0 = tensor.extract %x[%j] : tensor<3xf32>
      heed.yield %0 : f32
    } : index
    heed.yield %r : index
  } : tensor<index>
  %q = heed.define() value () {
    %r = heed.reduce argmax(%none) value (%j) {
      %0 = tensor.extract %x[%j] : tensor<3xf32>
      heed.yield %0 : f32
    } : index
    heed.yield %r : index
  } : tensor<index>
  %m = heed.define() value () {
    %r = heed.reduce max(%none) value (%j) {
      %0 = tensor.extract %x[%j] : tensor<3xf32>
      heed.yield %0 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<f32>
  %a = tensor.extract %p[] : tensor<index>
  %b = tensor.extract %q[] : tensor<index>
  %c = tensor.extract %m[] : tensor<f32>
  %inf = arith.constant 0xFF800000 : f32
  %empty = arith.cmpf oeq, %c, %inf : f32
  %hundred = arith.constant 100 : index
  %zero = arith.constant 0 : index
  %extra = arith.select %empty, %hundred, %zero : index
  %ab = arith.addi %a, %b : index
  %all = arith.addi %ab, %extra : index
  %i = arith.index_cast %all : index to i64
  %f = arith.sitofp %i : i64 to f32
  return %f : f32
}

// A backward recurrence over [1, 2, 3]: s[t] = x[t] + 10 s[t + 1] from s[3] = 0, so s[0] = 1 + 20 + 300.
func.func private @recurrence(%x: tensor<3xf32>, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %ten = arith.constant 10.0 : f32
  %zero = arith.constant 0.0 : f32
  %rows = arith.constant 4 : index
  %start = tensor.empty(%rows) : tensor<?xf32>
  %first = heed.define() value () {
    heed.yield %zero : f32
  } : tensor<f32>
  %init = tensor.insert_slice %first into %start[%n] [1] [1] : tensor<f32> into tensor<?xf32>
  %all = heed.scan (%n) backward states(%init : tensor<?xf32>) body (%t, %s: tensor<?xf32>) {
    %next = affine.apply affine_map<(t) -> (t + 1)>(%t)
    %row = heed.define() value () {
      %0 = tensor.extract %x[%t] : tensor<3xf32>
      %1 = tensor.extract %s[%next] : tensor<?xf32>
      %2 = arith.mulf %1, %ten : f32
      %3 = arith.addf %0, %2 : f32
      heed.yield %3 : f32
    } : tensor<f32>
    %new = tensor.insert_slice %row into %s[%t] [1] [1] : tensor<f32> into tensor<?xf32>
    heed.yield %new : tensor<?xf32>
  } -> tensor<?xf32>
  %v = tensor.extract %all[%c0] : tensor<?xf32>
  return %v : f32
}

// CHECK: 4.261100e+05
func.func @main() -> f32 {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %nan = arith.constant dense<[1.0, 0x7FC00000, 3.0]> : tensor<3xf32>
  %rows = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %ties = arith.constant dense<[1.0, 7.0, 7.0]> : tensor<3xf32>
  %steps = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  // 4 * 100000 + 1 * 25000 + 101 * 10 + 100 if the recurrence gives 321: every part has its own digits.
  %a = call @masked_sum(%nan) : (tensor<3xf32>) -> f32
  %b = call @softmax_rows(%rows) : (tensor<2x3xf32>) -> f32
  %c = call @positions(%ties, %c0) : (tensor<3xf32>, index) -> f32
  %d = call @recurrence(%steps, %c3) : (tensor<3xf32>, index) -> f32
  %ka = arith.constant 100000.0 : f32
  %kb = arith.constant 25000.0 : f32
  %kc = arith.constant 10.0 : f32
  %0 = arith.mulf %a, %ka : f32
  %1 = arith.mulf %b, %kb : f32
  %2 = arith.mulf %c, %kc : f32
  %3 = arith.addf %0, %1 : f32
  %4 = arith.addf %3, %2 : f32
  %expected = arith.constant 321.0 : f32
  %right = arith.cmpf oeq, %d, %expected : f32
  %hundred = arith.constant 100.0 : f32
  %zero = arith.constant 0.0 : f32
  %5 = arith.select %right, %hundred, %zero : f32
  %6 = arith.addf %4, %5 : f32
  return %6 : f32
}
