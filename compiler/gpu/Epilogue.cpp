// Epilogue.cpp - finds what the kernel of a product can do besides, and does it per element.
#include "compiler/gpu/Product.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace heed::device {

/// The buffer that `value` is part of: an allocation or an argument of the function, which do not overlap; null for anything else.
static Value rootOf(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  if (value.getDefiningOp<memref::AllocOp>())
    return value;
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && isa<func::FuncOp>(argument.getOwner()->getParentOp()) ? value : Value();
}

/// Neither reads nor writes memory that is there already.
static bool isHarmless(Operation *op) { return isMemoryEffectFree(op) || isa<memref::AllocOp>(op); }

static bool isElementwise(linalg::GenericOp op) {
  return op.getNumReductionLoops() == 0 && llvm::all_of(op.getDpsInitsMutable(), [&](OpOperand &init) {
           return op.getMatchingIndexingMap(&init).isPermutation();
         });
}

Epilogue::Epilogue(Product const &product, llvm::SmallPtrSetImpl<Operation *> const &done) : product(product) {
  findFill(done);
  findConsumer(done);
}

void Epilogue::findFill(llvm::SmallPtrSetImpl<Operation *> const &done) {
  Operation *before = product.op->getPrevNode();
  while (before && isHarmless(before))
    before = before->getPrevNode();
  auto candidate = dyn_cast_or_null<linalg::GenericOp>(before);
  if (!candidate || done.contains(candidate) || candidate.getNumDpsInits() != 1 || candidate.getDpsInits()[0] != product.out().get() ||
      !isElementwise(candidate) || !candidate.getBlock()->without_terminator().empty())
    return;
  FloatAttr value;
  Value yielded = candidate.getBlock()->getTerminator()->getOperand(0);
  if (auto argument = dyn_cast<BlockArgument>(yielded);
      argument && argument.getOwner() == candidate.getBlock() && argument.getArgNumber() < candidate.getNumDpsInputs())
    yielded = candidate->getOperand(argument.getArgNumber());
  if (matchPattern(yielded, m_Constant(&value)))
    fill = candidate;
}

void Epilogue::findConsumer(llvm::SmallPtrSetImpl<Operation *> const &done) {
  Operation *next = product.op->getNextNode();
  while (next && isHarmless(next))
    next = next->getNextNode();
  auto candidate = dyn_cast_or_null<linalg::GenericOp>(next);
  if (!candidate || done.contains(candidate) || !isElementwise(candidate) || !mayConsume(candidate))
    return;
  consumer = candidate;
  Value out = product.out().get();
  bool isPrivate = out.getDefiningOp<memref::AllocOp>() != nullptr;
  storesSum = llvm::any_of(out.getUsers(), [&](Operation *user) {
    return user != product.op && user != fill && user != consumer && !isa<memref::DeallocOp>(user);
  });
  storesSum |= !isPrivate;
  // The consumer may be what writes the buffer in the end.
  if (llvm::is_contained(consumer.getDpsInits(), out))
    storesSum = false;
}

bool Epilogue::mayConsume(linalg::GenericOp candidate) {
  Value out = product.out().get(), outRoot = rootOf(out);
  Value leftRoot = rootOf(product.left->get()), rightRoot = rootOf(product.right->get());
  if (!outRoot || !leftRoot || !rightRoot)
    return false;
  for (OpOperand *input : candidate.getDpsInputOperands())
    if (input->get() == out) {
      if (consumed || !candidate.getMatchingIndexingMap(input).isPermutation())
        return false;
      consumed = input;
    } else if (isa<MemRefType>(input->get().getType()) && rootOf(input->get()) == outRoot) {
      return false;
    }
  if (!consumed)
    return false;
  for (OpOperand &init : candidate.getDpsInitsMutable()) {
    Value root = rootOf(init.get());
    // A block writes while others still read the factors.
    if (!root || root == leftRoot || root == rightRoot)
      return false;
    bool inPlace = init.get() == out && candidate.getNumDpsInits() == 1 && !candidate.payloadUsesValueFromOperand(&init) &&
                   candidate.getMatchingIndexingMap(&init) == candidate.getMatchingIndexingMap(consumed);
    if (root == outRoot && !inPlace)
      return false;
  }
  return true;
}

Operation *Epilogue::place() { return consumer ? consumer : product.op; }

std::optional<double> Epilogue::constantStart() const {
  if (!fill)
    return std::nullopt;
  auto op = const_cast<linalg::GenericOp &>(fill);
  Value yielded = op.getBlock()->getTerminator()->getOperand(0);
  if (auto argument = dyn_cast<BlockArgument>(yielded); argument && argument.getOwner() == op.getBlock())
    yielded = op->getOperand(argument.getArgNumber());
  FloatAttr value;
  matchPattern(yielded, m_Constant(&value));
  return value.getValueAsDouble();
}

void Epilogue::prepare(Emit &emit) {
  if (consumer)
    after.emplace(emit, consumer);
}

Value Epilogue::start(Emit &emit, ArrayRef<Value> at) {
  if (std::optional<double> value = constantStart())
    return emit.f32(float(*value));
  return memref::LoadOp::create(emit, product.out().get(), at);
}

void Epilogue::finish(Emit &emit, ArrayRef<Value> at, Value sum) {
  if (storesSum)
    memref::StoreOp::create(emit, sum, product.out().get(), at);
  if (!consumer)
    return;
  AffineMap map = consumer.getMatchingIndexingMap(consumed);
  for (unsigned axis = 0; axis < map.getNumResults(); ++axis)
    after->position[map.getDimPosition(axis)] = at[axis];
  SmallVector<Value> outputs;
  for (OpOperand &init : consumer.getDpsInitsMutable())
    outputs.push_back(consumer.payloadUsesValueFromOperand(&init) ? after->load(init) : Value());
  after->store(after->values(outputs, consumed, sum));
}

llvm::SmallPtrSet<Operation *, 4> Epilogue::operations() const {
  llvm::SmallPtrSet<Operation *, 4> result;
  for (Operation *op : {const_cast<linalg::GenericOp &>(product.op).getOperation(),
                        const_cast<linalg::GenericOp &>(fill).getOperation(),
                        const_cast<linalg::GenericOp &>(consumer).getOperation()})
    if (op)
      result.insert(op);
  return result;
}

} // namespace heed::device
