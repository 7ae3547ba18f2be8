// EntryPoints.cpp - adds the functions of the C ABI that the runtime calls.
#include "compiler/lower/Frame.h"
#include "compiler/lower/Model.h"
#include "compiler/lower/Passes.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace heed {
#define GEN_PASS_DEF_ENTRYPOINTS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

struct EntryPoints : impl::EntryPointsBase<EntryPoints> {
  using EntryPointsBase::EntryPointsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<Model> model = Model::find(module);
    if (!model) {
      module.emitError("expected attribute 'heed.program' and the function it names");
      return signalPassFailure();
    }
    converter = std::make_shared<LLVMTypeConverter>(&getContext());
    pointer = LLVM::LLVMPointerType::get(&getContext());
    if (failed(emitRun(*model)) || failed(emitWorkspace(*model)) || failed(emitPrepare(*model)))
      return signalPassFailure();
    // The attributes of the arguments have served; the translation to LLVM IR knows none of them.
    func::FuncOp function = model->function;
    function.setAllArgAttrs(SmallVector<DictionaryAttr>(function.getNumArguments(), DictionaryAttr::get(&getContext())));
    if (!module->hasAttr(preparedBytesName))
      module->setAttr(preparedBytesName, Builder(&getContext()).getI64IntegerAttr(0));
  }

  /// Buffers of the model's arguments of one kind: `array` holds their pointers.
  Value makeArgument(OpBuilder &builder, Location loc, MemRefType type, AffineMap shape, Value memory,
                     ValueRange dims) {
    SmallVector<Value> dynamic;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        dynamic.push_back(
            affine::makeComposedAffineApply(builder, loc, shape.getSubMap({unsigned(axis)}), getAsOpFoldResult(dims)));
    return bufferAt(builder, loc, *converter, type, memory, dynamic);
  }

  SmallVector<Value> loadDims(OpBuilder &builder, Location loc, Value array, unsigned count) {
    SmallVector<Value> dims;
    for (unsigned dim = 0; dim < count; ++dim) {
      Value size = loadElement(builder, loc, array, builder.getI64Type(), dim);
      dims.push_back(arith::IndexCastOp::create(builder, loc, builder.getIndexType(), size));
    }
    return dims;
  }

  Value prepared(OpBuilder &builder, Location loc, MemRefType type, Value memory, int64_t offset) {
    Value distance = LLVM::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(offset));
    Value address = LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), memory, ValueRange{distance});
    return bufferAt(builder, loc, *converter, type, address, {});
  }

  func::FuncOp startFunction(func::FuncOp before, StringRef name, ArrayRef<Type> inputs, ArrayRef<Type> results,
                             OpBuilder &builder) {
    builder.setInsertionPointAfter(before);
    auto function = func::FuncOp::create(builder, before.getLoc(), name, builder.getFunctionType(inputs, results));
    builder.setInsertionPointToStart(function.addEntryBlock());
    return function;
  }

  LogicalResult emitRun(Model &model) {
    func::FuncOp callee = model.function;
    Location loc = callee.getLoc();
    OpBuilder builder(&getContext());
    Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
    func::FuncOp run = startFunction(callee, model.symbol("run"), {pointer}, {i32}, builder);
    Value frame = run.getArgument(0);
    Value dimArray = loadFrameField(builder, loc, frame, FrameField::Dims);
    SmallVector<Value> dims = loadDims(builder, loc, dimArray, model.dimCount());
    SmallVector<Value> arguments(dims);
    unsigned firstInput = model.dimCount(), firstParam = firstInput + model.inputCount(),
             afterParams = firstParam + model.paramCount();
    for (unsigned position = dims.size(); position < callee.getNumArguments(); ++position) {
      if (callee.getArgAttr(position, frameName)) {
        arguments.push_back(frame);
        continue;
      }
      auto type = dyn_cast<MemRefType>(callee.getArgument(position).getType());
      if (!type || !type.getLayout().isIdentity())
        return callee.emitError("expected argument ") << position << " to be a buffer without layout";
      auto pointerOf = [&](FrameField field, int64_t index) {
        return loadElement(builder, loc, loadFrameField(builder, loc, frame, field), pointer, index);
      };
      AffineMap shape = model.shapeOfArgument(position);
      if (auto output = callee.getArgAttrOfType<IntegerAttr>(position, outputName))
        arguments.push_back(
            makeArgument(builder, loc, type, shape, pointerOf(FrameField::Outputs, output.getInt()), dims));
      else if (auto offset = callee.getArgAttrOfType<IntegerAttr>(position, preparedName))
        arguments.push_back(
            prepared(builder, loc, type, loadFrameField(builder, loc, frame, FrameField::Prepared), offset.getInt()));
      else if (callee.getArgAttr(position, workspaceName)) {
        Value size = arith::ConstantIndexOp::create(builder, loc, std::numeric_limits<int64_t>::max());
        arguments.push_back(
            bufferAt(builder, loc, *converter, type, loadFrameField(builder, loc, frame, FrameField::Workspace), {size}));
      } else if (position < firstParam)
        arguments.push_back(
            makeArgument(builder, loc, type, shape, pointerOf(FrameField::Inputs, position - firstInput), dims));
      else if (position < afterParams)
        arguments.push_back(
            makeArgument(builder, loc, type, shape, pointerOf(FrameField::Params, position - firstParam), dims));
      else
        return callee.emitError("argument ") << position << " has no known purpose";
    }
    auto call = func::CallOp::create(builder, loc, callee, arguments);
    unsigned result = 0;
    for (unsigned dim = 0; dim < dims.size(); ++dim)
      if (model.isUntil(dim)) {
        Value taken = arith::IndexCastOp::create(builder, loc, i64, call.getResult(result++));
        Value address = LLVM::GEPOp::create(builder, loc, pointer, i64, dimArray, ArrayRef<LLVM::GEPArg>{int32_t(dim)});
        LLVM::StoreOp::create(builder, loc, taken, address);
      }
    Value status = result < call.getNumResults() ? call.getResult(result)
                                                 : arith::ConstantIntOp::create(builder, loc, 0, 32).getResult();
    func::ReturnOp::create(builder, loc, status);
    callee.setPrivate();
    return success();
  }

  LogicalResult emitWorkspace(Model &model) {
    OpBuilder builder(&getContext());
    Location loc = model.function.getLoc();
    func::FuncOp workspace =
        startFunction(model.function, model.symbol("workspace"), {pointer}, {builder.getI64Type()}, builder);
    Value total = arith::ConstantIndexOp::create(builder, loc, 0);
    if (auto plan = getOperation().lookupSymbol<func::FuncOp>(model.symbol("plan"))) {
      SmallVector<Value> dims = loadDims(builder, loc, workspace.getArgument(0), model.dimCount());
      total = func::CallOp::create(builder, loc, plan, dims).getResults().back();
    }
    Value bytes = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), total);
    func::ReturnOp::create(builder, loc, bytes);
    return success();
  }

  /// `<model>_prepare`, if there is a function that packs weights: its arguments are the params, then its outputs.
  /// Buffers that it needs on the way lie behind the prepared weights.
  LogicalResult emitPrepare(Model &model) {
    auto packs = getOperation().lookupSymbol<func::FuncOp>(model.symbol("prepare"));
    if (!packs)
      return success();
    Location loc = packs.getLoc();
    packs.setSymName(model.symbol("pack_weights"));
    packs.setPrivate();
    OpBuilder builder(&getContext());
    func::FuncOp prepare = startFunction(packs, model.symbol("prepare"), {pointer, pointer}, {}, builder);
    SmallVector<Value> arguments;
    for (auto [position, argument] : llvm::enumerate(packs.getArguments())) {
      auto type = dyn_cast<MemRefType>(argument.getType());
      if (type && packs.getArgAttr(position, workspaceName)) {
        auto bytes = packs->getAttrOfType<IntegerAttr>(workspaceBytesName);
        auto before = getOperation()->getAttrOfType<IntegerAttr>(preparedBytesName);
        if (!bytes || !before)
          return packs.emitError("expected '") << workspaceBytesName << "' and '" << preparedBytesName << "'";
        int64_t begin = llvm::alignTo(before.getInt(), bufferAlignment);
        auto staticType = MemRefType::get({bytes.getInt()}, builder.getI8Type());
        Value buffer = prepared(builder, loc, staticType, prepare.getArgument(1), begin);
        arguments.push_back(memref::CastOp::create(builder, loc, type, buffer));
        if (bytes.getInt() > 0)
          getOperation()->setAttr(preparedBytesName, builder.getI64IntegerAttr(begin + bytes.getInt()));
        continue;
      }
      if (!type || !type.hasStaticShape())
        return packs.emitError("expected a buffer of constant shape as argument ") << position;
      if (auto offset = packs.getArgAttrOfType<IntegerAttr>(position, preparedName)) {
        arguments.push_back(prepared(builder, loc, type, prepare.getArgument(1), offset.getInt()));
        continue;
      }
      Value memory = loadElement(builder, loc, prepare.getArgument(0), pointer, position);
      arguments.push_back(bufferAt(builder, loc, *converter, type, memory, {}));
    }
    func::CallOp::create(builder, loc, packs, arguments);
    func::ReturnOp::create(builder, loc);
    return success();
  }

  std::shared_ptr<LLVMTypeConverter> converter;
  Type pointer;
};

} // namespace
} // namespace heed
