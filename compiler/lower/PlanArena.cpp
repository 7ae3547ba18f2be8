// PlanArena.cpp - places all buffers of a model in one workspace, by lifetime.
#include "compiler/lower/Lifetimes.h"
#include "compiler/lower/Model.h"
#include "compiler/lower/Passes.h"
#include "compiler/lower/SizeFormula.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"

namespace heed {
#define GEN_PASS_DEF_PLANARENA
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

/// A buffer to be placed, and how often it exists at once.
struct Placed {
  memref::AllocOp alloc;
  scf::ParallelOp chunks; // null outside parallel loops
  SizeFormula size;       // of all copies, in bytes, not yet rounded
  Lifetime lifetime;
  Lifetime inside; // within one chunk
};

/// Buffers that share memory: no two are alive at once.
struct Slot {
  SmallVector<unsigned> members;
  unsigned freeFrom = 0;
  unsigned freeInside = 0; // in a chunk of the loop of the last member
  double typicalBytes = 0;
};

int64_t bytesOf(Type element) {
  if (auto vector = dyn_cast<VectorType>(element))
    return vector.getNumElements() * bytesOf(vector.getElementType());
  return element.isIndex() ? 8 : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

scf::ParallelOp outermostParallel(Operation *op) {
  scf::ParallelOp result;
  for (; op; op = op->getParentOp())
    if (auto parallel = dyn_cast<scf::ParallelOp>(op))
      result = parallel;
  return result;
}

/// First fit by start of life; among the free slots the best fit, an equal formula before all.
SmallVector<Slot> assignSlots(MutableArrayRef<Placed> buffers, SizeFormulas const &formulas) {
  SmallVector<Slot> slots;
  SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(0, buffers.size()));
  llvm::stable_sort(order, [&](unsigned a, unsigned b) {
    return std::pair(buffers[a].lifetime.begin, buffers[a].inside.begin) <
           std::pair(buffers[b].lifetime.begin, buffers[b].inside.begin);
  });
  for (unsigned index : order) {
    Placed &buffer = buffers[index];
    double bytes = formulas.typical(buffer.size);
    Slot *best = nullptr;
    double bestWaste = 0;
    for (Slot &slot : slots) {
      // Chunks run at the same time, but a chunk reaches only copies of its own number, if these are equally large.
      Placed const &last = buffers[slot.members.back()];
      bool sharesChunk = buffer.chunks && last.chunks == buffer.chunks && last.size == buffer.size &&
                         slot.freeInside <= buffer.inside.begin;
      if (slot.freeFrom > buffer.lifetime.begin && !sharesChunk)
        continue;
      bool equal = llvm::any_of(slot.members, [&](unsigned member) { return buffers[member].size == buffer.size; });
      double waste = equal ? -1 : std::abs(slot.typicalBytes - bytes);
      if (!best || waste < bestWaste)
        best = &slot, bestWaste = waste;
    }
    if (!best)
      best = &slots.emplace_back();
    bool sameLoop = !best->members.empty() && buffer.chunks && buffers[best->members.back()].chunks == buffer.chunks;
    best->freeInside = std::max(sameLoop ? best->freeInside : 0, buffer.inside.end + 1);
    best->members.push_back(index);
    best->freeFrom = buffer.lifetime.end + 1;
    best->typicalBytes = std::max(best->typicalBytes, bytes);
  }
  return slots;
}

struct PlanArena : impl::PlanArenaBase<PlanArena> {
  using PlanArenaBase::PlanArenaBase;

  void runOnOperation() override {
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (function.isPublic() && !function.isDeclaration() && failed(plan(function)))
        return signalPassFailure();
  }

  /// A small static buffer of a parallel body goes on the stack of whoever executes the chunk.
  bool placeOnStack(memref::AllocOp alloc, scf::ParallelOp parallel) {
    MemRefType type = alloc.getType();
    if (!type.hasStaticShape() || type.getNumElements() * bytesOf(type.getElementType()) > stackBytes)
      return false;
    OpBuilder builder(&parallel.getBody()->front());
    auto local = memref::AllocaOp::create(builder, alloc.getLoc(), type, builder.getI64IntegerAttr(bufferAlignment));
    alloc.replaceAllUsesWith(local.getMemref());
    alloc.erase();
    return true;
  }

