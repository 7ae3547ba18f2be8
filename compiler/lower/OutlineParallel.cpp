// OutlineParallel.cpp - turns parallel loops into functions over chunks, and calls of the frame's parallel_for.
#include "compiler/lower/Frame.h"
#include "compiler/lower/Model.h"
#include "compiler/lower/Passes.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"

namespace heed {
#define GEN_PASS_DEF_OUTLINEPARALLEL
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

/// Constants are repeated in the body rather than passed.
bool isCheapToRepeat(Value value) {
  Operation *op = value.getDefiningOp();
  return op && op->hasTrait<OpTrait::ConstantLike>();
}

struct OutlineParallel : impl::OutlineParallelBase<OutlineParallel> {
  using OutlineParallelBase::OutlineParallelBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    converter = std::make_shared<LLVMTypeConverter>(&getContext());
    std::optional<Model> model = Model::find(module);
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      if (function.isDeclaration())
        continue;
      Value frame;
      if (model ? model->function == function : function.isPublic()) {
        Builder attributes(&getContext());
        unsigned position = function.getNumArguments();
        DictionaryAttr role =
            attributes.getDictionaryAttr(attributes.getNamedAttr(frameName, attributes.getUnitAttr()));
        (void)function.insertArgument(position, LLVM::LLVMPointerType::get(&getContext()), role, function.getLoc());
        frame = function.getArgument(position);
      }
      SmallVector<scf::ParallelOp> outer, rest;
      function.walk([&](scf::ParallelOp parallel) {
        bool outermost = !parallel->getParentOfType<scf::ParallelOp>();
        (outermost && frame && parallel.getNumResults() == 0 ? outer : rest).push_back(parallel);
      });
      for (scf::ParallelOp parallel : rest)
        makeSequential(parallel);
      unsigned number = 0;
      for (scf::ParallelOp parallel : outer)
        outline(function, parallel, frame, number++);
    }
  }

  void makeSequential(scf::ParallelOp parallel) {
    IRRewriter rewriter(parallel);
    (void)scf::parallelForToNestedFors(rewriter, parallel);
  }

  void outline(func::FuncOp function, scf::ParallelOp parallel, Value frame, unsigned number) {
    Location loc = parallel.getLoc();
    SetVector<Value> used;
    getUsedValuesDefinedAbove(parallel.getRegion(), used);
    for (OperandRange bounds : {parallel.getLowerBound(), parallel.getUpperBound(), parallel.getStep()})
      used.insert_range(bounds);
    SmallVector<Value> captured, repeated;
    SmallVector<Type> fields;
    for (Value value : used) {
      if (isCheapToRepeat(value)) {
        repeated.push_back(value);
        continue;
      }
      captured.push_back(value);
      fields.push_back(converter->convertType(value.getType()));
      if (!fields.back())
        return makeSequential(parallel);
    }
    auto closureType = LLVM::LLVMStructType::getLiteral(&getContext(), fields);
    func::FuncOp body = emitBody(function, parallel, number, closureType, captured, repeated);
    emitCall(function, parallel, frame, body, closureType, captured);
    remark::passed(loc, remark::RemarkOpts::name("outline").category("heed-parallel"))
        << ("parallel over " + std::to_string(parallel.getNumLoops()) + "-dimensional chunks");
    parallel.erase();
  }

  /// A function over [begin, end) of the chunk numbers.
  func::FuncOp emitBody(func::FuncOp function, scf::ParallelOp parallel, unsigned number,
                        LLVM::LLVMStructType closureType, ArrayRef<Value> captured, ArrayRef<Value> repeated) {
    Location loc = parallel.getLoc();
    OpBuilder builder(function);
    Type pointer = LLVM::LLVMPointerType::get(&getContext()), i64 = builder.getI64Type();
    auto body = func::FuncOp::create(builder, loc, (function.getSymName() + "_parallel_" + Twine(number)).str(),
                                     builder.getFunctionType({pointer, i64, i64}, {}));
    body.setPrivate();
    Block *entry = body.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    IRMapping mapping;
    for (auto [position, value] : llvm::enumerate(captured)) {
      Type type = closureType.getBody()[position];
      Value field = LLVM::GEPOp::create(builder, loc, pointer, closureType, entry->getArgument(0),
                                        ArrayRef<LLVM::GEPArg>{0, int32_t(position)});
      Value loaded = LLVM::LoadOp::create(builder, loc, type, field);
      mapping.map(value, castTo(builder, loc, loaded, value.getType()));
    }
    for (Value value : repeated)
      builder.clone(*value.getDefiningOp(), mapping);
    Value begin = arith::IndexCastOp::create(builder, loc, builder.getIndexType(), entry->getArgument(1));
    Value end = arith::IndexCastOp::create(builder, loc, builder.getIndexType(), entry->getArgument(2));
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    auto loop = scf::ForOp::create(builder, loc, begin, end, one);
    func::ReturnOp::create(builder, loc);

    builder.setInsertionPointToStart(loop.getBody());
    Value remaining = loop.getInductionVar();
    for (unsigned dim = parallel.getNumLoops(); dim-- > 0;) {
      Value lower = mapping.lookup(parallel.getLowerBound()[dim]),
            upper = mapping.lookup(parallel.getUpperBound()[dim]), step = mapping.lookup(parallel.getStep()[dim]);
      Value position = remaining;
      if (dim > 0) {
        Value count = iterations(builder, loc, lower, upper, step);
        position = arith::RemUIOp::create(builder, loc, remaining, count);
        remaining = arith::DivUIOp::create(builder, loc, remaining, count);
      }
      Value offset = arith::MulIOp::create(builder, loc, position, step);
      mapping.map(parallel.getInductionVars()[dim], arith::AddIOp::create(builder, loc, lower, offset));
    }
    for (Operation &op : parallel.getBody()->without_terminator()) {
      // The stack of a buffer is taken once per call, not once per chunk.
      if (isa<memref::AllocaOp>(op)) {
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToStart(entry);
        builder.clone(op, mapping);
        continue;
      }
      builder.clone(op, mapping);
    }
    return body;
  }

  static Value iterations(OpBuilder &builder, Location loc, Value lower, Value upper, Value step) {
    Value span = arith::SubIOp::create(builder, loc, upper, lower);
    Value none = arith::ConstantIndexOp::create(builder, loc, 0);
    return arith::CeilDivSIOp::create(builder, loc, arith::MaxSIOp::create(builder, loc, span, none), step);
  }

  void emitCall(func::FuncOp function, scf::ParallelOp parallel, Value frame, func::FuncOp body,
                LLVM::LLVMStructType closureType, ArrayRef<Value> captured) {
    Location loc = parallel.getLoc();
    OpBuilder builder(&function.getBody().front(), function.getBody().front().begin());
    Type pointer = LLVM::LLVMPointerType::get(&getContext()), i64 = builder.getI64Type();
    Value one = LLVM::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(1));
    Value closure = LLVM::AllocaOp::create(builder, loc, pointer, closureType, one);
    builder.setInsertionPoint(parallel);
    for (auto [position, value] : llvm::enumerate(captured)) {
      Value field = LLVM::GEPOp::create(builder, loc, pointer, closureType, closure,
                                        ArrayRef<LLVM::GEPArg>{0, int32_t(position)});
      LLVM::StoreOp::create(builder, loc, castTo(builder, loc, value, closureType.getBody()[position]), field);
    }
    Value count = arith::ConstantIndexOp::create(builder, loc, 1);
    for (auto [lower, upper, step] :
         llvm::zip_equal(parallel.getLowerBound(), parallel.getUpperBound(), parallel.getStep()))
      count = arith::MulIOp::create(builder, loc, count, iterations(builder, loc, lower, upper, step));
    Value total = arith::IndexCastOp::create(builder, loc, i64, count);
    Value parallelFor = loadFrameField(builder, loc, frame, FrameField::ParallelFor);
    Value pool = loadFrameField(builder, loc, frame, FrameField::Pool);
    Value constant = func::ConstantOp::create(builder, loc, body.getFunctionType(), body.getSymName());
    Value bodyPointer = castTo(builder, loc, constant, pointer);
    auto type =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()), {pointer, i64, i64, pointer, pointer});
    LLVM::CallOp::create(builder, loc, type, ValueRange{parallelFor, pool, total, one, bodyPointer, closure});
  }

  std::shared_ptr<LLVMTypeConverter> converter;
};

} // namespace
} // namespace heed
