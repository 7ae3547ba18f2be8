// HoistWeightPacking.cpp - packs parameters once, in a function of their own, instead of in every run.
#include "compiler/lower/kernels/Kernels.h"
#include "compiler/lower/kernels/Weights.h"
#include "dialect/HeedOps.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"

namespace heed {
#define GEN_PASS_DEF_HOISTWEIGHTPACKING
#include "compiler/lower/kernels/Passes.h.inc"

using namespace mlir;

namespace {

/// Every prepared weight starts at a cache line.
constexpr int64_t alignment = 64;
constexpr llvm::StringLiteral preparedName = "heed.prepared", preparedBytesName = "heed.prepared_bytes";

struct HoistWeightPacking : impl::HoistWeightPackingBase<HoistWeightPacking> {
  using HoistWeightPackingBase::HoistWeightPackingBase;

  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      kernels::Weights weights(function);
      if (!weights.isEmpty() && !getOperation().lookupSymbol(prepareName(function)))
        hoist(function, weights);
    }
  }

  static std::string prepareName(func::FuncOp function) { return (function.getSymName() + "_prepare").str(); }

  void hoist(func::FuncOp function, kernels::Weights const &weights) {
    SmallVector<ir::PackOp> packs;
    SmallVector<llvm::SetVector<Operation *>> slices;
    function.walk([&](ir::PackOp pack) {
      auto missed = [&](StringRef reason) {
        remark::missed(pack.getLoc(), remark::RemarkOpts::name("hoist-packing").category("heed-kernels")) << reason;
      };
      if (!pack.getResult())
        return;
      llvm::SetVector<Operation *> slice;
      if (!weights.feed(pack.getSource(), slice))
        return missed("packed in every run: the operand depends on more than parameters");
      if (!cast<ShapedType>(pack.getInit().getType()).hasStaticShape())
        return missed("packed in every run: its size is known only at run time");
      packs.push_back(pack);
      slices.push_back(std::move(slice));
    });
    if (packs.empty())
      return;

    OpBuilder builder(function.getContext());
    builder.setInsertionPointAfter(function);
    ArrayRef<Type> params = function.getArgumentTypes().slice(weights.begin(), weights.end() - weights.begin());
    auto prepare =
        func::FuncOp::create(builder, function.getLoc(), prepareName(function), builder.getFunctionType(params, {}));
    builder.setInsertionPointToStart(prepare.addEntryBlock());
    IRMapping mapping;
    for (unsigned number = weights.begin(); number < weights.end(); ++number)
      mapping.map(function.getArgument(number), prepare.getArgument(number - weights.begin()));

    int64_t bytes = 0;
    using Key = std::tuple<Value, unsigned, Type>;
    llvm::MapVector<Key, Value> done;
    SmallVector<Value> arguments;
    for (auto [pack, slice] : llvm::zip_equal(packs, slices)) {
      Type type = pack.getInit().getType();
      Value &argument = done[{pack.getSource(), pack.getTransposed() ? 1u : 0u, type}];
      if (!argument) {
        for (Operation *op : slice)
          if (!mapping.contains(op->getResult(0)))
            builder.clone(*op, mapping);
        argument = move(builder, function, prepare, pack, mapping.lookup(pack.getSource()), bytes);
        remark::passed(pack.getLoc(), remark::RemarkOpts::name("hoist-packing").category("heed-kernels"))
            << "packed once, when weights are set";
      }
      arguments.push_back(argument);
    }
    // Only now: what feeds a pack may be a product with another one.
    for (auto [pack, argument] : llvm::zip_equal(packs, arguments)) {
      pack.getResult().replaceAllUsesWith(argument);
      pack.erase();
    }
    func::ReturnOp::create(builder, function.getLoc());
    getOperation()->setAttr(preparedBytesName, builder.getI64IntegerAttr(bytes));
  }

  /// Packs `source` into a new buffer argument of `prepare`; the same memory is a new argument of `function`.
  Value move(OpBuilder &builder, func::FuncOp function, func::FuncOp prepare, ir::PackOp pack, Value source,
             int64_t &bytes) {
    auto type = cast<RankedTensorType>(pack.getInit().getType());
    Location loc = pack.getLoc();
    auto role = builder.getDictionaryAttr(builder.getNamedAttr(preparedName, builder.getI64IntegerAttr(bytes)));
    bytes += llvm::alignTo(type.getNumElements() * type.getElementTypeBitWidth() / 8, alignment);

    auto buffer = MemRefType::get(type.getShape(), type.getElementType());
    unsigned last = prepare.getNumArguments();
    (void)prepare.insertArgument(last, buffer, role, loc);
    Value init = tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType());
    Value packed = ir::PackOp::create(builder, loc, source, init, pack.getTransposed())->getResult(0);
    auto store = bufferization::MaterializeInDestinationOp::create(builder, loc, packed, prepare.getArgument(last));
    store.setRestrict(true);
    store.setWritable(true);

    last = function.getNumArguments();
    (void)function.insertArgument(last, type, role, loc);
    return function.getArgument(last);
  }
};

} // namespace
} // namespace heed
