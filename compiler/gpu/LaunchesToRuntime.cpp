// LaunchesToRuntime.cpp - turns launches and the host's reads of buffers into calls of the frame's functions.
#include "compiler/gpu/Passes.h"
#include "compiler/gpu/TensorMap.h"
#include "compiler/lower/Frame.h"
#include "compiler/lower/Model.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"

namespace heed {
#define GEN_PASS_DEF_LAUNCHESTORUNTIME
#include "compiler/gpu/Passes.h.inc"

using namespace mlir;

namespace {

/// The most that one argument of a kernel may take.
constexpr int64_t slotBytes = 8;

class HostWriter {
public:
  HostWriter(func::FuncOp function, Value frame)
      : function(function), builder(&function.getBody().front(), function.getBody().front().begin()),
        converter(function.getContext()), pointer(LLVM::LLVMPointerType::get(function.getContext())),
        i64(builder.getI64Type()) {
    Location loc = function.getLoc();
    gpuDevice = loadFrameField(builder, loc, frame, FrameField::Device);
    launchFunction = loadFrameField(builder, loc, frame, FrameField::Launch);
    readFunction = loadFrameField(builder, loc, frame, FrameField::Read);
    size_t most = 0, mostMaps = 0;
    function.walk([&](gpu::LaunchFuncOp launch) {
      most = std::max<size_t>(most, launch.getNumKernelOperands());
      mostMaps = std::max<size_t>(mostMaps, llvm::count_if(launch.getKernelOperands(), device::tensorMapOf));
    });
    if (mostMaps) {
      mapFunction = loadFrameField(builder, loc, frame, FrameField::TensorMap);
      mapShape = array(loc, i64, 2 + 3 * device::mapRank);
    }
    for (size_t map = 0; map < mostMaps; ++map)
      maps.push_back(LLVM::AllocaOp::create(builder, loc, pointer, builder.getI8Type(), constant(loc, i64, device::mapBytes),
                                            device::mapAlignment));
    // One set of slots serves all launches: the runtime has taken the values when it returns.
    slots = array(loc, i64, most);
    shape = array(loc, i64, 9);
    scratch = array(loc, i64, 1);
    addresses = array(loc, pointer, most);
    for (size_t slot = 0; slot < most; ++slot)
      LLVM::StoreOp::create(builder, loc, element(loc, slots, i64, slot), element(loc, addresses, pointer, slot));
  }

  LogicalResult writeLaunch(gpu::LaunchFuncOp launch, int64_t number) {
    builder.setInsertionPoint(launch);
    Location loc = launch.getLoc();
    size_t usedMaps = 0;
    for (auto [slot, operand] : llvm::enumerate(launch.getKernelOperands())) {
      if (UnrealizedConversionCastOp cast = device::tensorMapOf(operand)) {
        Value map = maps[usedMaps++];
        writeMap(cast, map);
        LLVM::StoreOp::create(builder, loc, map, element(loc, addresses, pointer, slot));
        continue;
      }
      Type type = converter.convertType(operand.getType());
      if (!type || !LLVM::isCompatibleType(type) || isa<LLVM::LLVMStructType, LLVM::LLVMArrayType>(type))
        return launch.emitError("expected scalars of at most 8 bytes as arguments of kernels");
      // The runtime compares whole slots.
      if (type.isIntOrFloat() && type.getIntOrFloatBitWidth() < 8 * slotBytes)
        LLVM::StoreOp::create(builder, loc, constant(loc, i64, 0), element(loc, slots, i64, slot));
      LLVM::StoreOp::create(builder, loc, castTo(builder, loc, operand, type), element(loc, slots, i64, slot));
    }
    gpu::KernelDim3 blocks = launch.getGridSizeOperandValues(), threads = launch.getBlockSizeOperandValues();
    Value const extents[] = {blocks.x, blocks.y, blocks.z, threads.x, threads.y, threads.z};
    for (auto [place, size] : llvm::enumerate(extents))
      LLVM::StoreOp::create(builder, loc, arith::IndexCastOp::create(builder, loc, i64, size),
                            element(loc, shape, i64, place));
    Value shared = launch.getDynamicSharedMemorySize();
    shared = shared ? arith::ExtUIOp::create(builder, loc, i64, shared).getResult() : constant(loc, i64, 0);
    LLVM::StoreOp::create(builder, loc, shared, element(loc, shape, i64, 6));
    LLVM::StoreOp::create(builder, loc, constant(loc, i64, launch.getNumKernelOperands()), element(loc, shape, i64, 7));
    LLVM::StoreOp::create(builder, loc, constant(loc, i64, usedMaps), element(loc, shape, i64, 8));
    Value kernel = constant(loc, builder.getI32Type(), number);
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(function.getContext()),
                                            {pointer, builder.getI32Type(), pointer, pointer});
    LLVM::CallOp::create(builder, loc, type, ValueRange{launchFunction, gpuDevice, kernel, shape, addresses});
    for (auto [slot, operand] : llvm::enumerate(launch.getKernelOperands()))
      if (device::tensorMapOf(operand))
        LLVM::StoreOp::create(builder, loc, element(loc, slots, i64, slot), element(loc, addresses, pointer, slot));
    launch.erase();
    return success();
  }

