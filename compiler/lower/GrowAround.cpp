// GrowAround.cpp - a chain that takes what pays, and leaves the rest outside.
#include "compiler/lower/RowChain.h"

#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"

using namespace mlir;

namespace heed {

static bool canBeMember(Operation *op, Block *block) {
  auto structured = dyn_cast_or_null<linalg::LinalgOp>(op);
  return structured && op->getBlock() == block && op->getNumResults() == 1 && structured.hasPureTensorSemantics() &&
         !RowChain::isFree(op);
}

/// All values that an operation reads, in its body too.
static void forEachRead(Operation *op, llvm::function_ref<void(Value)> visit) {
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      visit(operand);
  });
}

/// What depends on the chain and what the chain depends on in turn stands between its first and its last operation.
bool RowChain::closeBetween(bool &changed) {
  Operation *first = nullptr, *last = nullptr;
  for (Operation *op : members) {
    first = !first || op->isBeforeInBlock(first) ? op : first;
    last = !last || last->isBeforeInBlock(op) ? op : last;
  }
  llvm::DenseSet<Operation *> after, before;
  for (Operation *op = first;; op = op->getNextNode()) {
    bool found = members.contains(op);
    if (!found)
      forEachRead(op, [&](Value read) { found |= read.getDefiningOp() && after.contains(read.getDefiningOp()); });
    if (found)
      after.insert(op);
    if (op == last)
      break;
  }
  for (Operation *op = last;; op = op->getPrevNode()) {
    if (members.contains(op) || before.contains(op)) {
      forEachRead(op, [&](Value read) {
        Operation *maker = read.getDefiningOp();
        if (maker && maker->getBlock() == block && after.contains(maker) && !members.contains(maker))
          before.insert(maker);
      });
      if (!members.contains(op)) {
        if (!canBeMember(op, block))
          return why = "an operation in between does not work row by row", false;
        members.insert(op);
        changed = true;
      }
    }
    if (op == first)
      return true;
  }
}

/// A sum is known only after the last row, and what is read whole must stay in a cache.
bool RowChain::readsOnlyRows() {
  llvm::SmallDenseSet<Value> wholes;
  double bytes = 0;
  for (Operation *op : members) {
    if (!axes.contains(op->getResult(0)) && !summed.contains(op))
      return why = "an operation in between does not work row by row", false;
    bool early = false;
    forEachRead(op, [&](Value read) { early |= summed.contains(read.getDefiningOp()); });
    if (early)
      return why = "it needs a sum over all rows", false;
    bool valid = true;
    std::optional<unsigned> dim = dimOf(op);
    if (!dim)
      return why = "an operation in between does not work row by row", false;
    for (RowAccess read : accesses(op, *dim, valid)) {
      Operation *maker = read.value.getDefiningOp();
      bool made = maker && (isa<tensor::EmptyOp>(maker) || isFree(maker));
      if (read.axis != RowAccess::whole || made || !wholes.insert(read.value).second)
        continue;
      if (members.contains(maker))
        return why = "an operation in between reads rows other than its own", false;
      bytes += elements(read.value) * double(getElementTypeOrSelf(read.value).getIntOrFloatBitWidth()) / 8;
    }
    if (!valid)
      return why = "an operation in between does not work row by row", false;
  }
  return bytes <= double(mostWhole) || (why = "what it reads whole does not stay in a cache", false);
}

/// Gives rows to all members, and takes in what lies between them.
bool RowChain::settle() {
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Operation *> sorted(members.begin(), members.end());
    llvm::sort(sorted, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *op : sorted)
      if (!propagate(op, changed))
        return false;
    if (!closeBetween(changed))
      return false;
  }
  return readsOnlyRows();
}

