// Import.cpp - the module and its function: arguments, steps in order, results.
#include "compiler/import/Importer.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace heed {

OwningOpRef<ModuleOp> importProgram(MLIRContext &context, Program const &program, SourceManager const &sources) {
  context.loadDialect<affine::AffineDialect, arith::ArithDialect, func::FuncDialect, ir::HeedDialect, math::MathDialect,
                      scf::SCFDialect, tensor::TensorDialect>();
  return Importer(context, program, sources).run();
}

Importer::Importer(MLIRContext &context, Program const &program, SourceManager const &sources)
    : program(program), sources(sources), builder(UnknownLoc::get(&context), &context), taken(program.dims.size()),
      storage(program.tensors.size()) {}

OwningOpRef<ModuleOp> Importer::run() {
  makeFunction();
  for (Step const &step : program.steps) {
    if (auto *definition = std::get_if<Definition>(&step))
      importDefinition(*definition);
    else
      importRecurrence(std::get<Recurrence>(step));
  }
  SmallVector<Value> results;
  for (TensorId id : program.outputs)
    results.push_back(storage[id].value);
  for (auto const &[id, dim] : llvm::enumerate(program.dims))
    if (dim.fromUntil)
      results.push_back(taken[id] ? taken[id] : dims[id]);
  if (!checks.empty())
    results.push_back(status);
  builder.setLoc(function.getLoc());
  func::ReturnOp::create(builder, results);
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), ValueRange(results).getTypes()));
  (*module)->setAttr("heed.program", interface());
  return std::move(module);
}

void Importer::makeFunction() {
  module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(module->getBody());
  SmallVector<Type> types(program.dims.size(), builder.getIndexType());
  SmallVector<Location> locations;
  for (Dim const &dim : program.dims)
    locations.push_back(locate(dim.range, dim.name));
  SmallVector<TensorId> arguments(program.inputs.begin(), program.inputs.end());
  llvm::append_range(arguments, program.params);
  for (TensorId id : arguments) {
    Tensor const &tensor = program.tensors[id];
    types.push_back(tensorType(tensor));
    locations.push_back(locate(tensor.range, tensor.name));
  }
  function = func::FuncOp::create(builder, program.name, builder.getFunctionType(types, {}));
  Block *entry = function.addEntryBlock();
  for (auto [argument, location] : llvm::zip_equal(entry->getArguments(), locations))
    argument.setLoc(location);
  for (size_t dim = 0; dim < program.dims.size(); ++dim)
    dims.push_back(entry->getArgument(dim));
  for (auto [position, id] : llvm::enumerate(arguments))
    storage[id].value = entry->getArgument(dims.size() + position);
  builder.setInsertionPointToEnd(entry);
  status = arith::ConstantOp::create(builder, builder.getI32IntegerAttr(0));
  sizesEnd = status.getDefiningOp();
}

void Importer::importDefinition(Definition const &definition) {
  emitChecks(definition.indices, definition.domain, definition.value);
  storage[definition.tensor].value = define(definition.tensor, definition.indices, /*withoutAxis=*/-1,
                                            definition.domain, definition.value, definition.softmaxAxis);
}

Value Importer::define(TensorId id, ArrayRef<IndexId> axes, int withoutAxis, ExprPtr const &domain, ExprPtr const &expr,
                       int softmaxAxis) {
  Tensor const &tensor = program.tensors[id];
  RankedTensorType type = tensorType(tensor, withoutAxis);
  SmallVector<Value> sizes = dynamicSizes(tensor, withoutAxis);
  builder.setLoc(locate(expr->range.empty() ? tensor.range : expr->range, tensor.name));
  if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node); reduce && reduce->kind == ReduceKind::TopK)
    return select(id, axes, withoutAxis, domain, *reduce);
  SmallVector<IndexId> own(axes);
  auto whereRegion = regionOver(own, [&] { return scalar(domain); });
  auto value = regionOver(own, [&] { return store(scalar(expr), expr->type, tensor.element); });
  ir::BodyBuilder where = nullptr;
  if (domain)
    where = whereRegion;
  if (softmaxAxis < 0)
    return ir::DefineOp::create(builder, type, sizes, where, value);
  int axis = softmaxAxis - (withoutAxis >= 0 && softmaxAxis > withoutAxis);
  return ir::SoftmaxOp::create(builder, type, axis, sizes, where, value);
}

std::function<Value(OpBuilder &, Location, ValueRange)> Importer::regionOver(SmallVector<IndexId> axes,
                                                                             std::function<Value()> build) {
  return [this, axes = std::move(axes), build = std::move(build)](OpBuilder &inner, Location, ValueRange arguments) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
    for (auto [index, argument] : llvm::zip_equal(axes, arguments)) {
      indices[index] = argument;
      argument.setLoc(NameLoc::get(builder.getStringAttr(program.indices[index].name)));
    }
    size_t outer = bound.size();
    llvm::append_range(bound, axes);
    Value result = scoped(build);
    bound.truncate(outer);
    return result;
  };
}

Value Importer::store(Value value, Scalar type, Element element) {
  Type to = elementType(element);
  if (value.getType() == to)
    return value;
  if (type == Scalar::Int)
    return arith::IndexCastOp::create(builder, to, value);
  if (type == Scalar::Bool)
    return arith::ExtUIOp::create(builder, to, value);
  if (to.getIntOrFloatBitWidth() > 32)
    return arith::ExtFOp::create(builder, to, value);
  return arith::TruncFOp::create(builder, to, value);
}

} // namespace heed