  LogicalResult plan(func::FuncOp function) {
    SmallVector<memref::AllocOp> allocs;
    function.walk([&](Operation *op) {
      if (auto alloc = dyn_cast<memref::AllocOp>(op))
        allocs.push_back(alloc);
    });
    SmallVector<memref::DeallocOp> deallocs;
    function.walk([&](memref::DeallocOp dealloc) { deallocs.push_back(dealloc); });
    for (memref::DeallocOp dealloc : deallocs)
      dealloc.erase();

    SizeFormulas formulas(function);
    LifetimeAnalysis lifetimes(function);
    SmallVector<Placed> buffers;
    for (memref::AllocOp alloc : allocs) {
      if (!alloc.getType().getLayout().isIdentity())
        return alloc.emitError("expected a buffer without layout");
      Placed buffer{alloc, outermostParallel(alloc), {}, {}, {}};
      if (buffer.chunks && placeOnStack(alloc, buffer.chunks))
        continue;
      MemRefType type = alloc.getType();
      FailureOr<SizeFormula> size =
          formulas.product(bytesOf(type.getElementType()), type.getShape(), alloc.getDynamicSizes());
      if (failed(size))
        return alloc.emitError("the size of this buffer is not a function of the run-time sizes");
      buffer.size = *size;
      if (buffer.chunks && failed(formulas.multiplyByChunks(buffer.size, buffer.chunks)))
        return alloc.emitError(
            "the number of chunks of the loop around this buffer is not a function of the run-time sizes");
      // Chunks run at the same time, so what is alive in one of them is alive in the whole loop.
      buffer.inside = lifetimes.of(alloc.getMemref());
      buffer.lifetime = buffer.chunks ? lifetimes.of(buffer.chunks) : buffer.inside;
      buffers.push_back(buffer);
    }
    SmallVector<Slot> slots = assignSlots(buffers, formulas);
    func::FuncOp planFunction = emitPlan(function, buffers, slots, formulas);
    if (formulas.dimCount() == 0)
      noteConstantSize(function, buffers, slots);
    rewriteAllocs(function, planFunction, buffers, slots);
    double typical = 0;
    for (Slot const &slot : slots)
      typical += slot.typicalBytes;
    remark::passed(function.getLoc(), remark::RemarkOpts::name("arena").category("heed-memory"))
        << (std::to_string(buffers.size()) + " buffers in " + std::to_string(slots.size()) + " slots, " +
            std::to_string(int64_t(typical)) + " bytes at the largest sizes (unbounded ones taken as 512)");
    return success();
  }

  /// Without run-time sizes the total is known now; whoever calls the function without a plan reads it here.
  void noteConstantSize(func::FuncOp function, ArrayRef<Placed> buffers, ArrayRef<Slot> slots) {
    int64_t total = 0;
    for (Slot const &slot : slots) {
      int64_t bytes = 0;
      for (unsigned member : slot.members)
        bytes = std::max(bytes, buffers[member].size.constant);
      total += llvm::alignTo(bytes, bufferAlignment);
    }
    function->setAttr(workspaceBytesName, Builder(&getContext()).getI64IntegerAttr(total));
  }

