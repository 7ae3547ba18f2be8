// HeedOps.td - the operations of the heed dialect.
#ifndef HEED_OPS_TD
#define HEED_OPS_TD

include "dialect/HeedDialect.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Heed_Op<string mnemonic, list<Trait> traits = []> : Op<Heed_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

def Heed_TensorOrBuffer : AnyTypeOf<[AnyRankedTensor, AnyMemRef], "ranked tensor or memref">;

//===----------------------------------------------------------------------===//
// Definitions
//===----------------------------------------------------------------------===//

class Heed_Definition<string mnemonic, list<Trait> traits = []> : Heed_Op<mnemonic, traits # [
    RecursiveMemoryEffects, RecursivelySpeculatable,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  code domainMethods = [{
    /// Whether the domain is restricted at all.
    bool hasDomain() { return !getDomain().empty(); }
    mlir::Block *getValueBlock() { return &getValue().front(); }
    mlir::Block *getDomainBlock() { return &getDomain().front(); }
    /// The value the body yields for one index tuple.
    mlir::Value getYielded() { return getValueBlock()->getTerminator()->getOperand(0); }
    mlir::Value getCondition() { return getDomainBlock()->getTerminator()->getOperand(0); }
  }];
}

def Heed_DefineOp : Heed_Definition<"define", [DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "a tensor given by a scalar equation over its indices";
  let description = [{
    `result[i, j, ...] = value(i, j, ...)` for every index tuple inside the domain. Elements outside the domain are
    unspecified and must not be read. The operands are the dynamic sizes of the result, in order.

    ```mlir
    %score = heed.define(%n, %m) where (%i, %j) {
      %c = arith.cmpi sle, %j, %i : index
      heed.yield %c : i1
    } value (%i, %j) {
      %s = heed.reduce sum(%c64) value (%c) {
        ...
      } : f32
      heed.yield %s : f32
    } : tensor<?x?xf32>
    ```

    - (C1) `sizes` has one operand per dynamic size of the result.
    - (C2) `value` and, if present, `domain` have one `index` argument per axis.
    - (C3) `domain` yields one `i1`.
    - (C4) `value` yields one value of the result's element type.
  }];
  let arguments = (ins Variadic<Index>:$sizes);
  let regions = (region MaxSizedRegion<1>:$domain, SizedRegion<1>:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    `(` $sizes `)` custom<Definition>($domain, $value) attr-dict `:` type($result)
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = domainMethods # [{
    /// The size of every axis, as attribute where it is static.
    llvm::SmallVector<mlir::OpFoldResult> getMixedSizes();
  }];
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "mlir::RankedTensorType":$type, "mlir::ValueRange":$sizes)>,
    OpBuilder<(ins "mlir::RankedTensorType":$type, "mlir::ValueRange":$sizes,
                   "::heed::ir::BodyBuilder":$domain, "::heed::ir::BodyBuilder":$value)>];
}

def Heed_SoftmaxOp : Heed_Definition<"softmax", [DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "a definition normalised by softmax along one axis";
  let description = [{
    `result = exp(value - max(value)) / sum(exp(value - max(value)))` along `axis`, over the elements inside the domain.
    Elements outside the domain are 0, so a row without any element is 0 everywhere. With `rest`, the sum has the further term
    `exp(rest)`: a score of the row that takes weight and gives none back.

    ```mlir
    %weight = heed.softmax axis = 1(%n, %m) value (%i, %j) {
      %s = tensor.extract %score[%i, %j] : tensor<?x?xf32>
      heed.yield %s : f32
    } : tensor<?x?xf32>
    ```

    - (C1) to (C4) as for `heed.define`.
    - (C5) `axis` is an axis of the result, and the element type is a float.
    - (C6) `rest`, if present, has an `index` argument per axis but `axis` and yields the element type.
  }];
  let arguments = (ins I64Attr:$axis, Variadic<Index>:$sizes);
  let regions = (region MaxSizedRegion<1>:$domain, SizedRegion<1>:$value, MaxSizedRegion<1>:$rest);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    `axis` `=` $axis `(` $sizes `)` custom<Normalised>($domain, $value, $rest) attr-dict `:` type($result)
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = domainMethods # [{
    llvm::SmallVector<mlir::OpFoldResult> getMixedSizes();
    bool hasRest() { return !getRest().empty(); }
  }];
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "mlir::RankedTensorType":$type, "int64_t":$axis, "mlir::ValueRange":$sizes)>,
    OpBuilder<(ins "mlir::RankedTensorType":$type, "int64_t":$axis, "mlir::ValueRange":$sizes,
                   "::heed::ir::BodyBuilder":$domain, "::heed::ir::BodyBuilder":$value,
                   CArg<"::heed::ir::BodyBuilder", "nullptr">:$rest)>];
}

