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
    %s1 = heed.check "..." index = 2 after %s0(%n) value (%i) { ... heed.yield %inside : i1 }
    ```
    After:
    ```mlir
    %all = heed.define() value () { %r = heed.reduce all(%n) value (%i) { ... } : i1 heed.yield %r : i1 } : tensor<i1>
    %ok = tensor.extract %all[] : tensor<i1>
    %own = arith.select %ok, %c0_i32, %c3_i32 : i32
    %failed = arith.cmpi ne, %s0, %c0_i32 : i32
    %s1 = arith.select %failed, %s0, %own : i32
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
    %q = heed.define(%n) value (%h, %i, %c) { %s = affine.apply (h, c) -> (h * 64 + c) ... tensor.extract %x[%i, %s] ... }
    ... tensor.extract %q[%a, %b, %c]
    ```
    After: `tensor.extract %x[%b, %a * 64 + %c]`.
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
    heed.reduce sum(%c32) value (%c) {
      %first = arith.cmpi slt, %c, %c16 : index
      %x = arith.select %first, %q[%i, %c], %k[%j, %c - 16] ...  %p = arith.mulf %x, %w[%c, %o] ...
    }
    ```
    After:
    ```mlir
    %a = heed.reduce sum(%c16) value (%c) { %q[%i, %c] * %w[%c, %o] }
    %b = heed.reduce sum(%c16) value (%c) { %k[%j, %c] * %w[%c + 16, %o] }
    arith.addf %a, %b
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
    heed.define(%n, %m) value (%i, %j) { %d = heed.reduce sum(%c64) ... : f32  %s = arith.divf %d, %c8 ... }
    ```
    After:
    ```mlir
    %dots = heed.define(%n, %m) value (%i, %j) { %d = heed.reduce sum(%c64) ... heed.yield %d }
    heed.define(%n, %m) value (%i, %j) { %d = tensor.extract %dots[%i, %j]  %s = arith.divf %d, %c8 ... }
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
    %t = heed.define(%n) value (%i) { sum_j exp(%s[%i, %j]) }
    %w = heed.define(%n, %m) value (%i, %j) { exp(%s[%i, %j]) / %t[%i] }
    ```
    After: `%w = heed.softmax axis = 1(%n, %m) value (%i, %j) { %s[%i, %j] }`.
  }];
}

def DistributeSums : HeedDerivePass<"heed-distribute-sums"> {
  let summary = "sums the terms of weights one by one";
  let description = [{
    A sum whose weights are a sum or difference with softmaxes in it (differential attention) becomes one sum per term, each
    of which can be an attention.

    Before: `%o = heed.define(%n) value (%i, %e) { sum_j (%w1[%i, %j] - %l * %w2[%i, %j]) * %v[%j, %e] }`
    After:
    ```mlir
    %a = heed.define(%n) value (%i, %e) { sum_j %w1[%i, %j] * %v[%j, %e] }
    %b = heed.define(%n) value (%i, %e) { sum_j %l * %w2[%i, %j] * %v[%j, %e] }
    %o = heed.define(%n) value (%i, %e) { %a[%i, %e] - %b[%i, %e] }
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
    %w = heed.define(%n, %m) value (%i, %j) { sum_c %q[%i, %c] * %k[%j, %c] }
    %o = heed.define(%n, %c64) value (%i, %e) { sum_j %w[%i, %j] * %v[%j, %e] }
    ```
    After:
    ```mlir
    %s = heed.define(%c64, %c32) value (%e, %c) { sum_j %k[%j, %c] * %v[%j, %e] }
    %o = heed.define(%n, %c64) value (%i, %e) { sum_c %q[%i, %c] * %s[%e, %c] }
    ```
  }];
}

