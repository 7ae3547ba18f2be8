// ResultsToArguments.cpp - lets a function write its tensor results to buffers that the caller gives.
#include "compiler/lower/Model.h"
#include "compiler/lower/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"

namespace heed {
#define GEN_PASS_DEF_RESULTSTOARGUMENTS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

struct ResultsToArguments : impl::ResultsToArgumentsBase<ResultsToArguments> {
  using ResultsToArgumentsBase::ResultsToArgumentsBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isDeclaration() && failed(rewrite(function)))
        return signalPassFailure();
  }

  LogicalResult rewrite(func::FuncOp function) {
    if (!function.getBody().hasOneBlock())
      return function.emitError("expected one block");
    Builder attributes(&getContext());
    for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
      if (isa<TensorType>(type))
        function.setArgAttr(index, bufferization::BufferizationDialect::kWritableAttrName,
                            attributes.getBoolAttr(false));

    auto end = cast<func::ReturnOp>(function.getBody().front().getTerminator());
    OpBuilder builder(end);
    llvm::BitVector moved(function.getNumResults());
    unsigned output = 0;
    for (auto [index, value] : llvm::enumerate(end.getOperands())) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type)
        continue;
      moved.set(index);
      unsigned position = function.getNumArguments();
      DictionaryAttr role =
          attributes.getDictionaryAttr(attributes.getNamedAttr(outputName, attributes.getI64IntegerAttr(output++)));
      if (failed(function.insertArgument(position, MemRefType::get(type.getShape(), type.getElementType()), role,
                                         end.getLoc())))
        return failure();
      auto copy = bufferization::MaterializeInDestinationOp::create(builder, end.getLoc(), value,
                                                                    function.getArgument(position));
      copy.setWritable(true);
      copy.setRestrict(true);
    }
    end->eraseOperands(moved);
    return function.eraseResults(moved);
  }
};

} // namespace
} // namespace heed
