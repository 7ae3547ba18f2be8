// CausalGroup.cpp - which causal sums share chunks, and which definitions can be computed with them.
#include "compiler/derive/CausalGroup.h"

#include "compiler/derive/InlineReads.h"
#include "compiler/derive/LinalgOperands.h"

using namespace mlir;
using namespace heed::ir;

namespace heed::derive {
namespace {

unsigned numberOf(Value argument) { return cast<BlockArgument>(argument).getArgNumber(); }

bool sharesRows(CausalSum &left, CausalSum &right) {
  if (left.out->getBlock() != right.out->getBlock() || left.batch.size() != right.batch.size() ||
      numberOf(left.row) != numberOf(right.row) || !sameSize(left.rows(), right.rows()))
    return false;
  SmallVector<OpFoldResult> sizes = left.out.getMixedSizes(), others = right.out.getMixedSizes();
  for (auto [a, b] : llvm::zip_equal(left.batch, right.batch))
    if (numberOf(a) != numberOf(b) || !sameSize(sizes[numberOf(a)], others[numberOf(b)]))
      return false;
  bool constant = isa<AffineConstantExpr>(left.shift) && isa<AffineConstantExpr>(left.origin);
  return left.shift == right.shift && left.origin == right.origin && (constant || left.symbols == right.symbols);
}

/// The operation in the block of `other` that `op` is part of.
Operation *ancestorBeside(Operation *op, Operation *other) { return other->getBlock()->findAncestorOpInBlock(*op); }

/// Whether a value may be computed as late as `position`.
bool usedBehind(DefineOp define, Operation *position) {
  return llvm::all_of(define->getUsers(), [&](Operation *user) {
    Operation *beside = ancestorBeside(user, position);
    return beside && position->isBeforeInBlock(beside);
  });
}

/// The read of a sum's result at the row (and head, and feature) that the consumer computes.
bool readsOwnRow(DefineOp consumer, CausalSum &first, CausalMember &member, tensor::ExtractOp read) {
  for (auto [argument, subscript] : llvm::zip_equal(member.match.out.getValueBlock()->getArguments(), read.getIndices())) {
    Value wanted = argument == member.match.row ? first.row : argument == member.match.feature ? first.feature : Value();
    if (!wanted)
      wanted = first.batch[llvm::find(member.match.batch, argument) - member.match.batch.begin()];
    if (subscript != consumer.getValueBlock()->getArgument(numberOf(wanted)))
      return false;
  }
  return true;
}

/// The definition that reads `define`, directly or through definitions of single elements that only it reads (a floor below a
/// denominator): those are computed in it.
void inlineIntoConsumer(DefineOp define, DefineOp consumer) {
  SmallVector<DefineOp> between;
  for (Operation *user : define->getUsers()) {
    auto owner = user->getParentOfType<DefineOp>();
    if (owner && owner != consumer && owner->getBlock() == consumer->getBlock() && !containsReduce(owner) && !owner.hasDomain() &&
        llvm::all_of(owner->getUsers(), [&](Operation *reader) { return reader->getParentOfType<DefineOp>() == consumer; }))
      between.push_back(owner);
  }
  inlineReads(consumer.getValue(), consumer,
              [&](DefineOp producer, IndexSet const &) { return llvm::is_contained(between, producer); });
}

/// The definition that is the only reader of all sums of the group.
DefineOp consumerOf(CausalGroup &group) {
  auto wide = llvm::find_if(group.members, [](CausalMember &member) { return bool(member.match.feature); });
  if (wide == group.members.end())
    return {};
  CausalSum &first = wide->match;
  if (first.constantShift() != 0 || wide->original->use_empty())
    return {};
  auto consumer = (*wide->original->getUsers().begin())->getParentOfType<DefineOp>();
  if (!consumer || consumer->getBlock() != wide->original->getBlock() || containsReduce(consumer) || consumer.hasDomain() ||
      consumer.getType() != wide->original.getType())
    return {};
  for (auto [size, own] : llvm::zip_equal(consumer.getMixedSizes(), first.out.getMixedSizes()))
    if (!sameSize(size, own))
      return {};
  for (CausalMember &member : group.members) {
    inlineIntoConsumer(member.original, consumer);
    if (member.match.feature && !sameSize(member.match.features(), first.features()))
      return {};
    for (Operation *user : member.original->getUsers()) {
      auto read = dyn_cast<tensor::ExtractOp>(user);
      if (!read || read->getParentOfType<DefineOp>() != consumer || !readsOwnRow(consumer, first, member, read))
        return {};
    }
  }
  return consumer;
}

/// The reads of definitions that only sums of the group read, each at the row or the key.
void findLocals(CausalGroup &group) {
  llvm::SmallPtrSet<Operation *, 8> inside;
  for (CausalMember &member : group.members)
    inside.insert({member.original, member.match.out, member.match.dots});
  // Weights that were computed in the sums have no other reader either.
  std::function<bool(DefineOp)> onlyInside = [&](DefineOp define) {
    return llvm::all_of(define->getUsers(), [&](Operation *user) {
      Operation *owner = ancestorBeside(user, define);
      auto weights = dyn_cast_or_null<DefineOp>(owner);
      return owner && (inside.contains(owner) ||
                       (weights && !containsReduce(weights) && !weights->use_empty() && onlyInside(weights)));
    });
  };
  SmallVector<LocalRead> found;
  llvm::SmallPtrSet<Operation *, 8> refused;
  for (CausalMember &member : group.members) {
    // Keys in front of the first row's own would need the definition as it is.
    if (member.match.constantShift() != 0 || !onlyInside(member.match.dots))
      return;
    for (DefineOp owner : {member.match.out, member.match.dots})
      owner.getValue().walk([&](tensor::ExtractOp read) {
        std::optional<LocalRead> local = localRead(member.match, read);
        auto producer = read.getTensor().getDefiningOp<DefineOp>();
        if (!producer)
          return;
        if (local && onlyInside(producer))
          member.locals.push_back(*local);
        else
          refused.insert(producer);
      });
  }
  // What one read needs as a whole is stored anyway.
  for (CausalMember &member : group.members)
    llvm::erase_if(member.locals, [&](LocalRead &local) { return refused.contains(local.producer); });
}

} // namespace

std::vector<CausalGroup> groupCausalSums(std::vector<CausalMember> members) {
  std::vector<CausalGroup> groups;
  SmallVector<bool> taken(members.size(), false);
  for (size_t i = 0; i < members.size(); ++i) {
    if (taken[i])
      continue;
    CausalGroup &group = groups.emplace_back();
    group.members.push_back(members[i]);
    for (size_t j = i + 1; j < members.size(); ++j) {
      bool fits = !taken[j] && sharesRows(members[i].match, members[j].match) &&
                  llvm::all_of(group.members, [&](CausalMember &member) {
                    return usedBehind(member.original, members[j].original);
                  });
      if (!fits)
        continue;
      taken[j] = true;
      group.members.push_back(members[j]);
    }
    group.consumer = consumerOf(group);
    findLocals(group);
  }
  // A consumer's rows are known when its group's chunks are done: nothing computes them again.
  for (CausalGroup &group : groups)
    for (CausalMember &member : group.members)
      llvm::erase_if(member.locals, [&](LocalRead &local) {
        return llvm::any_of(groups, [&](CausalGroup &other) { return other.consumer == local.producer; });
      });
  return groups;
}

} // namespace heed::derive
