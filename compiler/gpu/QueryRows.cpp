// QueryRows.cpp - as many rows as there are queries, where these are known to be few.
#include "compiler/gpu/QueryRows.h"

#include "compiler/lower/SizeFormula.h"

using namespace mlir;

namespace heed::device {

std::optional<int64_t> QueryRows::mostOf(ir::AttentionOp op, unsigned axis) {
  return SizeFormulas(op->getParentOfType<func::FuncOp>()).upperBound(op.getSizes()[axis]);
}

QueryRows QueryRows::of(ir::AttentionOp op) {
  QueryRows result;
  result.shared = kernels::SharedKeys::of(op, most);
  std::optional<int64_t> queries = mostOf(op, op.getRowDim());
  // Not chosen at run time: then the result for a query would depend on how many others there are.
  result.areAll = queries && *queries * result.shared.members <= most;
  result.queries = result.areAll ? std::max<int64_t>(*queries, 1) : most / result.shared.members;
  result.rows = result.areAll ? llvm::alignTo(result.queries * result.shared.members, step) : most;
  return result;
}

} // namespace heed::device
