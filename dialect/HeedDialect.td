// HeedDialect.td - the dialect: its name, namespace and enums.
#ifndef HEED_DIALECT_TD
#define HEED_DIALECT_TD

include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Heed_Dialect : Dialect {
  let name = "heed";
  let cppNamespace = "::heed::ir";
  let summary = "Definitions over indices with domains, recurrences, and attention";
  let description = [{
    The dialect holds what upstream dialects cannot say about an attention model:

    - *definitions* (`heed.define`, `heed.softmax`, `heed.reduce`): a value per index tuple, written as a scalar region,
      on a domain, written as a second scalar region. An element outside the domain is never computed and never read;
    - *recurrence* (`heed.scan`) and run-time *checks* of data-dependent subscripts (`heed.check`);
    - *kernels* (`heed.attention`, `heed.matmul`, `heed.pack`): destination-style ops on tensors and on buffers that the
      later stages schedule.

    Regions of definitions hold scalar code of `arith`, `math`, `tensor.extract`, `scf.if` and nested `heed.reduce`.
    An absent domain region means "everywhere".
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def Heed_ReduceKind : I32EnumAttr<"ReduceKind", "how a reduction combines its elements", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Product", 1, "product">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
    I32EnumAttrCase<"ArgMax", 4, "argmax">, I32EnumAttrCase<"ArgMin", 5, "argmin">,
    I32EnumAttrCase<"Any", 6, "any">, I32EnumAttrCase<"All", 7, "all">]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::heed::ir";
}

def Heed_ReduceKindAttr : EnumAttr<Heed_Dialect, Heed_ReduceKind, "kind"> {
  let assemblyFormat = "$value";
}

#endif
