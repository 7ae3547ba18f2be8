// RUN: heed-opt %s | heed-opt | FileCheck %s
// RUN: heed-opt %s --mlir-print-op-generic | heed-opt | FileCheck %s
// Every operation survives printing and parsing, in its own form and in the generic one.
// CHECK-DAG: #[[$Q:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d0 * 64 + d3)>
// CHECK-DAG: #[[$K:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0 floordiv 4, d2, d3)>

// CHECK-LABEL: func @define(
// CHECK: heed.define(%{{.*}}) where (%[[I:.*]], %[[J:.*]]) {
// CHECK-NEXT: arith.cmpi sle, %[[J]], %[[I]] : index
// CHECK: } value (%{{.*}}, %{{.*}}) {
// CHECK: heed.reduce sum(%{{.*}}) value (%{{.*}}) {
// CHECK: heed.yield %{{.*}} : f32
// CHECK-NEXT: } : f32
// CHECK: } : tensor<?x8xf32>
func.func @define(%n: index, %x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c8 = arith.constant 8 : index
  %r = heed.define(%n) where (%i, %j) {
    %c = arith.cmpi sle, %j, %i : index
    heed.yield %c : i1
  } value (%i, %j) {
    %s = heed.reduce sum(%c8) value (%k) {
      %e = tensor.extract %x[%i, %k] : tensor<?x8xf32>
      heed.yield %e : f32
    } : f32
    heed.yield %s : f32
  } : tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}

// CHECK-LABEL: func @scalar(
// CHECK: heed.define() value () {
// CHECK: heed.reduce argmax(%{{.*}}) where (%{{.*}}) {
// CHECK: } : index
func.func @scalar(%n: index, %x: tensor<?xf32>) -> tensor<i32> {
  %zero = arith.constant 0.0 : f32
  %r = heed.define() value () {
    %p = heed.reduce argmax(%n) where (%k) {
      %e = tensor.extract %x[%k] : tensor<?xf32>
      %c = arith.cmpf ogt, %e, %zero : f32
      heed.yield %c : i1
    } value (%k) {
      %e = tensor.extract %x[%k] : tensor<?xf32>
      heed.yield %e : f32
    } : index
    %q = arith.index_cast %p : index to i32
    heed.yield %q : i32
  } : tensor<i32>
  return %r : tensor<i32>
}

// CHECK-LABEL: func @softmax(
// CHECK: heed.softmax axis = 1(%{{.*}}, %{{.*}}) where (%{{.*}}, %{{.*}}) {
func.func @softmax(%n: index, %m: index, %x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %r = heed.softmax axis = 1(%n, %m) where (%i, %j) {
    %c = arith.cmpi sle, %j, %i : index
    heed.yield %c : i1
  } value (%i, %j) {
    %e = tensor.extract %x[%i, %j] : tensor<?x?xf32>
    heed.yield %e : f32
  } : tensor<?x?xf32>
  return %r : tensor<?x?xf32>
}

// CHECK-LABEL: func @check(
// CHECK: heed.check "index out of range in embed[tokens]" index = 0 after %{{.*}}(%{{.*}}) value (%{{.*}}) {
func.func @check(%n: index, %tokens: tensor<?xi32>) -> i32 {
  %ok = arith.constant 0 : i32
  %c10 = arith.constant 10 : i32
  %s = heed.check "index out of range in embed[tokens]" index = 0 after %ok(%n) value (%i) {
    %t = tensor.extract %tokens[%i] : tensor<?xi32>
    %c = arith.cmpi ult, %t, %c10 : i32
    heed.yield %c : i1
  }
  return %s : i32
}

