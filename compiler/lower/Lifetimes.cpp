// Lifetimes.cpp - when a buffer is needed, as a range of positions in the order of the program text.
#include "compiler/lower/Lifetimes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace heed {

LifetimeAnalysis::LifetimeAnalysis(func::FuncOp function) {
  unsigned position = 0;
  std::function<void(Operation *)> number = [&](Operation *op) {
    begins[op] = position++;
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Operation &nested : block)
          number(&nested);
    ends[op] = position++;
  };
  number(function);
}

/// Adds what `value`, used by `operand`, may be known as. `holders` are operations that keep it beyond a block.
static void followUse(OpOperand &operand, SetVector<Value> &aliases, SetVector<Operation *> &holders) {
  Operation *user = operand.getOwner();
  auto addBuffers = [&](ValueRange values) {
    for (Value value : values)
      if (isa<BaseMemRefType>(value.getType()))
        aliases.insert(value);
  };
  // Loops and branches: be generous, any buffer that enters may be any that is inside or leaves.
  if (isa<RegionBranchOpInterface>(user)) {
    for (Region &region : user->getRegions())
      for (Block &block : region)
        addBuffers(block.getArguments());
    addBuffers(user->getResults());
    holders.insert(user);
    return;
  }
  if (user->hasTrait<OpTrait::IsTerminator>() && !isa<func::ReturnOp>(user)) {
    Operation *parent = user->getParentOp();
    if (isa<LoopLikeOpInterface>(parent))
      for (Region &region : parent->getRegions())
        for (Block &block : region)
          addBuffers(block.getArguments());
    addBuffers(parent->getResults());
    holders.insert(parent);
    return;
  }
  addBuffers(user->getResults());
}

Lifetime LifetimeAnalysis::of(Value buffer) const {
  SetVector<Value> aliases;
  SetVector<Operation *> holders, users;
  aliases.insert(buffer);
  for (unsigned i = 0; i < aliases.size(); ++i)
    for (OpOperand &use : aliases[i].getUses()) {
      users.insert(use.getOwner());
      followUse(use, aliases, holders);
    }
  users.insert_range(holders);

  // The innermost block that contains all of it.
  Operation *definition = buffer.getDefiningOp();
  Block *block = definition->getBlock();
  for (Operation *user : users)
    while (!block->findAncestorOpInBlock(*user))
      block = block->getParentOp()->getBlock();
  Lifetime result{begins.lookup(block->findAncestorOpInBlock(*definition)), 0};
  result.end = ends.lookup(block->findAncestorOpInBlock(*definition));
  for (Operation *user : users)
    result.end = std::max(result.end, ends.lookup(block->findAncestorOpInBlock(*user)));
  return result;
}

} // namespace heed