def Heed_ReduceOp : Heed_Definition<"reduce"> {
  let summary = "a scalar that combines a value over ranges of indices";
  let description = [{
    Combines `value(i, ...)` over all index tuples inside the domain, each index from 0 to its size. Over no element the
    result is 0 for `sum`, `argmax`, `argmin` and `any`, 1 for `product` and `all`, -inf for `max` and +inf for `min`
    (of an integer: its smallest and largest value). `argmax` and `argmin` give the first position.

    ```mlir
    %dot = heed.reduce sum(%d) value (%c) {
      %a = tensor.extract %q[%i, %c] : tensor<?x64xf32>
      %b = tensor.extract %k[%j, %c] : tensor<?x64xf32>
      %p = arith.mulf %a, %b : f32
      heed.yield %p : f32
    } : f32
    ```

    - (C1) there is at least one size; `argmax` and `argmin` have exactly one.
    - (C2) `value` and, if present, `domain` have one `index` argument per size.
    - (C3) `domain` yields one `i1`.
    - (C4) `value` yields one float or integer: `i1` for `any` and `all`.
    - (C5) the result has the type that `value` yields; for `argmax` and `argmin` it is `index`.
  }];
  let arguments = (ins Heed_ReduceKindAttr:$kind, Variadic<Index>:$sizes);
  let regions = (region MaxSizedRegion<1>:$domain, SizedRegion<1>:$value);
  let results = (outs AnyTypeOf<[AnyFloat, AnySignlessIntegerOrIndex]>:$result);
  let assemblyFormat = [{
    `` $kind `(` $sizes `)` custom<Definition>($domain, $value) attr-dict `:` type($result)
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = domainMethods # [{
    /// The result over no element.
    mlir::TypedAttr getNeutral();
  }];
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "mlir::Type":$type, "::heed::ir::ReduceKind":$kind, "mlir::ValueRange":$sizes)>,
    OpBuilder<(ins "mlir::Type":$type, "::heed::ir::ReduceKind":$kind, "mlir::ValueRange":$sizes,
                   "::heed::ir::BodyBuilder":$domain, "::heed::ir::BodyBuilder":$value)>];
}

def Heed_CheckOp : Heed_Definition<"check"> {
  let summary = "a run-time condition on every index tuple";
  let description = [{
    `value` must be true for every index tuple inside the domain. The result is `previous` if that is not 0, else 0 if the
    condition holds everywhere and `1 + index` if it does not: threading the status through all checks of a function gives
    the first that failed. What is guarded by a check must be safe to execute even when it fails.

    ```mlir
    %s1 = heed.check "index out of range in embed[tokens]" index = 0 after %s0(%n) value (%i) {
      ...
      heed.yield %inside : i1
    }
    ```

    - (C1) there is one `index` argument per size in `value` and, if present, `domain`.
    - (C2) both yield one `i1`.
    - (C3) `index` is not negative.
  }];
  let arguments = (ins StrAttr:$text, I64Attr:$index, I32:$previous, Variadic<Index>:$sizes);
  let regions = (region MaxSizedRegion<1>:$domain, SizedRegion<1>:$value);
  let results = (outs I32:$status);
  let assemblyFormat = [{
    $text `index` `=` $index `after` $previous `(` $sizes `)` custom<Definition>($domain, $value) attr-dict
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = domainMethods;
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "llvm::StringRef":$text, "int64_t":$index, "mlir::Value":$previous, "mlir::ValueRange":$sizes,
                   "::heed::ir::BodyBuilder":$domain, "::heed::ir::BodyBuilder":$value)>];
}

//===----------------------------------------------------------------------===//
// Recurrence
//===----------------------------------------------------------------------===//