  /// `@<model>_plan`: dims to the offset of every slot and the total.
  func::FuncOp emitPlan(func::FuncOp function, ArrayRef<Placed> buffers, ArrayRef<Slot> slots, SizeFormulas &formulas) {
    OpBuilder builder(function);
    Location loc = function.getLoc();
    Type index = builder.getIndexType();
    SmallVector<Type> inputs(formulas.dimCount(), index), results(slots.size() + 1, index);
    auto planFunction = func::FuncOp::create(builder, loc, (function.getSymName() + "_plan").str(),
                                             builder.getFunctionType(inputs, results));
    planFunction.setPrivate();
    builder.setInsertionPointToStart(planFunction.addEntryBlock());
    Value rounding = arith::ConstantIndexOp::create(builder, loc, bufferAlignment - 1);
    Value inverse = arith::ConstantIndexOp::create(builder, loc, ~(bufferAlignment - 1));
    Value offset = arith::ConstantIndexOp::create(builder, loc, 0);
    SizeFormulas::Cloner cloner(formulas, builder, planFunction.getArguments());
    SmallVector<Value> offsets;
    for (Slot const &slot : slots) {
      offsets.push_back(offset);
      Value bytes;
      SmallVector<SizeFormula> seen;
      for (unsigned member : slot.members) {
        SizeFormula const &size = buffers[member].size;
        if (llvm::is_contained(seen, size))
          continue;
        seen.push_back(size);
        Value next = cloner.emit(size, loc);
        bytes = bytes ? arith::MaxSIOp::create(builder, loc, bytes, next) : next;
      }
      Value rounded =
          arith::AndIOp::create(builder, loc, arith::AddIOp::create(builder, loc, bytes, rounding), inverse);
      offset = arith::AddIOp::create(builder, loc, offset, rounded);
    }
    offsets.push_back(offset);
    func::ReturnOp::create(builder, loc, offsets);
    return planFunction;
  }

  void rewriteAllocs(func::FuncOp function, func::FuncOp planFunction, ArrayRef<Placed> buffers, ArrayRef<Slot> slots) {
    Location loc = function.getLoc();
    Builder attributes(&getContext());
    auto workspaceType = MemRefType::get({ShapedType::kDynamic}, attributes.getI8Type());
    DictionaryAttr role =
        attributes.getDictionaryAttr(attributes.getNamedAttr(workspaceName, attributes.getUnitAttr()));
    unsigned position = function.getNumArguments();
    (void)function.insertArgument(position, workspaceType, role, loc);
    if (slots.empty())
      return;
    Value workspace = function.getArgument(position);
    OpBuilder builder(&function.getBody().front(), function.getBody().front().begin());
    auto offsets = func::CallOp::create(builder, loc, planFunction,
                                        function.getArguments().take_front(planFunction.getNumArguments()));
    for (auto [number, slot] : llvm::enumerate(slots))
      for (unsigned member : slot.members) {
        memref::AllocOp alloc = buffers[member].alloc;
        builder.setInsertionPoint(alloc);
        Value offset = offsets.getResult(number);
        if (scf::ParallelOp parallel = buffers[member].chunks)
          offset = arith::AddIOp::create(builder, alloc.getLoc(), offset, chunkOffset(builder, alloc, parallel));
        auto view = memref::ViewOp::create(builder, alloc.getLoc(), alloc.getType(), workspace, offset,
                                           alloc.getDynamicSizes());
        alloc.replaceAllUsesWith(view.getResult());
        alloc.erase();
      }
  }

  /// Where the copy of the chunk begins: its number times the size of one copy, rounded as in the formula.
  Value chunkOffset(OpBuilder &builder, memref::AllocOp alloc, scf::ParallelOp parallel) {
    Location loc = alloc.getLoc();
    Value bytes = arith::ConstantIndexOp::create(builder, loc, bytesOf(alloc.getType().getElementType()));
    unsigned dynamic = 0;
    for (int64_t size : alloc.getType().getShape()) {
      Value factor = ShapedType::isDynamic(size) ? alloc.getDynamicSizes()[dynamic++]
                                                 : arith::ConstantIndexOp::create(builder, loc, size).getResult();
      bytes = arith::MulIOp::create(builder, loc, bytes, factor);
    }
    Value rounding = arith::ConstantIndexOp::create(builder, loc, bufferAlignment - 1);
    Value inverse = arith::ConstantIndexOp::create(builder, loc, ~(bufferAlignment - 1));
    bytes = arith::AndIOp::create(builder, loc, arith::AddIOp::create(builder, loc, bytes, rounding), inverse);
    return arith::MulIOp::create(builder, loc, bytes, chunkNumber(builder, loc, parallel));
  }
};

} // namespace
} // namespace heed
