// Uniform.cpp - the part of a region that is the same for all pairs, in front of the loops over them.
#include "compiler/lower/kernels/LaneCode.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed::kernels {
namespace {

class Cloner {
public:
  Cloner(Emit &emit, Region &region, ArrayRef<Value> leading) : emit(emit), region(region) {
    for (auto [argument, value] : llvm::zip(region.getArguments(), leading))
      mapping.map(argument, value);
  }

  Value clone(Value value) {
    Operation *definition = value.getDefiningOp();
    if (mapping.contains(value) || !definition || !region.isAncestor(definition->getParentRegion()))
      return mapping.lookupOrDefault(value);
    // What it uses from around it, also inside regions of its own.
    definition->walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        if (!definition->isAncestor(operand.getParentRegion()->getParentOp()))
          clone(operand);
    });
    emit.clone(*definition, mapping);
    return mapping.lookup(value);
  }

private:
  Emit &emit;
  Region &region;
  IRMapping mapping;
};

} // namespace

Value evaluateUniform(Emit &emit, Region &region, Value value, ArrayRef<Value> leading) {
  return Cloner(emit, region, leading).clone(value);
}

} // namespace heed::kernels