// CHECK-LABEL: func @scan(
// CHECK: %{{.*}}:2 = heed.scan (%{{.*}}) states(%{{.*}} : tensor<4xf32>) body (%{{.*}}, %{{.*}}: tensor<4xf32>) {
// CHECK: heed.yield %{{.*}} : tensor<4xf32> until %{{.*}}
// CHECK-NEXT: } -> tensor<4xf32> until
// CHECK: heed.scan (%{{.*}}) backward states(
// CHECK: } -> tensor<4xf32>
func.func @scan(%n: index, %x: tensor<4xf32>) -> (tensor<4xf32>, index) {
  %c3 = arith.constant 3 : index
  %r, %taken = heed.scan (%n) states(%x : tensor<4xf32>) body (%t, %s: tensor<4xf32>) {
    %stop = arith.cmpi eq, %t, %c3 : index
    heed.yield %s : tensor<4xf32> until %stop
  } -> tensor<4xf32> until
  %b = heed.scan (%n) backward states(%r : tensor<4xf32>) body (%t, %s: tensor<4xf32>) {
    heed.yield %s : tensor<4xf32>
  } -> tensor<4xf32>
  return %b, %taken : tensor<4xf32>, index
}

// Split heads and grouped keys are affine maps; the score reads a table of its surroundings.
// CHECK-LABEL: func @attention(
// CHECK: heed.attention(%{{.*}}) ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x512xf32>, tensor<2x?x64xf32>, tensor<2x?x64xf32>)
// CHECK-SAME: outs(%{{.*}} : tensor<8x?x64xf32>) indexing_maps = [#[[$Q]], #[[$K]], #{{.*}}, #{{.*}}]
// CHECK-SAME: where (%{{.*}}, %{{.*}}, %{{.*}}) {
// CHECK: } score (%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}: f32) {
// CHECK: } -> tensor<8x?x64xf32>
func.func @attention(%n: index, %m: index, %q: tensor<?x512xf32>, %k: tensor<2x?x64xf32>, %v: tensor<2x?x64xf32>,
                     %slope: tensor<8xf32>, %init: tensor<8x?x64xf32>) -> tensor<8x?x64xf32> {
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %o = heed.attention(%c8, %n, %m, %c64, %c64)
      ins(%q, %k, %v : tensor<?x512xf32>, tensor<2x?x64xf32>, tensor<2x?x64xf32>) outs(%init : tensor<8x?x64xf32>)
      indexing_maps = [affine_map<(h, i, j, d, e) -> (i, h * 64 + d)>, affine_map<(h, i, j, d, e) -> (h floordiv 4, j, d)>,
                       affine_map<(h, i, j, d, e) -> (h floordiv 4, j, e)>, affine_map<(h, i, j, d, e) -> (h, i, e)>]
      where (%h, %i, %j) {
        %c = arith.cmpi sle, %j, %i : index
        heed.yield %c : i1
      } score (%h, %i, %j, %dot: f32) {
        %s = tensor.extract %slope[%h] : tensor<8xf32>
        %r = arith.mulf %dot, %s : f32
        heed.yield %r : f32
      } -> tensor<8x?x64xf32>
  return %o : tensor<8x?x64xf32>
}

// Without a query the score computes everything itself; on buffers there is no result.
// CHECK-LABEL: func @attention_on_buffers(
// CHECK: heed.attention(%{{.*}}) ins(%{{.*}} : memref<?x8xf32>) outs(%{{.*}} : memref<?x8xf32>)
// CHECK: score (%{{.*}}, %[[J:.*]]) {
// CHECK-NEXT: memref.load %{{.*}}[%[[J]]]
// CHECK-NOT: ->
// CHECK: return
func.func @attention_on_buffers(%n: index, %m: index, %e: memref<?xf32>, %v: memref<?x8xf32>, %o: memref<?x8xf32>) {
  %c8 = arith.constant 8 : index
  heed.attention(%n, %m, %c8) ins(%v : memref<?x8xf32>) outs(%o : memref<?x8xf32>)
      indexing_maps = [affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, e)>]
      score (%i, %j) {
        %s = memref.load %e[%j] : memref<?xf32>
        heed.yield %s : f32
      }
  return
}

