// Model.cpp - the model's function in a module, and what `heed.program` says of it.
#include "compiler/lower/Model.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace heed {

std::optional<Model> Model::find(ModuleOp module) {
  auto program = module->getAttrOfType<DictionaryAttr>(programName);
  if (!program)
    return std::nullopt;
  Model model;
  model.program = program;
  if (auto name = program.getAs<StringAttr>("name"))
    model.function = module.lookupSymbol<func::FuncOp>(name);
  if (!model.function) // the symbol of a name that is not fit for one: the only public function
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isPublic() && !function.isDeclaration() && !model.function)
        model.function = function;
  if (!model.function || model.function.isDeclaration())
    return std::nullopt;
  return model;
}

std::optional<Model> Model::of(func::FuncOp function) {
  std::optional<Model> model = find(function->getParentOfType<ModuleOp>());
  if (model && model->function == function)
    return model;
  return std::nullopt;
}

ArrayAttr Model::list(StringRef kind) const {
  auto entries = program.getAs<ArrayAttr>(kind);
  return entries ? entries : ArrayAttr::get(program.getContext(), {});
}

std::optional<int64_t> Model::maximumOf(unsigned dim) const {
  if (dim >= dimCount())
    return std::nullopt;
  auto maximum = cast<DictionaryAttr>(list("dims")[dim]).getAs<IntegerAttr>("max");
  if (!maximum || maximum.getInt() < 0)
    return std::nullopt;
  return maximum.getInt();
}

bool Model::isUntil(unsigned dim) const {
  auto until = cast<DictionaryAttr>(list("dims")[dim]).getAs<BoolAttr>("until");
  return until && until.getValue();
}

AffineMap Model::shapeOf(StringRef kind, unsigned index) const {
  auto shape = cast<DictionaryAttr>(list(kind)[index]).getAs<AffineMapAttr>("shape");
  return shape ? shape.getValue() : AffineMap();
}

AffineMap Model::shapeOfArgument(unsigned argument) const {
  unsigned first = dimCount();
  if (argument < first)
    return AffineMap();
  if (argument < first + inputCount())
    return shapeOf("inputs", argument - first);
  first += inputCount();
  if (argument < first + paramCount())
    return shapeOf("params", argument - first);
  if (auto output = const_cast<func::FuncOp &>(function).getArgAttrOfType<IntegerAttr>(argument, outputName))
    return shapeOf("outputs", output.getInt());
  return AffineMap();
}

} // namespace heed
