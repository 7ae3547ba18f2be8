// PairTerms.cpp - walks a term down to where its two sides meet.
#include "compiler/derive/PairTerms.h"

using namespace mlir;

namespace heed::derive {
namespace {

class Splitter {
public:
  Splitter(Operation *owner, bool hasRow, llvm::function_ref<Side(Value)> sideOf)
      : owner(owner), hasRow(hasRow), sideOf(sideOf) {}

  std::optional<PairTerm> run(Value term) {
    if (!visit(term))
      return std::nullopt;
    // One query: any value that its keys share will do, best one that takes work to compute.
    if (!hasRow && !shared.empty()) {
      auto *computed = llvm::find_if(shared, [](Value value) { return !value.getDefiningOp<tensor::ExtractOp>(); });
      result.query = {computed == shared.end() ? shared.front() : *computed};
    }
    if (result.query.empty() || result.key.empty())
      return std::nullopt;
    return result;
  }

private:
  bool visit(Value value) {
    if (!visited.insert(value).second)
      return true;
    IndexSet indices = indicesOf(value, owner);
    bool row = false, column = false;
    for (Value index : indices) {
      row |= sideOf(index) == Side::Row;
      column |= sideOf(index) == Side::Column;
    }
    if (!row && !column) {
      if (!indices.empty() && value.getType().isF32())
        shared.insert(value);
      return true;
    }
    // Without a row, what is shared and what is the key's meet where an operand has no column.
    if (row != column && (hasRow || !meets(value)))
      return take(row ? result.query : result.key, value);
    Operation *op = value.getDefiningOp();
    return op && op->getNumRegions() == 0 && !isa<tensor::ExtractOp>(op) &&
           llvm::all_of(op->getOperands(), [&](Value operand) { return visit(operand); });
  }

  /// Whether something that varies, but not with the column, goes into `value`.
  bool meets(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || isa<tensor::ExtractOp>(op))
      return false;
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      IndexSet indices = indicesOf(operand, owner);
      if (indices.empty())
        return false;
      bool column = llvm::any_of(indices, [&](Value index) { return sideOf(index) == Side::Column; });
      return !column || meets(operand);
    });
  }

  static bool take(SmallVector<Value> &side, Value value) {
    if (!value.getType().isF32() || (!side.empty() && !sameComputation(side.front(), value, IRMapping())))
      return false;
    side.push_back(value);
    return true;
  }

  Operation *owner;
  bool hasRow;
  llvm::function_ref<Side(Value)> sideOf;
  PairTerm result;
  llvm::SmallSetVector<Value, 4> shared;
  DenseSet<Value> visited;
};

} // namespace

std::optional<PairTerm> splitTerm(Value term, Operation *owner, bool hasRow, llvm::function_ref<Side(Value)> sideOf) {
  return Splitter(owner, hasRow, sideOf).run(term);
}

} // namespace heed::derive