  void writeRead(memref::LoadOp load) {
    builder.setInsertionPoint(load);
    Location loc = load.getLoc();
    auto type = cast<MemRefType>(load.getMemRef().getType());
    // The address of the element, by way of a buffer that holds only it.
    auto one = memref::SubViewOp::create(builder, loc, load.getMemRef(), getAsOpFoldResult(load.getIndices()),
                                         SmallVector<OpFoldResult>(type.getRank(), builder.getIndexAttr(1)),
                                         SmallVector<OpFoldResult>(type.getRank(), builder.getIndexAttr(1)));
    auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, one);
    Value base = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, metadata.getBaseBuffer());
    bool isIndex = type.getElementType().isIndex();
    int64_t bytes = isIndex ? sizeof(int64_t) : llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    Value distance = arith::MulIOp::create(builder, loc, metadata.getOffset(),
                                           arith::ConstantIndexOp::create(builder, loc, bytes));
    Value address = arith::IndexCastOp::create(builder, loc, i64, arith::AddIOp::create(builder, loc, base, distance));
    Value from = LLVM::IntToPtrOp::create(builder, loc, pointer, address);
    auto call = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(function.getContext()), {pointer, pointer, pointer, i64});
    LLVM::CallOp::create(builder, loc, call, ValueRange{readFunction, gpuDevice, scratch, from, constant(loc, i64, bytes)});
    Type element = type.getElementType();
    // A truth value is a byte.
    Type stored = element.isInteger(1) ? Type(builder.getI8Type()) : converter.convertType(element);
    Value value = LLVM::LoadOp::create(builder, loc, stored, scratch);
    if (element.isInteger(1))
      value = arith::TruncIOp::create(builder, loc, element, value);
    load.replaceAllUsesWith(castTo(builder, loc, value, element));
    load.erase();
  }