bool RowChain::join(Operation *op) {
  Value result = op->getResult(0);
  bool changed = false;
  // What makes rows has those of its readers.
  for (Operation *user : result.getUsers()) {
    if (!members.contains(user))
      continue;
    std::optional<unsigned> dim = dimOf(user);
    bool valid = true;
    if (!dim)
      return false;
    for (RowAccess read : accesses(user, *dim, valid))
      if (read.value == result && (read.axis < 0 || !setAxis(result, read.axis, changed)))
        return false;
  }
  members.insert(op);
  return settle();
}

Operation *RowChain::nextNeighbour(llvm::DenseSet<Operation *> const &refused) const {
  auto isNew = [&](Operation *op) { return canBeMember(op, block) && !members.contains(op) && !refused.contains(op); };
  for (Operation *op : members) {
    if (!summed.contains(op))
      for (Operation *user : op->getResult(0).getUsers())
        if (isNew(user))
          return user;
    for (Value operand : op->getOperands()) {
      Operation *maker = operand.getDefiningOp();
      // A product in front of a row is a chain of its own; one head is all that its products are.
      if (maker && isNew(maker) && (!sums || !linalg::isaContractionOpInterface(cast<linalg::LinalgOp>(maker))) &&
          llvm::all_of(operand.getUsers(), [&](Operation *user) { return members.contains(user); }))
        return maker;
    }
  }
  return nullptr;
}

/// Counts what stays inside, and what goes in and out; nothing may have sizes that the blocks cannot know.
bool RowChain::measure() {
  ordered.assign(members.begin(), members.end());
  llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  SmallVector<Value> out = results();
  llvm::SmallDenseSet<Value> rowsIn;
  for (Operation *op : ordered) {
    Value result = op->getResult(0);
    bool isOut = llvm::is_contained(out, result);
    if (isSum(op) ? !cast<RankedTensorType>(result.getType()).hasStaticShape() : isOut && sizesOf(result).empty())
      return why = "the sizes of a result are not known", false;
    if (!isSum(op))
      (isOut ? elementsAround : elementsInside) += elements(result);
    bool valid = true;
    for (RowAccess read : accesses(op, *dimOf(op), valid)) {
      Operation *maker = read.value.getDefiningOp();
      if (read.axis < 0 || members.contains(maker) || (maker && (isa<tensor::EmptyOp>(maker) || isFree(maker))) ||
          !rowsIn.insert(read.value).second)
        continue;
      elementsAround += elements(read.value);
    }
  }
  return !out.empty();
}

double RowChain::rowBytes() const {
  double most = 0;
  for (Operation *op : ordered)
    if (std::optional<int64_t> axis = axisOf(op->getResult(0))) {
      auto type = cast<RankedTensorType>(op->getResult(0).getType());
      double bytes = type.getElementType().getIntOrFloatBitWidth() / 8.0;
      for (auto [number, size] : llvm::enumerate(type.getShape()))
        if (int64_t(number) != *axis)
          bytes *= double(size);
      most = std::max(most, bytes);
    }
  return most;
}

std::optional<RowChain> RowChain::growAround(Value seed, int64_t axis, bool sums, int64_t mostWhole, std::string &reason) {
  RowChain chain;
  chain.block = seed.getDefiningOp()->getBlock();
  chain.rank = longAxes(seed);
  chain.sums = sums;
  chain.mostWhole = mostWhole;
  SmallVector<OpFoldResult> sizes = sizesOf(seed);
  if (sizes.empty() || !canBeMember(seed.getDefiningOp(), chain.block))
    return reason = "its sizes are not known", std::nullopt;
  chain.extent = sizes[axis];
  chain.axes[seed] = axis;
  chain.members.insert(seed.getDefiningOp());
  if (!chain.settle())
    return reason = chain.why, std::nullopt;
  llvm::DenseSet<Operation *> refused;
  while (Operation *op = chain.nextNeighbour(refused)) {
    RowChain tried = chain;
    if (tried.join(op))
      chain = std::move(tried);
    else
      refused.insert(op);
  }
  if (!chain.measure())
    return reason = chain.why, std::nullopt;
  return chain;
}

} // namespace heed
