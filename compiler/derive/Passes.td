// Passes.td - the passes of derive, in pipeline order.
#ifndef HEED_DERIVE_PASSES_TD
#define HEED_DERIVE_PASSES_TD

include "mlir/Pass/PassBase.td"

class HeedDerivePass<string flag> : Pass<flag, "::mlir::func::FuncOp"> {
  let dependentDialects = ["::heed::ir::HeedDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ChecksToStatus : HeedDerivePass<"heed-checks-to-status"> {
  let summary = "writes run-time checks as reductions whose outcome selects the status";
  let description = [{
    A `heed.check` becomes a definition without axes that reduces its condition with `all`; elements outside the domain
    count as true. The status stays what it was if a check before it failed.

    Before:
    ```mlir
    func.func @f(%n: index, %x: tensor<?xi32>, %before: i32) -> i32 {
      %c10 = arith.constant 10 : i32
      %s = heed.check "index out of range" index = 2 after %before(%n) value (%i) {
        %t = tensor.extract %x[%i] : tensor<?xi32>
        %inside = arith.cmpi ult, %t, %c10 : i32
        heed.yield %inside : i1
      }
      return %s : i32
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?xi32>, %arg2: i32) -> i32 {
      %c10_i32 = arith.constant 10 : i32
      %0 = heed.define() value () {
        %4 = heed.reduce all(%arg0) value (%k) {
          %extracted_0 = tensor.extract %arg1[%k] : tensor<?xi32>
          %5 = arith.cmpi ult, %extracted_0, %c10_i32 : i32
          heed.yield %5 : i1
        } : i1
        heed.yield %4 : i1
      } : tensor<i1>
      %extracted = tensor.extract %0[] : tensor<i1>
      %c0_i32 = arith.constant 0 : i32
      %c3_i32 = arith.constant 3 : i32
      %1 = arith.select %extracted, %c0_i32, %c3_i32 : i32
      %2 = arith.cmpi ne, %arg2, %c0_i32 : i32
      %3 = arith.select %2, %arg2, %1 : i32
      return %3 : i32
    }
    ```
  }];
}

def FoldIndexMaps : HeedDerivePass<"heed-fold-index-maps"> {
  let summary = "reads through definitions that only rearrange another tensor";
  let description = [{
    A definition whose value is one element of another tensor, at subscripts that are linear in its indices (a transpose,
    a slice, a split of heads), is not stored: its readers read the other tensor. Subscripts with a division or a
    remainder (a merge of heads) are refused, since the composed subscripts would keep matrix products from being seen.

    Before:
    ```mlir
    func.func @f(%x: tensor<?x512xf32>, %n: index) -> tensor<?x8x64xf32> {
      %q = heed.define(%n) value (%h, %i, %c) {
        %s = affine.apply affine_map<(h, c) -> (h * 64 + c)>(%h, %c)
        %e = tensor.extract %x[%i, %s] : tensor<?x512xf32>
        heed.yield %e : f32
      } : tensor<8x?x64xf32>
      %r = heed.define(%n) value (%i, %h, %c) {
        %e = tensor.extract %q[%h, %i, %c] : tensor<8x?x64xf32>
        %f = math.exp %e : f32
        heed.yield %f : f32
      } : tensor<?x8x64xf32>
      return %r : tensor<?x8x64xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: tensor<?x512xf32>, %arg1: index) -> tensor<?x8x64xf32> {
      %0 = heed.define(%arg1) value (%i, %j, %k) {
        %1 = affine.apply affine_map<(d0, d1) -> (d0 * 64 + d1)>(%j, %k)
        %extracted = tensor.extract %arg0[%i, %1] : tensor<?x512xf32>
        %2 = math.exp %extracted : f32
        heed.yield %2 : f32
      } : tensor<?x8x64xf32>
      return %0 : tensor<?x8x64xf32>
    }
    ```
  }];
}

def SplitSums : HeedDerivePass<"heed-split-sums"> {
  let summary = "splits sums over joined axes where the parts depend on fewer indices";
  let description = [{
    `concat(q[i], k[j]) @ w` sums over an axis whose first half comes from q and whose second half comes from k. As one sum
    it needs every pair (i, j); as two, each half needs one of the two. A definition that does the joining is computed
    where the sum reads it. The boundary and the size must be constants.

    Before:
    ```mlir
    func.func @f(%n: index, %m: index, %q: tensor<?x16xf32>, %k: tensor<?x8xf32>) -> tensor<?x?xf32> {
      %c24 = arith.constant 24 : index
      %c16 = arith.constant 16 : index
      %c15 = arith.constant 15 : index
      %c0 = arith.constant 0 : index
      %r = heed.define(%n, %m) value (%i, %j) {
        %s = heed.reduce sum(%c24) value (%c) {
          %first = arith.cmpi slt, %c, %c16 : index
          %a = arith.minsi %c, %c15 : index
          %x = tensor.extract %q[%i, %a] : tensor<?x16xf32>
          %behind = affine.apply affine_map<(d0) -> (d0 - 16)>(%c)
          %b = arith.maxsi %behind, %c0 : index
          %y = tensor.extract %k[%j, %b] : tensor<?x8xf32>
          %joined = arith.select %first, %x, %y : f32
          heed.yield %joined : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?x?xf32>
      return %r : tensor<?x?xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: index, %arg2: tensor<?x16xf32>, %arg3: tensor<?x8xf32>) -> tensor<?x?xf32> {
      %0 = heed.define(%arg0, %arg1) value (%i, %j) {
        %c16 = arith.constant 16 : index
        %1 = heed.reduce sum(%c16) value (%k) {
          %extracted = tensor.extract %arg2[%i, %k] : tensor<?x16xf32>
          heed.yield %extracted : f32
        } : f32
        %c8 = arith.constant 8 : index
        %2 = heed.reduce sum(%c8) value (%k) {
          %4 = affine.apply affine_map<(d0) -> (d0 + 16)>(%k)
          %5 = affine.apply affine_map<(d0) -> (d0 - 16)>(%4)
          %extracted = tensor.extract %arg3[%j, %5] : tensor<?x8xf32>
          heed.yield %extracted : f32
        } : f32
        %3 = arith.addf %1, %2 : f32
        heed.yield %3 : f32
      } : tensor<?x?xf32>
      return %0 : tensor<?x?xf32>
    }
    ```
  }];
}

def SeparateReductions : HeedDerivePass<"heed-separate-reductions"> {
  let summary = "gives every reduction its own definition over the indices it depends on";
  let description = [{
    A reduction inside a larger expression moves into a definition of its own, over only those indices of its
    surroundings that it depends on: `tanh(s[i] @ wa + h[j] @ ua)` needs the products for every i and for every j, not for
    every pair. The new definition keeps the conditions of the domain that concern its indices alone. Afterwards a
    definition is either free of reductions or yields exactly one, whose body is free of reductions.

    Before:
    ```mlir
    func.func @f(%n: index, %m: index, %q: tensor<?x64xf32>, %k: tensor<?x64xf32>) -> tensor<?x?xf32> {
      %c64 = arith.constant 64 : index
      %r = heed.define(%n, %m) value (%i, %j) {
        %d = heed.reduce sum(%c64) value (%c) {
          %a = tensor.extract %q[%i, %c] : tensor<?x64xf32>
          %b = tensor.extract %k[%j, %c] : tensor<?x64xf32>
          %p = arith.mulf %a, %b : f32
          heed.yield %p : f32
        } : f32
        %t = math.tanh %d : f32
        heed.yield %t : f32
      } : tensor<?x?xf32>
      return %r : tensor<?x?xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: index, %arg2: tensor<?x64xf32>, %arg3: tensor<?x64xf32>) -> tensor<?x?xf32> {
      %c64 = arith.constant 64 : index
      %0 = heed.define(%arg0, %arg1) value (%i, %j) {
        %2 = heed.reduce sum(%c64) value (%k) {
          %extracted = tensor.extract %arg2[%i, %k] : tensor<?x64xf32>
          %extracted_0 = tensor.extract %arg3[%j, %k] : tensor<?x64xf32>
          %3 = arith.mulf %extracted, %extracted_0 : f32
          heed.yield %3 : f32
        } : f32
        heed.yield %2 : f32
      } : tensor<?x?xf32>
      %1 = heed.define(%arg0, %arg1) value (%i, %j) {
        %extracted = tensor.extract %0[%i, %j] : tensor<?x?xf32>
        %2 = math.tanh %extracted : f32
        heed.yield %2 : f32
      } : tensor<?x?xf32>
      return %1 : tensor<?x?xf32>
    }
    ```
  }];
}

def RecogniseSoftmax : HeedDerivePass<"heed-recognise-softmax"> {
  let summary = "turns exponentials divided by their own sum into a softmax";
  let description = [{
    The sum must run over the same elements, and its score be computed in the same way. As a softmax it cannot overflow, and it
    can become part of an attention. So does a sum of exponentials times values, over the sum of the exponentials. Further
    terms of the divisor (a sink) become the softmax's `rest`, if they cannot be negative. The row's maximum, subtracted by
    hand from the scores and from the rest, is left out.

    Before:
    ```mlir
    func.func @f(%n: index, %m: index, %s: tensor<?x?xf32>) -> tensor<?x?xf32> {
      %t = heed.define(%n) value (%i) {
        %r = heed.reduce sum(%m) value (%k) {
          %a = tensor.extract %s[%i, %k] : tensor<?x?xf32>
          %e = math.exp %a : f32
          heed.yield %e : f32
        } : f32
        heed.yield %r : f32
      } : tensor<?xf32>
      %w = heed.define(%n, %m) value (%i, %j) {
        %a = tensor.extract %s[%i, %j] : tensor<?x?xf32>
        %e = math.exp %a : f32
        %b = tensor.extract %t[%i] : tensor<?xf32>
        %q = arith.divf %e, %b : f32
        heed.yield %q : f32
      } : tensor<?x?xf32>
      return %w : tensor<?x?xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: index, %arg2: tensor<?x?xf32>) -> tensor<?x?xf32> {
      %0 = heed.softmax axis = 1(%arg0, %arg1) value (%i, %j) {
        %extracted = tensor.extract %arg2[%i, %j] : tensor<?x?xf32>
        heed.yield %extracted : f32
      } : tensor<?x?xf32>
      return %0 : tensor<?x?xf32>
    }
    ```
  }];
}

def DistributeSums : HeedDerivePass<"heed-distribute-sums"> {
  let summary = "sums the terms of weights one by one";
  let description = [{
    A sum whose weights are a sum or difference with softmaxes in it (differential attention) becomes one sum per term, each
    of which can be an attention.

    Before:
    ```mlir
    func.func @f(%n: index, %s: tensor<?x?xf32>, %t: tensor<?x?xf32>, %v: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %w1 = heed.softmax axis = 1(%n, %n) value (%i, %j) {
        %0 = tensor.extract %s[%i, %j] : tensor<?x?xf32>
        heed.yield %0 : f32
      } : tensor<?x?xf32>
      %w2 = heed.softmax axis = 1(%n, %n) value (%i, %j) {
        %0 = tensor.extract %t[%i, %j] : tensor<?x?xf32>
        heed.yield %0 : f32
      } : tensor<?x?xf32>
      %o = heed.define(%n) value (%i, %e) {
        %r = heed.reduce sum(%n) value (%j) {
          %0 = tensor.extract %w1[%i, %j] : tensor<?x?xf32>
          %1 = tensor.extract %w2[%i, %j] : tensor<?x?xf32>
          %2 = arith.subf %0, %1 : f32
          %3 = tensor.extract %v[%j, %e] : tensor<?x8xf32>
          %4 = arith.mulf %2, %3 : f32
          heed.yield %4 : f32
        } : f32
        heed.yield %r : f32
      } : tensor<?x8xf32>
      return %o : tensor<?x8xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?x?xf32>, %arg2: tensor<?x?xf32>, %arg3: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %0 = heed.softmax axis = 1(%arg0, %arg0) value (%i, %j) {
        %extracted = tensor.extract %arg1[%i, %j] : tensor<?x?xf32>
        heed.yield %extracted : f32
      } : tensor<?x?xf32>
      %1 = heed.softmax axis = 1(%arg0, %arg0) value (%i, %j) {
        %extracted = tensor.extract %arg2[%i, %j] : tensor<?x?xf32>
        heed.yield %extracted : f32
      } : tensor<?x?xf32>
      %2 = heed.define(%arg0) value (%i, %j) {
        %5 = heed.reduce sum(%arg0) value (%k) {
          %extracted = tensor.extract %0[%i, %k] : tensor<?x?xf32>
          %extracted_0 = tensor.extract %arg3[%k, %j] : tensor<?x8xf32>
          %6 = arith.mulf %extracted, %extracted_0 : f32
          heed.yield %6 : f32
        } : f32
        heed.yield %5 : f32
      } : tensor<?x8xf32>
      %3 = heed.define(%arg0) value (%i, %j) {
        %5 = heed.reduce sum(%arg0) value (%k) {
          %extracted = tensor.extract %1[%i, %k] : tensor<?x?xf32>
          %extracted_0 = tensor.extract %arg3[%k, %j] : tensor<?x8xf32>
          %6 = arith.mulf %extracted, %extracted_0 : f32
          heed.yield %6 : f32
        } : f32
        heed.yield %5 : f32
      } : tensor<?x8xf32>
      %4 = heed.define(%arg0) value (%i, %j) {
        %extracted = tensor.extract %2[%i, %j] : tensor<?x8xf32>
        %extracted_0 = tensor.extract %3[%i, %j] : tensor<?x8xf32>
        %5 = arith.subf %extracted, %extracted_0 : f32
        heed.yield %5 : f32
      } : tensor<?x8xf32>
      return %4 : tensor<?x8xf32>
    }
    ```
  }];
}

def SplitAngles : HeedDerivePass<"heed-split-angles"> {
  let summary = "makes the cosine or sine of an angle between row and column a part of their product";
  let description = [{
    Weights that are a sum of products times the cosine of an angle a(i) + b(j) are a sum of twice as many products, by
    cos(a + b) = cos a cos b - sin a sin b (and sin(a + b) = sin a cos b + cos a sin b): the angle turns rows and columns, each
    once. What is left is linear, if the product is. The angle may be a difference of positions, times or over what rows and columns
    share, or any sum of parts that depend on one of the two.

    Leaves alone an angle that is no such sum, and weights that are read by anything but sums.

    Before:
    ```mlir
    func.func @f(%n: index, %q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %angle: tensor<?xf32>) -> tensor<?xf32> {
      %c32 = arith.constant 32 : index
      %d = heed.define(%n, %n) value (%i, %j) {
        %s = heed.reduce sum(%c32) value (%c) {
          %a = tensor.extract %q[%i, %c] : tensor<?x32xf32>
          %b = tensor.extract %k[%j, %c] : tensor<?x32xf32>
          %p = arith.mulf %a, %b : f32
          heed.yield %p : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?x?xf32>
      %w = heed.define(%n, %n) value (%i, %j) {
        %s = tensor.extract %d[%i, %j] : tensor<?x?xf32>
        %x = tensor.extract %angle[%i] : tensor<?xf32>
        %y = tensor.extract %angle[%j] : tensor<?xf32>
        %between = arith.subf %x, %y : f32
        %cos = math.cos %between : f32
        %p = arith.mulf %s, %cos : f32
        heed.yield %p : f32
      } : tensor<?x?xf32>
      %o = heed.define(%n) value (%i) {
        %s = heed.reduce sum(%n) value (%j) {
          %x = tensor.extract %w[%i, %j] : tensor<?x?xf32>
          heed.yield %x : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?xf32>
      return %o : tensor<?xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?x32xf32>, %arg2: tensor<?x32xf32>, %arg3: tensor<?xf32>) -> tensor<?xf32> {
      %0 = heed.define(%arg0) value (%i) {
        %extracted = tensor.extract %arg3[%i] : tensor<?xf32>
        %8 = arith.negf %extracted : f32
        %9 = math.cos %8 : f32
        heed.yield %9 : f32
      } : tensor<?xf32>
      %1 = heed.define(%arg0) value (%i) {
        %extracted = tensor.extract %arg3[%i] : tensor<?xf32>
        %8 = arith.negf %extracted : f32
        %9 = math.sin %8 : f32
        %10 = arith.negf %9 : f32
        heed.yield %10 : f32
      } : tensor<?xf32>
      %2 = heed.define(%arg0) value (%i, %j) {
        %c32 = arith.constant 32 : index
        %8 = arith.cmpi slt, %j, %c32 : index
        %9 = arith.subi %j, %c32 : index
        %10 = arith.select %8, %j, %9 : index
        %extracted = tensor.extract %0[%i] : tensor<?xf32>
        %extracted_0 = tensor.extract %1[%i] : tensor<?xf32>
        %11 = arith.select %8, %extracted, %extracted_0 : f32
        %extracted_1 = tensor.extract %arg2[%i, %10] : tensor<?x32xf32>
        %12 = arith.mulf %extracted_1, %11 : f32
        heed.yield %12 : f32
      } : tensor<?x64xf32>
      %3 = heed.define(%arg0) value (%i) {
        %extracted = tensor.extract %arg3[%i] : tensor<?xf32>
        %8 = math.cos %extracted : f32
        heed.yield %8 : f32
      } : tensor<?xf32>
      %4 = heed.define(%arg0) value (%i) {
        %extracted = tensor.extract %arg3[%i] : tensor<?xf32>
        %8 = math.sin %extracted : f32
        heed.yield %8 : f32
      } : tensor<?xf32>
      %5 = heed.define(%arg0) value (%i, %j) {
        %c32 = arith.constant 32 : index
        %8 = arith.cmpi slt, %j, %c32 : index
        %9 = arith.subi %j, %c32 : index
        %10 = arith.select %8, %j, %9 : index
        %extracted = tensor.extract %3[%i] : tensor<?xf32>
        %extracted_0 = tensor.extract %4[%i] : tensor<?xf32>
        %11 = arith.select %8, %extracted, %extracted_0 : f32
        %extracted_1 = tensor.extract %arg1[%i, %10] : tensor<?x32xf32>
        %12 = arith.mulf %extracted_1, %11 : f32
        heed.yield %12 : f32
      } : tensor<?x64xf32>
      %c64 = arith.constant 64 : index
      %6 = heed.define(%arg0, %arg0) value (%i, %j) {
        %8 = heed.reduce sum(%c64) value (%k) {
          %extracted = tensor.extract %2[%j, %k] : tensor<?x64xf32>
          %extracted_0 = tensor.extract %5[%i, %k] : tensor<?x64xf32>
          %9 = arith.mulf %extracted, %extracted_0 : f32
          heed.yield %9 : f32
        } : f32
        heed.yield %8 : f32
      } : tensor<?x?xf32>
      %7 = heed.define(%arg0) value (%i) {
        %8 = heed.reduce sum(%arg0) value (%k) {
          %extracted = tensor.extract %6[%i, %k] : tensor<?x?xf32>
          heed.yield %extracted : f32
        } : f32
        heed.yield %8 : f32
      } : tensor<?xf32>
      return %7 : tensor<?xf32>
    }
    ```
  }];
}

def Reassociate : HeedDerivePass<"heed-reassociate"> {
  let summary = "sums keys times values before they meet a query, where that costs less";
  let description = [{
    A sum over keys whose weights are sums of products, without a function or a domain in between (linear attention,
    random features), is computed from the right: (n + m) d e multiplications instead of n m (d + e). Both steps are matrix
    products. Kept as it is, with a remark, where a domain ties keys to queries.

    Before:
    ```mlir
    func.func @f(%n: index, %q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x64xf32>) -> tensor<?x64xf32> {
      %c32 = arith.constant 32 : index
      %d = heed.define(%n, %n) value (%i, %j) {
        %s = heed.reduce sum(%c32) value (%c) {
          %a = tensor.extract %q[%i, %c] : tensor<?x32xf32>
          %b = tensor.extract %k[%j, %c] : tensor<?x32xf32>
          %p = arith.mulf %a, %b : f32
          heed.yield %p : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?x?xf32>
      %o = heed.define(%n) value (%i, %e) {
        %s = heed.reduce sum(%n) value (%j) {
          %a = tensor.extract %d[%i, %j] : tensor<?x?xf32>
          %b = tensor.extract %v[%j, %e] : tensor<?x64xf32>
          %p = arith.mulf %a, %b : f32
          heed.yield %p : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?x64xf32>
      return %o : tensor<?x64xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?x32xf32>, %arg2: tensor<?x32xf32>, %arg3: tensor<?x64xf32>) -> tensor<?x64xf32> {
      %c32 = arith.constant 32 : index
      %0 = heed.define() value (%i, %j) {
        %2 = heed.reduce sum(%arg0) value (%k) {
          %extracted = tensor.extract %arg2[%k, %j] : tensor<?x32xf32>
          %extracted_0 = tensor.extract %arg3[%k, %i] : tensor<?x64xf32>
          %3 = arith.mulf %extracted, %extracted_0 : f32
          heed.yield %3 : f32
        } : f32
        heed.yield %2 : f32
      } : tensor<64x32xf32>
      %1 = heed.define(%arg0) value (%i, %j) {
        %2 = heed.reduce sum(%c32) value (%k) {
          %extracted = tensor.extract %0[%j, %k] : tensor<64x32xf32>
          %extracted_0 = tensor.extract %arg1[%i, %k] : tensor<?x32xf32>
          %3 = arith.mulf %extracted_0, %extracted : f32
          heed.yield %3 : f32
        } : f32
        heed.yield %2 : f32
      } : tensor<?x64xf32>
      return %1 : tensor<?x64xf32>
    }
    ```
  }];
}

def ChunkCausal : HeedDerivePass<"heed-chunk-causal"> {
  let summary = "causal sums of products in chunks of rows, with a state for all keys before a chunk";
  let description = [{
    `out[i, e] = sum over j <= i + s of (sum_a q[i, a] * k[j, a]) * F(i, j) * v[j, e]` is quadratic in the number of rows as it
    stands. Rows are taken C at a time: pairs inside a chunk as written (a plain attention), and the keys before the chunk through
    the state `S[a, e] = sum_j F(p, j) * k[j, a] * v[j, e]`, as row p in front of the chunk would read it. What is left after the
    last whole chunk goes row by row: the state takes the key of the row, and the row reads it. That takes about the time of a chunk and
    little code. Without an axis e (a denominator) the state is one row of keys, and the steps are single rows. Indices of heads become a parallel loop.

    Factors of a pair must split at a point between: F(i, j) = F(i, p) * F(p, j). These do: exp(a * (i - j)), c ^ (i - j),
    exp(f(i) - f(j)), exp of a sum over t in (j, i], and products of them, inside or outside the sum over a. They are evaluated
    for positions of one chunk and its begin only, never as exp(f(i)) alone. A sum over (j, i] is summed anew in every chunk.

    Refused, with a remark, where a row may see more keys than there are, a factor of the pair does not split, or the size of the
    state is not constant.

    Before:
    ```mlir
    func.func @f(%n: index, %q: tensor<?x32xf32>, %k: tensor<?x32xf32>) -> tensor<?xf32> {
      %c32 = arith.constant 32 : index
      %d = heed.define(%n, %n) value (%i, %j) {
        %s = heed.reduce sum(%c32) value (%c) {
          %a = tensor.extract %q[%i, %c] : tensor<?x32xf32>
          %b = tensor.extract %k[%j, %c] : tensor<?x32xf32>
          %p = arith.mulf %a, %b : f32
          heed.yield %p : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?x?xf32>
      %o = heed.define(%n) value (%i) {
        %s = heed.reduce sum(%n) where (%j) {
          %c = arith.cmpi sle, %j, %i : index
          heed.yield %c : i1
        } value (%j) {
          %a = tensor.extract %d[%i, %j] : tensor<?x?xf32>
          heed.yield %a : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?xf32>
      return %o : tensor<?xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?x32xf32>, %arg2: tensor<?x32xf32>) -> tensor<?xf32> {
      %0 = tensor.empty(%arg0) : tensor<?xf32>
      %cst = arith.constant 0.000000e+00 : f32
      %1 = tensor.empty() : tensor<32xf32>
      %2 = linalg.fill ins(%cst : f32) outs(%1 : tensor<32xf32>) -> tensor<32xf32>
      %3:2 = heed.scan (%arg0) states(%0, %2 : tensor<?xf32>, tensor<32xf32>) body (%t, %arg3: tensor<?xf32>, %arg4: tensor<32xf32>) {
        %4 = heed.define() value (%i) {
          %extracted = tensor.extract %arg2[%t, %i] : tensor<?x32xf32>
          heed.yield %extracted : f32
        } : tensor<32xf32>
        %5 = heed.define() value (%i) {
          %extracted = tensor.extract %arg4[%i] : tensor<32xf32>
          %extracted_0 = tensor.extract %4[%i] : tensor<32xf32>
          %7 = arith.addf %extracted, %extracted_0 : f32
          heed.yield %7 : f32
        } : tensor<32xf32>
        %6 = heed.define() value (%i) {
          %c32 = arith.constant 32 : index
          %7 = heed.reduce sum(%c32) value (%k) {
            %extracted = tensor.extract %arg1[%t, %k] : tensor<?x32xf32>
            %extracted_0 = tensor.extract %5[%k] : tensor<32xf32>
            %8 = arith.mulf %extracted, %extracted_0 : f32
            heed.yield %8 : f32
          } : f32
          heed.yield %7 : f32
        } : tensor<1xf32>
        %inserted_slice = tensor.insert_slice %6 into %arg3[%t] [1] [1] : tensor<1xf32> into tensor<?xf32>
        heed.yield %inserted_slice, %5 : tensor<?xf32>, tensor<32xf32>
      } -> (tensor<?xf32>, tensor<32xf32>)
      return %3#0 : tensor<?xf32>
    }
    ```
  }];
}

def RaiseAttention : HeedDerivePass<"heed-raise-attention"> {
  let summary = "turns softmax-weighted sums into heed.attention";
  let description = [{
    Finds `out[b.., i, e] = sum_j(softmax_j(score(b.., i, j)) * v[b.., j, e])`, whatever definitions the score is spread
    over. Pointwise definitions between them are inlined into the score; one product `sum_d q[b.., i, d] * k[b.., j, d]`
    among its parts becomes the `dot` argument; factors beside the weight belong to the value. Operands are read through
    affine maps where their subscripts are affine and else get a definition.

    A sum of other terms, `sum_d f(q[b.., i, d], k[b.., j, d])`, becomes the `dot` argument too, with `f` as `combine`, if each
    side enters through one value. What only one side needs is computed once for it.

    Refuses, with a remark that says why, when the weights are also read elsewhere or returned, when the sum runs over
    other elements than the softmax, when the value depends on the row, and when there is more than one axis of features.

    Before:
    ```mlir
    func.func @f(%n: index, %q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x64xf32>) -> tensor<?x64xf32> {
      %c32 = arith.constant 32 : index
      %d = heed.define(%n, %n) value (%i, %j) {
        %s = heed.reduce sum(%c32) value (%c) {
          %a = tensor.extract %q[%i, %c] : tensor<?x32xf32>
          %b = tensor.extract %k[%j, %c] : tensor<?x32xf32>
          %p = arith.mulf %a, %b : f32
          heed.yield %p : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?x?xf32>
      %w = heed.softmax axis = 1(%n, %n) value (%i, %j) {
        %s = tensor.extract %d[%i, %j] : tensor<?x?xf32>
        %t = math.tanh %s : f32
        heed.yield %t : f32
      } : tensor<?x?xf32>
      %o = heed.define(%n) value (%i, %e) {
        %s = heed.reduce sum(%n) value (%j) {
          %a = tensor.extract %w[%i, %j] : tensor<?x?xf32>
          %b = tensor.extract %v[%j, %e] : tensor<?x64xf32>
          %p = arith.mulf %a, %b : f32
          heed.yield %p : f32
        } : f32
        heed.yield %s : f32
      } : tensor<?x64xf32>
      return %o : tensor<?x64xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?x32xf32>, %arg2: tensor<?x32xf32>, %arg3: tensor<?x64xf32>) -> tensor<?x64xf32> {
      %c32 = arith.constant 32 : index
      %0 = tensor.empty(%arg0) : tensor<?x64xf32>
      %c32_0 = arith.constant 32 : index
      %c64 = arith.constant 64 : index
      %1 = heed.attention(%arg0, %arg0, %c32_0, %c64) ins(%arg1, %arg2, %arg3 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x64xf32>) outs(%0 : tensor<?x64xf32>) indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2)>, affine_map<(d0, d1, d2, d3) -> (d1, d2)>, affine_map<(d0, d1, d2, d3) -> (d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3)>] score (%i, %j, %dot: f32) {
        %2 = math.tanh %dot : f32
        heed.yield %2 : f32
      } -> tensor<?x64xf32>
      return %1 : tensor<?x64xf32>
    }
    ```
  }];
}

def SoftmaxToDefines : HeedDerivePass<"heed-softmax-to-defines"> {
  let summary = "writes softmax as row maximum, exponentials, row sum and quotient";
  let description = [{
    What attention did not take. The value is stored first unless it is a plain read; elements outside the domain give 0
    before they are summed.

    Before:
    ```mlir
    func.func @f(%n: index, %m: index, %x: tensor<?x?xf32>) -> tensor<?x?xf32> {
      %w = heed.softmax axis = 1(%n, %m) value (%i, %j) {
        %0 = tensor.extract %x[%i, %j] : tensor<?x?xf32>
        heed.yield %0 : f32
      } : tensor<?x?xf32>
      return %w : tensor<?x?xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: index, %arg2: tensor<?x?xf32>) -> tensor<?x?xf32> {
      %0 = heed.define(%arg0) value (%i) {
        %4 = heed.reduce max(%arg1) value (%k) {
          %extracted = tensor.extract %arg2[%i, %k] : tensor<?x?xf32>
          heed.yield %extracted : f32
        } : f32
        heed.yield %4 : f32
      } : tensor<?xf32>
      %1 = heed.define(%arg0, %arg1) value (%i, %j) {
        %extracted = tensor.extract %0[%i] : tensor<?xf32>
        %extracted_0 = tensor.extract %arg2[%i, %j] : tensor<?x?xf32>
        %4 = arith.subf %extracted_0, %extracted : f32
        %5 = math.exp %4 : f32
        heed.yield %5 : f32
      } : tensor<?x?xf32>
      %2 = heed.define(%arg0) value (%i) {
        %4 = heed.reduce sum(%arg1) value (%k) {
          %extracted = tensor.extract %1[%i, %k] : tensor<?x?xf32>
          heed.yield %extracted : f32
        } : f32
        heed.yield %4 : f32
      } : tensor<?xf32>
      %3 = heed.define(%arg0, %arg1) value (%i, %j) {
        %extracted = tensor.extract %1[%i, %j] : tensor<?x?xf32>
        %extracted_0 = tensor.extract %2[%i] : tensor<?xf32>
        %4 = arith.divf %extracted, %extracted_0 : f32
        heed.yield %4 : f32
      } : tensor<?x?xf32>
      return %3 : tensor<?x?xf32>
    }
    ```
  }];
}

def SeparateFactors : HeedDerivePass<"heed-separate-factors"> {
  let summary = "stores what a sum of products would compute again for every output";
  let description = [{
    In a sum of products, a factor that is more than a read and does not depend on every index of the result gets its own
    definition: `sum_c gelu(x[i, c]) * w[c, o]` computes each gelu once and leaves a matrix product of two tensors.
    A sum whose factors all depend on all indices, as `va[c] * tanh(a[i, c] + b[j, c])`, stays as it is.

    Before:
    ```mlir
    func.func @f(%n: index, %x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
      %c8 = arith.constant 8 : index
      %y = heed.define(%n) value (%i, %o) {
        %r = heed.reduce sum(%c8) value (%c) {
          %0 = tensor.extract %x[%i, %c] : tensor<?x8xf32>
          %1 = math.tanh %0 : f32
          %2 = tensor.extract %w[%c, %o] : tensor<8x4xf32>
          %3 = arith.mulf %1, %2 : f32
          heed.yield %3 : f32
        } : f32
        heed.yield %r : f32
      } : tensor<?x4xf32>
      return %y : tensor<?x4xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: tensor<?x8xf32>, %arg2: tensor<8x4xf32>) -> tensor<?x4xf32> {
      %c8 = arith.constant 8 : index
      %0 = heed.define(%arg0) value (%i, %j) {
        %extracted = tensor.extract %arg1[%i, %j] : tensor<?x8xf32>
        %2 = math.tanh %extracted : f32
        heed.yield %2 : f32
      } : tensor<?x8xf32>
      %1 = heed.define(%arg0) value (%i, %j) {
        %2 = heed.reduce sum(%c8) value (%k) {
          %extracted = tensor.extract %arg2[%k, %j] : tensor<8x4xf32>
          %extracted_0 = tensor.extract %0[%i, %k] : tensor<?x8xf32>
          %3 = arith.mulf %extracted_0, %extracted : f32
          heed.yield %3 : f32
        } : f32
        heed.yield %2 : f32
      } : tensor<?x4xf32>
      return %1 : tensor<?x4xf32>
    }
    ```
  }];
}

def SplitAxes : HeedDerivePass<"heed-split-axes"> {
  let summary = "splits axes that are only used through quotient and remainder";
  let description = [{
    `out[i, c] = o[c floordiv 64, i, c mod 64]` becomes a definition over (i, h, e) that reads `o[h, i, e]`, and a
    `tensor.collapse_shape` that gives it the shape of `out` without moving anything. Applies to axes of static size that
    the divisor divides.

    Before:
    ```mlir
    func.func @f(%o: tensor<8x?x64xf32>, %n: index) -> tensor<?x512xf32> {
      %m = heed.define(%n) value (%i, %c) {
        %h = affine.apply affine_map<(c) -> (c floordiv 64)>(%c)
        %d = affine.apply affine_map<(c) -> (c mod 64)>(%c)
        %e = tensor.extract %o[%h, %i, %d] : tensor<8x?x64xf32>
        heed.yield %e : f32
      } : tensor<?x512xf32>
      return %m : tensor<?x512xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: tensor<8x?x64xf32>, %arg1: index) -> tensor<?x512xf32> {
      %0 = heed.define(%arg1) value (%i, %j, %k) {
        %extracted = tensor.extract %arg0[%j, %i, %k] : tensor<8x?x64xf32>
        heed.yield %extracted : f32
      } : tensor<?x8x64xf32>
      %collapsed = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<?x8x64xf32> into tensor<?x512xf32>
      return %collapsed : tensor<?x512xf32>
    }
    ```
  }];
}

def DefineToLinalg : HeedDerivePass<"heed-define-to-linalg"> {
  let summary = "definitions to linalg.generic";
  let description = [{
    A definition without reduction becomes a parallel `linalg.generic`; one that yields a reduction becomes a generic with
    reduction iterators over an output filled with the neutral element. A domain becomes an `arith.select` of the element
    and the neutral element before any arithmetic mixes the element into a sum, so what is behind a mask (a NaN, say)
    cannot leak. A sum of products of two reads becomes a generic that upstream recognises as a contraction.

    A read whose subscripts are distinct indices becomes an operand with an indexing map; a subscript that the definition
    does not vary becomes a `tensor.extract_slice`, and `h * 64 + c` over a whole axis a `tensor.expand_shape`. Any other
    read stays a `tensor.extract` in the body.

    Before:
    ```mlir
    func.func @f(%x: tensor<5x5xf32>) -> tensor<5xf32> {
      %c5 = arith.constant 5 : index
      %y = heed.define() value (%i) {
        %r = heed.reduce sum(%c5) where (%j) {
          %c = arith.cmpi sle, %j, %i : index
          heed.yield %c : i1
        } value (%j) {
          %0 = tensor.extract %x[%i, %j] : tensor<5x5xf32>
          heed.yield %0 : f32
        } : f32
        heed.yield %r : f32
      } : tensor<5xf32>
      return %y : tensor<5xf32>
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: tensor<5x5xf32>) -> tensor<5xf32> {
      %c5 = arith.constant 5 : index
      %0 = tensor.empty() : tensor<5xf32>
      %cst = arith.constant 0.000000e+00 : f32
      %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<5xf32>) -> tensor<5xf32>
      %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%arg0 : tensor<5x5xf32>) outs(%1 : tensor<5xf32>) {
      ^bb0(%in: f32, %out: f32):
        %3 = linalg.index 0 : index
        %4 = linalg.index 1 : index
        %5 = arith.cmpi sle, %4, %3 : index
        %cst_0 = arith.constant 0.000000e+00 : f32
        %6 = arith.select %5, %in, %cst_0 : f32
        %7 = arith.addf %out, %6 : f32
        linalg.yield %7 : f32
      } -> tensor<5xf32>
      return %2 : tensor<5xf32>
    }
    ```
  }];
}

def ScanToScf : HeedDerivePass<"heed-scan-to-scf"> {
  let summary = "recurrences to scf.for and scf.while";
  let description = [{
    A scan without `until` becomes `scf.for` over the steps (a backward scan counts its steps down from the end); a scan
    with `until` becomes `scf.while` that carries the number of steps taken and the condition.

    Before:
    ```mlir
    func.func @f(%n: index, %x: f32) -> f32 {
      %r = heed.scan (%n) states(%x : f32) body (%t, %s: f32) {
        %next = arith.addf %s, %s : f32
        heed.yield %next : f32
      } -> f32
      return %r : f32
    }
    ```
    After:
    ```mlir
    func.func @f(%arg0: index, %arg1: f32) -> f32 {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %0 = scf.for %arg2 = %c0 to %arg0 step %c1 iter_args(%arg3 = %arg1) -> (f32) {
        %1 = arith.addf %arg3, %arg3 : f32
        scf.yield %1 : f32
      }
      return %0 : f32
    }
    ```
  }];
}

#endif
