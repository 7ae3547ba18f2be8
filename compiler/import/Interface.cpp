// Interface.cpp - types, sizes and locations, and the module attribute that describes the interface of the model.
#include "compiler/import/Importer.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/Location.h"

using namespace mlir;

namespace heed {

Type Importer::elementType(Element element) {
  switch (element) {
  case Element::F32:
    return builder.getF32Type();
  case Element::F64:
    return builder.getF64Type();
  case Element::F16:
    return builder.getF16Type();
  case Element::BF16:
    return builder.getBF16Type();
  case Element::I32:
    return builder.getI32Type();
  case Element::I8:
    return builder.getI8Type();
  case Element::Bool:
    return builder.getI1Type();
  }
  llvm_unreachable("an element without a type");
}

RankedTensorType Importer::tensorType(Tensor const &tensor, int withoutAxis) {
  SmallVector<int64_t> shape;
  for (auto const &[axis, size] : llvm::enumerate(tensor.shape))
    if (static_cast<int>(axis) != withoutAxis)
      shape.push_back(size.isConstant() ? size.constant : ShapedType::kDynamic);
  return RankedTensorType::get(shape, elementType(tensor.element));
}

Location Importer::locate(ast::Range range) {
  if (range.empty())
    return builder.getUnknownLoc();
  LineColumn first = sources.locate(range.first), last = sources.locate(range.last);
  return FileLineColRange::get(builder.getStringAttr(first.file), first.line, first.column, last.line, last.column);
}

Location Importer::locate(ast::Range range, std::string const &name) {
  return NameLoc::get(builder.getStringAttr(name), locate(range));
}

Value Importer::sizeOf(Size const &size, bool atRunTime) {
  std::vector<int64_t> key = {size.constant};
  AffineExpr expr = getAffineConstantExpr(size.constant, builder.getContext());
  SmallVector<OpFoldResult> operands;
  bool early = true;
  for (Size::Term const &term : size.terms) {
    Value dim = dims[term.dim];
    if (atRunTime && taken[term.dim]) {
      dim = taken[term.dim];
      early = false;
    }
    expr = expr + getAffineDimExpr(operands.size(), builder.getContext()) * term.coefficient;
    operands.push_back(dim);
    key.insert(key.end(), {term.dim, term.coefficient});
  }
  if (early)
    if (auto known = sizes.find(key); known != sizes.end())
      return known->second;
  OpBuilder::InsertionGuard guard(builder);
  if (early)
    builder.setInsertionPoint(sizesEnd);
  OpFoldResult folded = affine::makeComposedFoldedAffineApply(builder, function.getLoc(), expr, operands);
  Value value = getValueOrCreateConstantIndexOp(builder, function.getLoc(), folded);
  if (early)
    sizes[key] = value;
  return value;
}

SmallVector<Value> Importer::dynamicSizes(Tensor const &tensor, int withoutAxis) {
  SmallVector<Value> result;
  for (auto const &[axis, size] : llvm::enumerate(tensor.shape))
    if (static_cast<int>(axis) != withoutAxis && !size.isConstant())
      result.push_back(sizeOf(size, /*taken=*/false));
  return result;
}

DictionaryAttr Importer::interface() {
  auto shapeOf = [&](Tensor const &tensor) {
    SmallVector<AffineExpr> axes;
    for (Size const &size : tensor.shape) {
      AffineExpr expr = builder.getAffineConstantExpr(size.constant);
      for (Size::Term const &term : size.terms)
        expr = expr + builder.getAffineDimExpr(term.dim) * term.coefficient;
      axes.push_back(expr);
    }
    return AffineMapAttr::get(AffineMap::get(program.dims.size(), 0, axes, builder.getContext()));
  };
  auto entry = [&](StringRef name, Attribute value) { return builder.getNamedAttr(name, value); };
  auto describe = [&](std::vector<TensorId> const &ids, bool param) {
    SmallVector<Attribute> list;
    for (TensorId id : ids) {
      Tensor const &tensor = program.tensors[id];
      SmallVector<NamedAttribute> entries = {
          entry("name", builder.getStringAttr(tensor.name)),
          entry("type", TypeAttr::get(elementType(tensor.element))),
          entry("shape", shapeOf(tensor)),
          param ? entry("from", builder.getStringAttr(tensor.from))
                : entry("alphabet", builder.getStringAttr(tensor.alphabet)),
      };
      list.push_back(builder.getDictionaryAttr(entries));
    }
    return builder.getArrayAttr(list);
  };
  SmallVector<Attribute> dimList, checkList;
  for (Dim const &dim : program.dims) {
    SmallVector<NamedAttribute> entries = {
        entry("name", builder.getStringAttr(dim.name)),
        entry("max", builder.getI64IntegerAttr(dim.maximum)),
        entry("min", builder.getI64IntegerAttr(dim.minimum)),
        entry("until", builder.getBoolAttr(dim.fromUntil)),
    };
    dimList.push_back(builder.getDictionaryAttr(entries));
  }
  for (std::string const &text : checks)
    checkList.push_back(builder.getStringAttr(text));
  SmallVector<NamedAttribute> entries = {
      entry("name", builder.getStringAttr(program.name)), entry("dims", builder.getArrayAttr(dimList)),
      entry("inputs", describe(program.inputs, false)),   entry("outputs", describe(program.outputs, false)),
      entry("params", describe(program.params, true)),    entry("checks", builder.getArrayAttr(checkList)),
  };
  return builder.getDictionaryAttr(entries);
}

} // namespace heed
