// Model.h - the model's function in a module, and what `heed.program` says of it.
//
// Its arguments, in this order: dims, inputs, params, prepared weights (attribute `heed.prepared` with the byte
// offset); after heed-results-to-arguments the outputs (`heed.output`), after heed-plan-arena the workspace
// (`heed.workspace`), after heed-outline-parallel the frame (`heed.frame`).
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed {

inline constexpr llvm::StringLiteral programName = "heed.program", preparedName = "heed.prepared",
                                     outputName = "heed.output", workspaceName = "heed.workspace",
                                     frameName = "heed.frame", preparedBytesName = "heed.prepared_bytes",
                                     workspaceBytesName = "heed.workspace_bytes";

/// The alignment of every buffer we lay out, in bytes.
inline constexpr int64_t bufferAlignment = 64;

class Model {
public:
  /// Null without `heed.program` or without a function of that name.
  static std::optional<Model> find(mlir::ModuleOp module);
  /// The model if `function` is its function.
  static std::optional<Model> of(mlir::func::FuncOp function);

  mlir::func::FuncOp function;
  mlir::DictionaryAttr program;

  llvm::StringRef name() { return function.getSymName(); }
  unsigned dimCount() const { return list("dims").size(); }
  unsigned inputCount() const { return list("inputs").size(); }
  unsigned paramCount() const { return list("params").size(); }
  unsigned outputCount() const { return list("outputs").size(); }
  /// The largest value of a dim, if it is bounded.
  std::optional<int64_t> maximumOf(unsigned dim) const;
  bool isUntil(unsigned dim) const;
  /// The sizes of an argument or output in terms of the dims.
  mlir::AffineMap shapeOf(llvm::StringRef kind, unsigned index) const;
  /// The same for an argument of the function, null if unknown.
  mlir::AffineMap shapeOfArgument(unsigned argument) const;
  /// The name of `<model>_<part>`.
  std::string symbol(llvm::StringRef part) { return (name() + "_" + part).str(); }

private:
  mlir::ArrayAttr list(llvm::StringRef kind) const;
};

} // namespace heed
