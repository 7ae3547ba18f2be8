// RUN: heed-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(heed-narrow-attention),canonicalize)' | FileCheck %s
// A query that is f16 made wide is read as f16; the keys are f32 themselves. The result is only used rounded.

// CHECK-LABEL: func @query(
// CHECK-SAME:    %{{[^:]*}}: index, %[[Q:[^:]*]]: tensor<?x64xf16>, %[[K:[^:]*]]: tensor<?x64xf32>,
// CHECK:         heed.attention({{.*}}) ins(%[[Q]], %[[K]], %[[K]] : tensor<?x64xf16>, tensor<?x64xf32>, tensor<?x64xf32>)
// CHECK:           {heed.stored_as = f16}
#q = affine_map<(i, j, d, e) -> (i, d)>
#k = affine_map<(i, j, d, e) -> (j, d)>
#v = affine_map<(i, j, d, e) -> (j, e)>
#o = affine_map<(i, j, d, e) -> (i, e)>
#id = affine_map<(i, c) -> (i, c)>
func.func @query(%n: index, %q: tensor<?x64xf16>, %k: tensor<?x64xf32>, %wide: tensor<?x64xf32>, %narrow: tensor<?x64xf16>) -> tensor<?x64xf16> {
  %c64 = arith.constant 64 : index
  %q32 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%q : tensor<?x64xf16>) outs(%wide : tensor<?x64xf32>) {
  ^bb0(%in: f16, %out: f32):
    %w = arith.extf %in : f16 to f32
    linalg.yield %w : f32
  } -> tensor<?x64xf32>
  %o = heed.attention(%n, %n, %c64, %c64) ins(%q32, %k, %k : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) outs(%wide : tensor<?x64xf32>)
      indexing_maps = [#q, #k, #v, #o] score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      } -> tensor<?x64xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%o : tensor<?x64xf32>) outs(%narrow : tensor<?x64xf16>) {
  ^bb0(%in: f32, %out: f16):
    %w = arith.truncf %in : f32 to f16
    linalg.yield %w : f16
  } -> tensor<?x64xf16>
  return %r : tensor<?x64xf16>
}

// -----

// A query that was scaled on its way is no f16, and a result that is returned wide may not be rounded.
// CHECK-LABEL: func @scaled(
// CHECK:         %[[Q:.*]] = linalg.generic
// CHECK:         heed.attention({{.*}}) ins(%[[Q]], {{.*}} : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>)
// CHECK-NOT:     heed.stored_as
#q = affine_map<(i, j, d, e) -> (i, d)>
#k = affine_map<(i, j, d, e) -> (j, d)>
#v = affine_map<(i, j, d, e) -> (j, e)>
#o = affine_map<(i, j, d, e) -> (i, e)>
#id = affine_map<(i, c) -> (i, c)>
func.func @scaled(%n: index, %q: tensor<?x64xf16>, %k: tensor<?x64xf32>, %wide: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c64 = arith.constant 64 : index
  %half = arith.constant 0.5 : f32
  %q32 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%q : tensor<?x64xf16>) outs(%wide : tensor<?x64xf32>) {
  ^bb0(%in: f16, %out: f32):
    %w = arith.extf %in : f16 to f32
    %s = arith.mulf %w, %half : f32
    linalg.yield %s : f32
  } -> tensor<?x64xf32>
  %o = heed.attention(%n, %n, %c64, %c64) ins(%q32, %k, %k : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) outs(%wide : tensor<?x64xf32>)
      indexing_maps = [#q, #k, #v, #o] score (%i, %j, %dot: f32) {
        heed.yield %dot : f32
      } -> tensor<?x64xf32>
  return %o : tensor<?x64xf32>
}
