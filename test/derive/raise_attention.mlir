// RUN: heed-opt %s --heed-raise-attention --split-input-file --verify-diagnostics --remarks-filter=derive | FileCheck %s
// Softmax-weighted sums become heed.attention, whatever their score; every refusal says why.

// CHECK-DAG: #[[$Q:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d0 * 64 + d3)>
// CHECK-DAG: #[[$K:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0 floordiv 4, d2, d3)>
// CHECK-DAG: #[[$V:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0 floordiv 4, d2, d4)>
// CHECK-DAG: #[[$O:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4)>
// CHECK-LABEL: func @grouped_causal(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index, %[[Q:.*]]: tensor<?x512xf32>, %[[K:.*]]: tensor<2x?x64xf32>, %[[V:.*]]: tensor<2x?x64xf32>, %[[SLOPE:.*]]: tensor<8xf32>
// CHECK: %[[INIT:.*]] = tensor.empty(%[[N]]) : tensor<8x?x64xf32>
// CHECK: %[[R:.*]] = heed.attention(%c8{{.*}}, %[[N]], %[[M]], %c64{{.*}}, %c64{{.*}}) ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: outs(%[[INIT]] : tensor<8x?x64xf32>) indexing_maps = [#[[$Q]], #[[$K]], #[[$V]], #[[$O]]]
// CHECK-SAME: where (%[[H:.*]], %[[I:.*]], %[[J:.*]]) {
// CHECK-NEXT: arith.cmpi sle, %[[J]], %[[I]]
// CHECK: } score (%[[H:.*]], %[[I:.*]], %[[J:.*]], %[[DOT:.*]]: f32) {
// CHECK-DAG: arith.divf %[[DOT]],
// CHECK-DAG: tensor.extract %[[SLOPE]][%[[H]]]
// CHECK: heed.yield
// CHECK-NOT: heed.define
// CHECK: return %[[R]]
func.func @grouped_causal(%n: index, %m: index, %q: tensor<?x512xf32>, %k: tensor<2x?x64xf32>, %v: tensor<2x?x64xf32>,
                          %slope: tensor<8xf32>) -> tensor<8x?x64xf32> {
  %c64 = arith.constant 64 : index
  %eight = arith.constant 8.0 : f32
  %dots = heed.define(%n, %m) value (%h, %i, %j) {
    %r = heed.reduce sum(%c64) value (%c) {
      %g = affine.apply affine_map<(h) -> (h floordiv 4)>(%h)
      %s = affine.apply affine_map<(h, c) -> (h * 64 + c)>(%h, %c)
      %0 = tensor.extract %q[%i, %s] : tensor<?x512xf32>
      %1 = tensor.extract %k[%g, %j, %c] : tensor<2x?x64xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<8x?x?xf32>
  %score = heed.define(%n, %m) value (%h, %i, %j) {
    %0 = tensor.extract %dots[%h, %i, %j] : tensor<8x?x?xf32>
    %1 = arith.divf %0, %eight : f32
    heed.yield %1 : f32
  } : tensor<8x?x?xf32>
  %weight = heed.softmax axis = 2(%n, %m) where (%h, %i, %j) {
    %c = arith.cmpi sle, %j, %i : index
    heed.yield %c : i1
  } value (%h, %i, %j) {
    %0 = tensor.extract %score[%h, %i, %j] : tensor<8x?x?xf32>
    %1 = tensor.extract %slope[%h] : tensor<8xf32>
    %2 = arith.subf %0, %1 : f32
    heed.yield %2 : f32
  } : tensor<8x?x?xf32>
  // expected-remark @below {{queries, keys and values in one attention}}
  %o = heed.define(%n) value (%h, %i, %e) {
    %r = heed.reduce sum(%m) where (%j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%j) {
      %g = affine.apply affine_map<(h) -> (h floordiv 4)>(%h)
      %0 = tensor.extract %weight[%h, %i, %j] : tensor<8x?x?xf32>
      %1 = tensor.extract %v[%g, %j, %e] : tensor<2x?x64xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<8x?x64xf32>
  return %o : tensor<8x?x64xf32>
}

// -----

// One query without an index, and a score without a product: the row loop has one step.
// CHECK-LABEL: func @context(
// CHECK-SAME: %[[M:.*]]: index, %[[E:.*]]: tensor<?xf32>, %[[H:.*]]: tensor<?x16xf32>
// CHECK: heed.attention(%c1{{.*}}, %[[M]], %c16{{.*}}) ins(%[[H]] : tensor<?x16xf32>) outs(%{{.*}} : tensor<16xf32>)
// CHECK: score (%{{.*}}, %[[J:.*]]) {
// CHECK-NEXT: tensor.extract %[[E]][%[[J]]]
func.func @context(%m: index, %e: tensor<?xf32>, %h: tensor<?x16xf32>) -> tensor<16xf32> {
  %weight = heed.softmax axis = 0(%m) value (%j) {
    %0 = tensor.extract %e[%j] : tensor<?xf32>
    heed.yield %0 : f32
  } : tensor<?xf32>
  // expected-remark @below {{the score has no product of queries and keys}}
  %o = heed.define() value (%c) {
    %r = heed.reduce sum(%m) value (%j) {
      %0 = tensor.extract %weight[%j] : tensor<?xf32>
      %1 = tensor.extract %h[%j, %c] : tensor<?x16xf32>
      %2 = arith.mulf %1, %0 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<16xf32>
  return %o : tensor<16xf32>
}

// -----

// A computed value gets a definition of its own, over j and the feature.
// CHECK-LABEL: func @gated_value(
// CHECK: %[[V:.*]] = heed.define(%{{.*}}) value (%{{.*}}, %{{.*}}) {
// CHECK: arith.mulf
// CHECK: } : tensor<?x16xf32>
// CHECK: heed.attention({{.*}}) ins(%[[V]] : tensor<?x16xf32>)
func.func @gated_value(%n: index, %m: index, %s: tensor<?x?xf32>, %g: tensor<?xf32>, %v: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %weight = heed.softmax axis = 1(%n, %m) value (%i, %j) {
    %0 = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    heed.yield %0 : f32
  } : tensor<?x?xf32>
  // expected-remark @below {{values in one attention}}
  %o = heed.define(%n) value (%i, %e) {
    %r = heed.reduce sum(%m) value (%j) {
      %0 = tensor.extract %weight[%i, %j] : tensor<?x?xf32>
      %1 = tensor.extract %g[%j] : tensor<?xf32>
      %2 = tensor.extract %v[%j, %e] : tensor<?x16xf32>
      %3 = arith.mulf %0, %1 : f32
      %4 = arith.mulf %3, %2 : f32
      heed.yield %4 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x16xf32>
  return %o : tensor<?x16xf32>
}

// -----

// CHECK-LABEL: func @weights_returned(
// CHECK-NOT: heed.attention
func.func @weights_returned(%m: index, %e: tensor<?xf32>, %h: tensor<?x16xf32>) -> (tensor<16xf32>, tensor<?xf32>) {
  %weight = heed.softmax axis = 0(%m) value (%j) {
    %0 = tensor.extract %e[%j] : tensor<?xf32>
    heed.yield %0 : f32
  } : tensor<?xf32>
  // expected-remark @below {{the weights are also read elsewhere or returned}}
  %o = heed.define() value (%c) {
    %r = heed.reduce sum(%m) value (%j) {
      %0 = tensor.extract %weight[%j] : tensor<?xf32>
      %1 = tensor.extract %h[%j, %c] : tensor<?x16xf32>
      %2 = arith.mulf %1, %0 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<16xf32>
  return %o, %weight : tensor<16xf32>, tensor<?xf32>
}

// -----

// CHECK-LABEL: func @wrong_axis(
// CHECK-NOT: heed.attention
func.func @wrong_axis(%n: index, %m: index, %s: tensor<?x?xf32>, %v: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %weight = heed.softmax axis = 1(%n, %m) value (%i, %j) {
    %0 = tensor.extract %s[%i, %j] : tensor<?x?xf32>
    heed.yield %0 : f32
  } : tensor<?x?xf32>
  // expected-remark @below {{the sum does not run over the axis that the softmax normalises}}
  %o = heed.define(%m) value (%j, %e) {
    %r = heed.reduce sum(%n) value (%i) {
      %0 = tensor.extract %weight[%i, %j] : tensor<?x?xf32>
      %1 = tensor.extract %v[%i, %e] : tensor<?x16xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x16xf32>
  return %o : tensor<?x16xf32>
}

// -----

// CHECK-LABEL: func @other_domain(
// CHECK-NOT: heed.attention
func.func @other_domain(%m: index, %e: tensor<?xf32>, %h: tensor<?x16xf32>) -> tensor<16xf32> {
  %c3 = arith.constant 3 : index
  %weight = heed.softmax axis = 0(%m) value (%j) {
    %0 = tensor.extract %e[%j] : tensor<?xf32>
    heed.yield %0 : f32
  } : tensor<?xf32>
  // expected-remark @below {{the sum runs over other elements than the softmax}}
  %o = heed.define() value (%c) {
    %r = heed.reduce sum(%m) where (%j) {
      %inside = arith.cmpi slt, %j, %c3 : index
      heed.yield %inside : i1
    } value (%j) {
      %0 = tensor.extract %weight[%j] : tensor<?xf32>
      %1 = tensor.extract %h[%j, %c] : tensor<?x16xf32>
      %2 = arith.mulf %1, %0 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<16xf32>
  return %o : tensor<16xf32>
}

// -----

// CHECK-LABEL: func @two_features(
// CHECK-NOT: heed.attention
func.func @two_features(%m: index, %e: tensor<?xf32>, %h: tensor<?x4x4xf32>) -> tensor<4x4xf32> {
  %weight = heed.softmax axis = 0(%m) value (%j) {
    %0 = tensor.extract %e[%j] : tensor<?xf32>
    heed.yield %0 : f32
  } : tensor<?xf32>
  // expected-remark @below {{the value has more than one axis of features}}
  %o = heed.define() value (%c, %d) {
    %r = heed.reduce sum(%m) value (%j) {
      %0 = tensor.extract %weight[%j] : tensor<?xf32>
      %1 = tensor.extract %h[%j, %c, %d] : tensor<?x4x4xf32>
      %2 = arith.mulf %1, %0 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<4x4xf32>
  return %o : tensor<4x4xf32>
}

// -----

// A sum of terms that are no products: what each side contributes is an operand, what both share stays in the term.
// CHECK-LABEL: func @additive(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index, %[[Q:.*]]: tensor<?x32xf32>, %[[K:.*]]: tensor<?x32xf32>, %[[V:.*]]: tensor<?x16xf32>, %[[VA:.*]]: tensor<32xf32>
// CHECK-NOT: heed.define
// CHECK: heed.attention(%[[N]], %[[M]], %c32{{.*}}, %c16{{.*}}) ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: combine (%[[D:.*]], %[[X:.*]]: f32, %[[Y:.*]]: f32) {
// CHECK-NEXT: %[[W:.*]] = tensor.extract %[[VA]][%[[D]]]
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[X]], %[[Y]]
// CHECK-NEXT: %[[T:.*]] = math.tanh %[[S]]
// CHECK-NEXT: arith.mulf %[[W]], %[[T]]
// CHECK: } score (%{{.*}}, %{{.*}}, %[[DOT:.*]]: f32) {
// CHECK-NEXT: heed.yield %[[DOT]]
func.func @additive(%n: index, %m: index, %q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x16xf32>,
                    %va: tensor<32xf32>) -> tensor<?x16xf32> {
  %c32 = arith.constant 32 : index
  %inner = heed.define(%n, %m) value (%i, %j, %c) {
    %0 = tensor.extract %q[%i, %c] : tensor<?x32xf32>
    %1 = tensor.extract %k[%j, %c] : tensor<?x32xf32>
    %2 = arith.addf %0, %1 : f32
    %3 = math.tanh %2 : f32
    heed.yield %3 : f32
  } : tensor<?x?x32xf32>
  %sums = heed.define(%n, %m) value (%i, %j) {
    %r = heed.reduce sum(%c32) value (%c) {
      %0 = tensor.extract %va[%c] : tensor<32xf32>
      %1 = tensor.extract %inner[%i, %j, %c] : tensor<?x?x32xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x?xf32>
  %weight = heed.softmax axis = 1(%n, %m) value (%i, %j) {
    %0 = tensor.extract %sums[%i, %j] : tensor<?x?xf32>
    heed.yield %0 : f32
  } : tensor<?x?xf32>
  // expected-remark @below {{the score sums terms that are no products}}
  %o = heed.define(%n) value (%i, %e) {
    %r = heed.reduce sum(%m) value (%j) {
      %0 = tensor.extract %weight[%i, %j] : tensor<?x?xf32>
      %1 = tensor.extract %v[%j, %e] : tensor<?x16xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x16xf32>
  return %o : tensor<?x16xf32>
}

// -----

// What one side computes by itself is stored once; of one query, any value that its keys share is the query.
// CHECK-LABEL: func @distance_to_one(
// CHECK-SAME: %[[M:.*]]: index, %[[S:.*]]: tensor<32xf32>, %[[K:.*]]: tensor<?x32xf32>, %[[G:.*]]: tensor<?xf32>
// CHECK: %[[KEY:.*]] = heed.define(%[[M]]) value (%[[J:.*]], %[[C:.*]]) {
// CHECK-DAG: tensor.extract %[[K]][%[[J]], %[[C]]]
// CHECK-DAG: tensor.extract %[[G]][%[[J]]]
// CHECK: heed.attention(%c1{{.*}}, %[[M]], %c32{{.*}}, %c16{{.*}}) ins(%[[S]], %[[KEY]], %{{.*}} :
// CHECK-SAME: combine (%{{.*}}, %[[X:.*]]: f32, %[[Y:.*]]: f32) {
// CHECK-NEXT: arith.subf %[[X]], %[[Y]]
// CHECK-NEXT: math.absf
func.func @distance_to_one(%m: index, %s: tensor<32xf32>, %k: tensor<?x32xf32>, %g: tensor<?xf32>, %v: tensor<?x16xf32>)
    -> tensor<16xf32> {
  %c32 = arith.constant 32 : index
  %sums = heed.define(%m) value (%j) {
    %r = heed.reduce sum(%c32) value (%c) {
      %0 = tensor.extract %s[%c] : tensor<32xf32>
      %1 = tensor.extract %k[%j, %c] : tensor<?x32xf32>
      %2 = tensor.extract %g[%j] : tensor<?xf32>
      %3 = arith.mulf %1, %2 : f32
      %4 = arith.subf %0, %3 : f32
      %5 = math.absf %4 : f32
      heed.yield %5 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?xf32>
  %weight = heed.softmax axis = 0(%m) value (%j) {
    %0 = tensor.extract %sums[%j] : tensor<?xf32>
    %1 = arith.negf %0 : f32
    heed.yield %1 : f32
  } : tensor<?xf32>
  // expected-remark @below {{the score sums terms that are no products}}
  %o = heed.define() value (%e) {
    %r = heed.reduce sum(%m) value (%j) {
      %0 = tensor.extract %weight[%j] : tensor<?xf32>
      %1 = tensor.extract %v[%j, %e] : tensor<?x16xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<16xf32>
  return %o : tensor<16xf32>
}

// -----

// Terms that need a number of each pair, or two of a key, stay a tensor that the score reads.
// CHECK-LABEL: func @term_of_pairs(
// CHECK-NOT: combine
// CHECK: return
func.func @term_of_pairs(%n: index, %m: index, %q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x16xf32>,
                         %b: tensor<?x?xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %c32 = arith.constant 32 : index
  %sums = heed.define(%n, %m) value (%i, %j) {
    %r = heed.reduce sum(%c32) value (%c) {
      %0 = tensor.extract %q[%i, %c] : tensor<?x32xf32>
      %1 = tensor.extract %b[%i, %j] : tensor<?x?xf32>
      %2 = arith.addf %0, %1 : f32
      %3 = tensor.extract %k[%j, %c] : tensor<?x32xf32>
      %4 = arith.addf %2, %3 : f32
      %5 = math.tanh %4 : f32
      heed.yield %5 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x?xf32>
  %two = heed.define(%n, %m) value (%i, %j) {
    %r = heed.reduce sum(%c32) value (%c) {
      %0 = tensor.extract %q[%i, %c] : tensor<?x32xf32>
      %1 = tensor.extract %k[%j, %c] : tensor<?x32xf32>
      %2 = arith.addf %0, %1 : f32
      %3 = math.tanh %2 : f32
      %4 = math.exp %1 : f32
      %5 = arith.divf %3, %4 : f32
      heed.yield %5 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x?xf32>
  %weight = heed.softmax axis = 1(%n, %m) value (%i, %j) {
    %0 = tensor.extract %sums[%i, %j] : tensor<?x?xf32>
    heed.yield %0 : f32
  } : tensor<?x?xf32>
  %other = heed.softmax axis = 1(%n, %m) value (%i, %j) {
    %0 = tensor.extract %two[%i, %j] : tensor<?x?xf32>
    heed.yield %0 : f32
  } : tensor<?x?xf32>
  // expected-remark @below {{the score has no product of queries and keys}}
  %o = heed.define(%n) value (%i, %e) {
    %r = heed.reduce sum(%m) value (%j) {
      %0 = tensor.extract %weight[%i, %j] : tensor<?x?xf32>
      %1 = tensor.extract %v[%j, %e] : tensor<?x16xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x16xf32>
  // expected-remark @below {{the score has no product of queries and keys}}
  %p = heed.define(%n) value (%i, %e) {
    %r = heed.reduce sum(%m) value (%j) {
      %0 = tensor.extract %other[%i, %j] : tensor<?x?xf32>
      %1 = tensor.extract %v[%j, %e] : tensor<?x16xf32>
      %2 = arith.mulf %0, %1 : f32
      heed.yield %2 : f32
    } : f32
    heed.yield %r : f32
  } : tensor<?x16xf32>
  return %o, %p : tensor<?x16xf32>, tensor<?x16xf32>
}