private:
  /// The driver's form of a tensor, from what is known of it now.
  void writeMap(UnrealizedConversionCastOp cast, Value map) {
    Location loc = cast.getLoc();
    Value buffer = cast.getOperand(0);
    auto type = mlir::cast<MemRefType>(buffer.getType());
    ArrayRef<int64_t> box = cast->getAttrOfType<DenseI64ArrayAttr>(device::boxName).asArrayRef();
    auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, buffer);
    int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    auto inBytes = [&](Value elements) -> Value {
      return arith::MulIOp::create(builder, loc, elements, arith::ConstantIndexOp::create(builder, loc, bytes));
    };
    auto store = [&](Value value, size_t place) {
      LLVM::StoreOp::create(builder, loc, value, element(loc, mapShape, i64, place));
    };
    auto asI64 = [&](Value value) -> Value { return arith::IndexCastOp::create(builder, loc, i64, value); };
    Value base = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, metadata.getBaseBuffer());
    Value address = asI64(arith::AddIOp::create(builder, loc, base, inBytes(metadata.getOffset())));
    store(constant(loc, i64, type.getElementType().isBF16()), 0);
    store(constant(loc, i64, type.getRank()), 1);
    size_t place = 2;
    for (int64_t axis = type.getRank(); axis-- > 0;) {
      store(asI64(axis == box[0] ? cast.getOperand(1) : metadata.getSizes()[axis]), place++);
      store(asI64(inBytes(metadata.getStrides()[axis])), place++);
      store(constant(loc, i64, box[axis + 1]), place++);
    }
    auto call = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(function.getContext()), {pointer, pointer, pointer, pointer});
    Value memory = LLVM::IntToPtrOp::create(builder, loc, pointer, address);
    LLVM::CallOp::create(builder, loc, call, ValueRange{mapFunction, gpuDevice, map, memory, mapShape});
  }

  Value constant(Location loc, Type type, int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, builder.getIntegerAttr(type, value));
  }
  Value array(Location loc, Type type, size_t count) {
    return LLVM::AllocaOp::create(builder, loc, pointer, type, constant(loc, i64, std::max<size_t>(count, 1)));
  }
  Value element(Location loc, Value array, Type type, size_t position) {
    return LLVM::GEPOp::create(builder, loc, pointer, type, array, ArrayRef<LLVM::GEPArg>{int32_t(position)});
  }

  func::FuncOp function;
  OpBuilder builder;
  LLVMTypeConverter converter;
  Type pointer, i64;
  Value gpuDevice, launchFunction, readFunction, mapFunction, slots, shape, scratch, addresses, mapShape;
  SmallVector<Value> maps; ///< room for those of one launch
};

struct LaunchesToRuntime : impl::LaunchesToRuntimeBase<LaunchesToRuntime> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<Model> model = Model::find(module);
    if (!model) {
      module.emitError("expected attribute 'heed.program' and the function it names");
      return signalPassFailure();
    }
    llvm::DenseMap<StringAttr, int64_t> numbers;
    SmallVector<gpu::GPUModuleOp> kernels(module.getOps<gpu::GPUModuleOp>());
    for (gpu::GPUModuleOp part : kernels)
      for (auto kernel : part.getOps<LLVM::LLVMFuncOp>())
        if (kernel->hasAttr(kernelAttribute))
          numbers.insert({kernel.getSymNameAttr(), int64_t(numbers.size())});

    func::FuncOp function = model->function;
    Builder attributes(&getContext());
    unsigned position = function.getNumArguments();
    DictionaryAttr role = attributes.getDictionaryAttr(attributes.getNamedAttr(frameName, attributes.getUnitAttr()));
    (void)function.insertArgument(position, LLVM::LLVMPointerType::get(&getContext()), role, function.getLoc());
    HostWriter writer(function, function.getArgument(position));
    SmallVector<gpu::LaunchFuncOp> launches;
    SmallVector<memref::LoadOp> reads;
    function.walk([&](Operation *op) {
      if (auto launch = dyn_cast<gpu::LaunchFuncOp>(op))
        launches.push_back(launch);
      else if (auto load = dyn_cast<memref::LoadOp>(op))
        reads.push_back(load);
    });
    for (gpu::LaunchFuncOp launch : launches) {
      auto number = numbers.find(launch.getKernelName());
      if (number == numbers.end()) {
        launch.emitError("expected kernel '") << launch.getKernelName().getValue() << "' in the LLVM dialect";
        return signalPassFailure();
      }
      if (failed(writer.writeLaunch(launch, number->second)))
        return signalPassFailure();
    }
    for (memref::LoadOp load : reads)
      writer.writeRead(load);
    SmallVector<UnrealizedConversionCastOp> maps;
    function.walk([&](UnrealizedConversionCastOp cast) {
      if (cast->hasAttr(device::boxName))
        maps.push_back(cast);
    });
    for (UnrealizedConversionCastOp cast : maps)
      cast.erase();
    for (gpu::GPUModuleOp part : kernels)
      part.erase();
    module->removeAttr(gpu::GPUDialect::getContainerModuleAttrName());
  }

  static constexpr llvm::StringLiteral kernelAttribute = "nvvm.kernel";
};

} // namespace
} // namespace heed
