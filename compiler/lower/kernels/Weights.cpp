// Weights.cpp - walks from a value back to parameters and constants.
#include "compiler/lower/kernels/Weights.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace heed::kernels {

Weights::Weights(func::FuncOp function) : function(function) {
  auto module = function->getParentOfType<ModuleOp>();
  auto program = module ? module->getAttrOfType<DictionaryAttr>("heed.program") : DictionaryAttr();
  if (!program || function.isDeclaration())
    return;
  auto name = program.getAs<StringAttr>("name");
  if (!function.isPublic() || (name && name.getValue() != function.getSymName() && module.lookupSymbol(name)))
    return;
  auto count = [&](StringRef kind) -> unsigned {
    auto list = program.getAs<ArrayAttr>(kind);
    return list ? list.size() : 0;
  };
  unsigned begin = count("dims") + count("inputs"), end = begin + count("params");
  if (end <= function.getNumArguments())
    first = begin, last = end;
}

bool Weights::feed(Value value, llvm::SetVector<Operation *> &slice) const {
  bool usesWeight = false;
  return collect(value, slice, usesWeight, 0) && usesWeight;
}

bool Weights::collect(Value value, llvm::SetVector<Operation *> &slice, bool &usesWeight, unsigned depth) const {
  if (depth > 64)
    return false;
  if (auto shaped = dyn_cast<ShapedType>(value.getType()); shaped && !shaped.hasStaticShape())
    return false;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    bool weight = argument.getOwner() == &function.getBody().front() && argument.getArgNumber() >= first &&
                  argument.getArgNumber() < last;
    usesWeight |= weight;
    return weight;
  }
  Operation *op = value.getDefiningOp();
  if (slice.contains(op))
    return true;
  if (!isMemoryEffectFree(op))
    return false;
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  captured.insert_range(op->getOperands());
  for (Value operand : captured)
    if (!collect(operand, slice, usesWeight, depth + 1))
      return false;
  slice.insert(op);
  return true;
}

} // namespace heed::kernels