def ChunkCausal : HeedDerivePass<"heed-chunk-causal"> {
  let summary = "causal sums of products in chunks of rows, with a state for all keys before a chunk";
  let description = [{
    `out[i, e] = sum over j <= i + s of (sum_a q[i, a] * k[j, a]) * F(i, j) * v[j, e]` is quadratic in the number of rows as it
    stands. Rows are taken C at a time: pairs inside a chunk as written (a plain attention), and the keys before the chunk through
    the state `S[a, e] = sum_j F(p, j) * k[j, a] * v[j, e]`, as row p in front of the chunk would read it. What is left after the
    last whole chunk are the same pairs with fewer rows, so few rows cost what they did. Without an axis e (a denominator) the state
    is one row of keys, and the steps are single rows. Indices of heads become a parallel loop.

    Factors of a pair must split at a point between: F(i, j) = F(i, p) * F(p, j). These do: exp(a * (i - j)), c ^ (i - j),
    exp(f(i) - f(j)), exp of a sum over t in (j, i], and products of them, inside or outside the sum over a. They are evaluated
    for positions of one chunk and its begin only, never as exp(f(i)) alone. A sum over (j, i] is summed anew in every chunk.

    Refused, with a remark, where a row may see more keys than there are, a factor of the pair does not split, or the size of the
    state is not constant.

    Before:
    ```mlir
    %w = heed.define(%n, %n) where (%i, %j) {...} value (%i, %j) { sum_a %q[%i, %a] * %k[%j, %a] }
    %o = heed.define(%n) value (%i, %e) { heed.reduce sum(%n) where (%j) { %j <= %i } value (%j) { %w[%i, %j] * %v[%j, %e] } }
    ```
    After:
    ```mlir
    %all, %last = heed.scan (%n floordiv 64) states(%init, %zeros) body (%t, %o, %s) {
      %own = the definitions above for rows and keys 64 * %t + %r
      %earlier = heed.define() value (%r, %e) { sum_a %q[64 * %t + %r, %a] * %s[%a, %e] }
      %next = heed.define() value (%a, %e) { %s[%a, %e] + sum_r %k[64 * %t + %r, %a] * %v[64 * %t + %r, %e] }
      heed.yield tensor.insert_slice %own + %earlier into %o, %next
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
    %w = heed.softmax axis = 1(%n, %m) where (%i, %j) {...} value (%i, %j) {... %score[%i, %j] ...}
    %o = heed.define(%n) value (%i, %e) { heed.reduce sum(%m) value (%j) { %w[%i, %j] * %v[%j, %e] } }
    ```
    After:
    ```mlir
    %o = heed.attention(%n, %m, %c64, %c64) ins(%q, %k, %v : ...) outs(...) indexing_maps = [...]
        where (%i, %j) {...} score (%i, %j, %dot: f32) {...} -> tensor<?x64xf32>
    ```
  }];
}

def SoftmaxToDefines : HeedDerivePass<"heed-softmax-to-defines"> {
  let summary = "writes softmax as row maximum, exponentials, row sum and quotient";
  let description = [{
    What attention did not take. The value is stored first unless it is a plain read; elements outside the domain give 0
    before they are summed.

    Before: `%w = heed.softmax axis = 1(%n, %m) where {...} value {...}`
    After:
    ```mlir
    %max = heed.define(%n) value (%i) { heed.reduce max(%m) where {...} value {...} }
    %exp = heed.define(%n, %m) value (%i, %j) { inside ? exp(value - %max[%i]) : 0 }
    %sum = heed.define(%n) value (%i) { heed.reduce sum(%m) value (%j) { %exp[%i, %j] } }
    %w   = heed.define(%n, %m) value (%i, %j) { inside ? %exp[%i, %j] / %sum[%i] : 0 }
    ```
  }];
}

def SeparateFactors : HeedDerivePass<"heed-separate-factors"> {
  let summary = "stores what a sum of products would compute again for every output";
  let description = [{
    In a sum of products, a factor that is more than a read and does not depend on every index of the result gets its own
    definition: `sum_c gelu(x[i, c]) * w[c, o]` computes each gelu once and leaves a matrix product of two tensors.
    A sum whose factors all depend on all indices, as `va[c] * tanh(a[i, c] + b[j, c])`, stays as it is.

    Before: `heed.reduce sum(%c) value (%c) { f(%x[%i, %c]) * %w[%c, %o] }`
    After: `%f = heed.define(%n) value (%i, %c) {...}` and `heed.reduce sum(%c) value (%c) { %f[%i, %c] * %w[%c, %o] }`
  }];
}

def SplitAxes : HeedDerivePass<"heed-split-axes"> {
  let summary = "splits axes that are only used through quotient and remainder";
  let description = [{
    `out[i, c] = o[c floordiv 64, i, c mod 64]` becomes a definition over (i, h, e) that reads `o[h, i, e]`, and a
    `tensor.collapse_shape` that gives it the shape of `out` without moving anything. Applies to axes of static size that
    the divisor divides.
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
  }];
}

def ScanToScf : HeedDerivePass<"heed-scan-to-scf"> {
  let summary = "recurrences to scf.for and scf.while";
  let description = [{
    A scan without `until` becomes `scf.for` over the steps (a backward scan counts its steps down from the end); a scan
    with `until` becomes `scf.while` that carries the number of steps taken and the condition.
  }];
}

#endif