// Terms that are no products, and a further term of the divisor.
// CHECK-LABEL: func @attention_regions(
// CHECK: where (%{{.*}}, %{{.*}}) {
// CHECK: } combine (%[[D:.*]], %[[X:.*]]: f32, %[[Y:.*]]: f32) {
// CHECK-NEXT: arith.subf %[[X]], %[[Y]]
// CHECK: } score (%{{.*}}, %{{.*}}, %[[DOT:.*]]: f32) {
// CHECK-NEXT: heed.yield %[[DOT]]
// CHECK: } rest (%[[I:.*]]) {
// CHECK-NEXT: memref.load %{{.*}}[%[[I]]]
// CHECK: heed.softmax axis = 1(%{{.*}}, %{{.*}}) value (%{{.*}}, %{{.*}}) {
// CHECK: } rest (%{{.*}}) {
func.func @attention_regions(%n: index, %m: index, %q: memref<?x8xf32>, %s: memref<?xf32>, %o: memref<?x8xf32>) -> tensor<?x?xf32> {
  %c8 = arith.constant 8 : index
  %one = arith.constant 1.0 : f32
  heed.attention(%n, %m, %c8, %c8) ins(%q, %q, %q : memref<?x8xf32>, memref<?x8xf32>, memref<?x8xf32>) outs(%o : memref<?x8xf32>)
      indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                       affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
      where (%i, %j) {
        %c = arith.cmpi sle, %j, %i : index
        heed.yield %c : i1
      } combine (%d, %x: f32, %y: f32) {
        %0 = arith.subf %x, %y : f32
        %1 = math.absf %0 : f32
        heed.yield %1 : f32
      } score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      } rest (%i) {
        %0 = memref.load %s[%i] : memref<?xf32>
        heed.yield %0 : f32
      }
  %w = heed.softmax axis = 1(%n, %m) value (%i, %j) {
    heed.yield %one : f32
  } rest (%i) {
    heed.yield %one : f32
  } : tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}

// CHECK-LABEL: func @matmul(
// CHECK: heed.pack ins(%{{.*}} : tensor<256x100xf32>) outs(%{{.*}} : tensor<7x256x16xf32>) -> tensor<7x256x16xf32>
// CHECK: heed.pack transposed ins(
// CHECK: heed.matmul ins(%{{.*}}, %{{.*}} : tensor<?x256xf32>, tensor<7x256x16xf32>) outs(%{{.*}} : tensor<?x100xf32>) -> tensor<?x100xf32>
// CHECK: heed.matmul transposed accumulate ins(%{{.*}}, %{{.*}} : tensor<256x?xf32>, tensor<7x256x16xf32>) outs(
func.func @matmul(%a: tensor<?x256xf32>, %w: tensor<256x100xf32>, %u: tensor<100x256xf32>, %p: tensor<7x256x16xf32>,
                  %c: tensor<?x100xf32>, %t: tensor<256x?xf32>) -> (tensor<?x100xf32>, tensor<7x256x16xf32>) {
  %0 = heed.pack ins(%w : tensor<256x100xf32>) outs(%p : tensor<7x256x16xf32>) -> tensor<7x256x16xf32>
  %1 = heed.pack transposed ins(%u : tensor<100x256xf32>) outs(%p : tensor<7x256x16xf32>) -> tensor<7x256x16xf32>
  %2 = heed.matmul ins(%a, %0 : tensor<?x256xf32>, tensor<7x256x16xf32>) outs(%c : tensor<?x100xf32>) -> tensor<?x100xf32>
  %3 = heed.matmul transposed accumulate ins(%t, %0 : tensor<256x?xf32>, tensor<7x256x16xf32>) outs(%2 : tensor<?x100xf32>) -> tensor<?x100xf32>
  return %3, %1 : tensor<?x100xf32>, tensor<7x256x16xf32>
}

// CHECK-LABEL: func @topk(
// CHECK: heed.topk ins(%{{.*}}, %{{.*}} : tensor<?x?xf32>, tensor<?x?xi1>) outs(%{{.*}} : tensor<?x4xi32>) -> tensor<?x4xi32>
// CHECK: heed.topk ins(%{{.*}} : memref<9xindex>) outs(%{{.*}} : memref<2xi32>)
func.func @topk(%x: tensor<?x?xf32>, %c: tensor<?x?xi1>, %o: tensor<?x4xi32>, %y: memref<9xindex>, %p: memref<2xi32>)
    -> tensor<?x4xi32> {
  %r = heed.topk ins(%x, %c : tensor<?x?xf32>, tensor<?x?xi1>) outs(%o : tensor<?x4xi32>) -> tensor<?x4xi32>
  heed.topk ins(%y : memref<9xindex>) outs(%p : memref<2xi32>)
  return %r : tensor<?x4xi32>
}