def Heed_ScanOp : Heed_Op<"scan", [RecursiveMemoryEffects, AttrSizedResultSegments,
    SingleBlock, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "a recurrence: states carried over steps";
  let description = [{
    Runs the body for t = 0, 1, ..., steps - 1 (`backward`: steps - 1, ..., 0). The body receives the step and the states
    and yields the next states. If it yields `until`, the scan ends after the first step at which that is true, and an
    `index` result gives the number of steps taken. A state that keeps all steps is a tensor with a row per step, behind
    (backward: in front of) the rows that hold the values before the first step.

    ```mlir
    %all, %taken = heed.scan (%steps) states(%init : tensor<?x128xf32>) body (%t, %s: tensor<?x128xf32>) {
      ...
      heed.yield %next : tensor<?x128xf32> until %stop
    } -> tensor<?x128xf32> until
    ```

    - (C1) the body has an `index` argument and one argument per state, of the state's type.
    - (C2) the results and the yielded values have the types of the states.
    - (C3) there is a `taken` result exactly if the body yields `until`.
    - (C4) `backward` scans have no `until`.
  }];
  let arguments = (ins Index:$steps, Variadic<AnyType>:$inits, UnitAttr:$backward);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<AnyType>:$states, Optional<Index>:$taken);
  let hasCustomAssemblyFormat = 1;
  let hasCanonicalizer = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "mlir::Value":$steps, "mlir::ValueRange":$inits, "bool":$backward, "bool":$until)>];
  let extraClassDeclaration = [{
    mlir::BlockArgument getStep() { return getBody().getArgument(0); }
    mlir::Block::BlockArgListType getStateArguments() { return getBody().getArguments().drop_front(); }
    ::heed::ir::YieldOp getYield();
  }];
}

def Heed_YieldOp : Heed_Op<"yield", [Pure, Terminator, ReturnLike, AttrSizedOperandSegments,
    ParentOneOf<["DefineOp", "SoftmaxOp", "ReduceOp", "CheckOp", "ScanOp", "AttentionOp"]>]> {
  let summary = "ends a region of a heed operation";
  let description = [{
    Gives the value of the region. `until` ends the enclosing scan after this step when it is true.

    - (C1) `until` stands only in a `heed.scan`.
  }];
  let arguments = (ins Variadic<AnyType>:$values, Optional<I1>:$until);
  let assemblyFormat = "($values^ `:` type($values))? (`until` $until^)? attr-dict";
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, mlir::ValueRange()); }]>,
                  OpBuilder<(ins "mlir::ValueRange":$values, CArg<"mlir::Value", "{}">:$until)>];
}

//===----------------------------------------------------------------------===//
// Kernels: destination style, on tensors and on buffers
//===----------------------------------------------------------------------===//

