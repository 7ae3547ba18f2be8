// ProgramInfo.h - the module attribute `heed.program` as plain data: what the descriptor and the header say about a
// model.
#pragma once

#include "heed/program.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <utility>
#include <vector>

namespace heed {

struct DimInfo {
  std::string name;
  int64_t minimum = 0, maximum = -1;
  bool untilRun = false; // set by the run; starts at its maximum
};

/// constant + sum of coefficient * dim.
struct SizeInfo {
  int64_t constant = 0;
  std::vector<std::pair<unsigned, int64_t>> terms; // (dim, coefficient), coefficients are not 0
};

struct TensorInfo {
  std::string name, from, alphabet;
  heed_dtype type = HEED_F32;
  std::vector<SizeInfo> shape;
};

struct ProgramInfo {
  std::string name;
  std::vector<DimInfo> dims;
  std::vector<TensorInfo> inputs, outputs, params;
  std::vector<std::string> checks;
};

/// Reads `heed.program` of a module at any stage. Reports an error at the module if the attribute is missing or
/// malformed.
mlir::FailureOr<ProgramInfo> readProgramInfo(mlir::ModuleOp module);

/// `text` with every character outside [A-Za-z0-9_] replaced, never starting with a digit: fit for a symbol.
std::string symbolName(llvm::StringRef text);

} // namespace heed