class Heed_Kernel<string mnemonic, list<Trait> traits = []> : Heed_Op<mnemonic, traits # [
    DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  code initMethods = [{
    mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Heed_AttentionOp : Heed_Kernel<"attention", [RecursiveMemoryEffects, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "softmax-weighted sums whose weights are never stored";
  let description = [{
    `init[b.., i, e] = sum_j softmax_j(score(b.., i, j, dot)) * value[b.., j, e]` where
    `dot = sum_d query[b.., i, d] * key[b.., j, d]`, over the j inside the domain. A row without any gives 0.
    What `init` holds before is not read. With `plain` the weights are the scores themselves, which nothing normalises.
    With `combine`, `dot = sum_d combine(b.., d, query[b.., i, d], key[b.., j, d])`: sums of anything but products, as in
    additive attention. With `rest`, the divisor has the further term `exp(rest(b.., i))`, a sink.

    `sizes` gives the iteration space (b..., i, j, d, e); without `query` and `key` there is no d, and `score` has no
    `dot` argument. `indexing_maps` map the iteration space to the subscripts of the operands, in operand order; they may
    be any affine form, so that split heads `(h, i, d) -> (i, h * 64 + d)` and grouped heads `h floordiv 4` need no copy.
    `score` and `domain` are scalar regions over (b..., i, j), `rest` over (b..., i) and `combine` over (b..., d). All may
    read other tensors or buffers of their surroundings.

    ```mlir
    %o = heed.attention(%n, %m, %c64, %c64)
        ins(%q, %k, %v : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) outs(%init : tensor<?x64xf32>)
        indexing_maps = [affine_map<(i, j, d, e) -> (i, d)>, affine_map<(i, j, d, e) -> (j, d)>,
                         affine_map<(i, j, d, e) -> (j, e)>, affine_map<(i, j, d, e) -> (i, e)>]
        where (%i, %j) {
          %c = arith.cmpi sle, %j, %i : index
          heed.yield %c : i1
        } score (%i, %j, %dot: f32) {
          %s = arith.mulf %dot, %scale : f32
          heed.yield %s : f32
        } -> tensor<?x64xf32>
    ```

    - (C1) `query` and `key` are both present or both absent.
    - (C2) there is one indexing map per query, key, value and init, over as many dimensions as there are sizes, with one
      result per axis of its operand.
    - (C3) the map of `query` uses no j and no e, that of `key` no i and no e, that of `value` no i and no d, that of
      `init` no j and no d.
    - (C4) the element types of `query`, `key`, `value` and `init` are floats; `init`'s is f32.
    - (C5) `score` has an `index` argument per b.., i, j, then `dot` of type f32 if there is a query; it yields f32.
    - (C6) `domain`, if present, has an `index` argument per b.., i, j and yields `i1`.
    - (C7) operands are all tensors, with a result of the type of `init`, or all buffers, without a result.
    - (C8) the map of `init` is a projected permutation.
    - (C9) `combine` is present only with a query; it has an `index` argument per b.. and d, then the elements of query and
      key of type f32; it yields f32.
    - (C10) `rest` is present only without `plain`; it has an `index` argument per b.. and i and yields f32.
  }];
  let arguments = (ins Variadic<Index>:$sizes, Optional<Heed_TensorOrBuffer>:$query,
                       Optional<Heed_TensorOrBuffer>:$key, Heed_TensorOrBuffer:$source, Heed_TensorOrBuffer:$init,
                       AffineMapArrayAttr:$indexing_maps, UnitAttr:$plain);
  let regions = (region MaxSizedRegion<1>:$domain, SizedRegion<1>:$score, MaxSizedRegion<1>:$combine,
                        MaxSizedRegion<1>:$rest);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `(` $sizes `)` (`plain` $plain^)? `ins` `(` custom<AttentionInputs>($query, $key, $source, type($query), type($key), type($source)) `)`
    `outs` `(` $init `:` type($init) `)` `indexing_maps` `=` $indexing_maps
    custom<Pairs>($domain, $combine, $score, $rest) attr-dict (`->` type($result)^)?
  }];
  let hasCanonicalizer = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "mlir::ValueRange":$sizes, "mlir::Value":$query, "mlir::Value":$key, "mlir::Value":$source,
                   "mlir::Value":$init, "llvm::ArrayRef<mlir::AffineMap>":$maps)>];
  let extraClassDeclaration = initMethods # [{
    bool hasQuery() { return static_cast<bool>(getQuery()); }
    bool hasDomain() { return !getDomain().empty(); }
    bool hasCombine() { return !getCombine().empty(); }
    bool hasRest() { return !getRest().empty(); }
    /// How many batch indices b.. there are.
    unsigned getBatchRank() { return getSizes().size() - (hasQuery() ? 4 : 3); }
    /// Positions in the iteration space; the inner (d) one only with a query.
    unsigned getRowDim() { return getBatchRank(); }
    unsigned getColumnDim() { return getBatchRank() + 1; }
    unsigned getInnerDim() { return getBatchRank() + 2; }
    unsigned getFeatureDim() { return getSizes().size() - 1; }
    mlir::AffineMap getQueryMap() { return getMap(0); }
    mlir::AffineMap getKeyMap() { return getMap(1); }
    mlir::AffineMap getSourceMap() { return getMap(hasQuery() ? 2 : 0); }
    mlir::AffineMap getInitMap() { return getMap(hasQuery() ? 3 : 1); }
    mlir::AffineMap getMap(unsigned position) {
      return llvm::cast<mlir::AffineMapAttr>(getIndexingMaps()[position]).getValue();
    }
  }];
}

def Heed_TopKOp : Heed_Kernel<"topk"> {
  let summary = "the positions of the largest elements of each row, in order";
  let description = [{
    `init[.., r]` is the position j at place r if the positions of the row `source[.., j]` at which `inside` is true are
    put in order: larger elements first, NaN last, the lower position first among equals. `init` has as many places as
    its last size says; places beyond the number of such positions are 0. Without `inside`, all positions count.
    What `init` holds before is not read.

    ```mlir
    %p = heed.topk ins(%score, %inside : tensor<?x?xf32>, tensor<?x?xi1>) outs(%init : tensor<?x4xi32>)
        -> tensor<?x4xi32>
    ```

    - (C1) `source` and `init` have as many axes, at least one, and sizes that agree except in the last axis.
    - (C2) the last size of `init` is static and positive.
    - (C3) `inside`, if present, has the sizes of `source` and elements `i1`.
    - (C4) `source` holds floats, integers or indices; `init` holds i32.
    - (C5) operands are all tensors, with a result of the type of `init`, or all buffers, without a result.
  }];
  let arguments = (ins Heed_TensorOrBuffer:$source, Optional<Heed_TensorOrBuffer>:$inside, Heed_TensorOrBuffer:$init);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $source (`,` $inside^)? `:` type($source) (`,` type($inside)^)? `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($result)^)?
  }];
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "mlir::Value":$source, "mlir::Value":$inside, "mlir::Value":$init)>];
  let extraClassDeclaration = initMethods # [{
    int64_t getCount() { return llvm::cast<mlir::ShapedType>(getInit().getType()).getShape().back(); }
  }];
}

def Heed_PackOp : Heed_Kernel<"pack"> {
  let summary = "a matrix as zero-padded panels of columns";
  let description = [{
    `init[b.., n / width, k, n % width] = source[b.., k, n]`, 0 where n is beyond the source; `width` is the last size of
    `init`. With `transposed` the source is `[b.., n, k]`. What `init` holds before is not read.

    ```mlir
    %p = heed.pack ins(%w : tensor<256x100xf32>) outs(%init : tensor<7x256x16xf32>) -> tensor<7x256x16xf32>
    ```

    - (C1) `init` has one axis more than `source`, which has at least two; element types are equal.
    - (C2) the width is static and positive.
    - (C3) batch sizes and k agree, and there are ceil(n / width) panels, where static.
    - (C4) operands are tensors, with a result of the type of `init`, or buffers, without a result.
  }];
  let arguments = (ins Heed_TensorOrBuffer:$source, Heed_TensorOrBuffer:$init, UnitAttr:$transposed);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    (`transposed` $transposed^)? `ins` `(` $source `:` type($source) `)` `outs` `(` $init `:` type($init) `)` attr-dict
    (`->` type($result)^)?
  }];
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "mlir::Value":$source, "mlir::Value":$init, "bool":$transposed)>];
  let extraClassDeclaration = initMethods # [{
    int64_t getWidth() { return llvm::cast<mlir::ShapedType>(getInit().getType()).getShape().back(); }
  }];
}

def Heed_MatmulOp : Heed_Kernel<"matmul"> {
  let summary = "a matrix product with a packed right side";
  let description = [{
    `init[b.., m, n] = sum_k left[b.., m, k] * packed[b.., n / width, k, n % width]`, accumulated in f32. `packed` has
    the form that `heed.pack` makes; it has either the batch axes of `left` or none, and then is the same for all.
    A `left` of one axis is one row. With `transposed` it is `[b.., k, m]`. What `init` holds before is not read, or, with
    `accumulate`, added to.

    ```mlir
    %c = heed.matmul ins(%a, %p : tensor<?x256xf32>, tensor<7x256x16xf32>) outs(%init : tensor<?x100xf32>)
        -> tensor<?x100xf32>
    ```

    - (C1) `left` has at least one axis, or two if `transposed`, and `init` as many.
    - (C2) `packed` has three axes, or one more than `left`; its width is static and positive.
    - (C3) sizes agree where static; the panels cover n.
    - (C4) all element types are f32.
    - (C5) operands are tensors, with a result of the type of `init`, or buffers, without a result.
  }];
  let arguments = (ins Heed_TensorOrBuffer:$left, Heed_TensorOrBuffer:$packed, Heed_TensorOrBuffer:$init,
                       UnitAttr:$transposed, UnitAttr:$accumulate);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    (`transposed` $transposed^)? (`accumulate` $accumulate^)? `ins` `(` $left `,` $packed `:` type($left) `,` type($packed) `)` `outs` `(` $init `:` type($init) `)` attr-dict
    (`->` type($result)^)?
  }];
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "mlir::Value":$left, "mlir::Value":$packed, "mlir::Value":$init,
                                 CArg<"bool", "false">:$transposed, CArg<"bool", "false">:$accumulate)>];
  let extraClassDeclaration = initMethods # [{
    int64_t getWidth() { return llvm::cast<mlir::ShapedType>(getPacked().getType()).getShape().back(); }
  }];
}

#endif
