// ProgramInfo.cpp - reads the module attribute `heed.program`; every field is checked, for the text may be written by
// hand.
#include "compiler/emit/ProgramInfo.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace heed {
namespace {

/// Reads the fields of one dictionary and remembers the first that is missing or has another type.
class Fields {
public:
  Fields(Attribute attribute, std::string &problem) : fields(dyn_cast<DictionaryAttr>(attribute)), problem(problem) {
    if (!fields && problem.empty())
      problem = "expected a dictionary";
  }

  template <typename AttributeT>
  AttributeT get(StringRef name, bool optional = false) {
    Attribute value = fields ? fields.get(name) : Attribute();
    auto typed = dyn_cast_or_null<AttributeT>(value);
    if (!typed && (value || !optional) && problem.empty())
      problem = ("field '" + name + "' is missing or has another type").str();
    return typed;
  }
  std::string text(StringRef name) {
    auto value = get<StringAttr>(name);
    return value ? value.str() : "";
  }
  int64_t integer(StringRef name, int64_t otherwise) {
    auto value = get<IntegerAttr>(name, /*optional=*/true);
    return value ? value.getInt() : otherwise;
  }
  ArrayRef<Attribute> list(StringRef name) {
    auto value = get<ArrayAttr>(name);
    return value ? value.getValue() : ArrayRef<Attribute>();
  }

private:
  DictionaryAttr fields;
  std::string &problem;
};

std::optional<heed_dtype> dtypeOf(Type type) {
  if (type.isF32())
    return HEED_F32;
  if (type.isF64())
    return HEED_F64;
  if (type.isF16())
    return HEED_F16;
  if (type.isBF16())
    return HEED_BF16;
  if (type.isInteger(32))
    return HEED_I32;
  if (type.isInteger(8))
    return HEED_I8;
  if (type.isInteger(1))
    return HEED_BOOL;
  return std::nullopt;
}

TensorInfo readTensor(Attribute attribute, size_t dimCount, std::string &problem) {
  Fields fields(attribute, problem);
  TensorInfo tensor{fields.text("name"), "", "", HEED_F32, {}};
  if (auto from = fields.get<StringAttr>("from", /*optional=*/true))
    tensor.from = from.str();
  if (auto alphabet = fields.get<StringAttr>("alphabet", /*optional=*/true))
    tensor.alphabet = alphabet.str();
  auto type = fields.get<TypeAttr>("type");
  auto shape = fields.get<AffineMapAttr>("shape");
  if (!problem.empty())
    return tensor;
  if (std::optional<heed_dtype> dtype = dtypeOf(type.getValue()))
    tensor.type = *dtype;
  else
    problem = "tensor '" + tensor.name + "' has an element type that the runtime does not know";
  AffineMap map = shape.getValue();
  if (map.getNumDims() != dimCount || map.getNumSymbols() != 0 || map.getNumResults() > HEED_MAX_RANK) {
    problem = "the shape of '" + tensor.name + "' does not fit the dims, or has too many axes";
    return tensor;
  }
  for (AffineExpr axis : map.getResults()) {
    SmallVector<int64_t> flat;
    // A floor division or remainder would add a column for its local variable.
    if (failed(getFlattenedAffineExpr(axis, dimCount, 0, &flat)) || flat.size() != dimCount + 1) {
      problem = "a size of '" + tensor.name + "' is not a sum of multiples of dims";
      return tensor;
    }
    SizeInfo size;
    size.constant = flat.back();
    for (size_t dim = 0; dim < dimCount; ++dim)
      if (flat[dim] != 0)
        size.terms.push_back({unsigned(dim), flat[dim]});
    tensor.shape.push_back(std::move(size));
  }
  return tensor;
}

} // namespace

FailureOr<ProgramInfo> readProgramInfo(ModuleOp module) {
  std::string problem;
  Attribute attribute = module->getAttr("heed.program");
  if (!attribute)
    return module->emitError("the module has no attribute 'heed.program'"), failure();

  Fields fields(attribute, problem);
  ProgramInfo program;
  program.name = fields.text("name");
  for (Attribute item : fields.list("dims")) {
    Fields dim(item, problem);
    auto until = dim.get<BoolAttr>("until", /*optional=*/true);
    program.dims.push_back(
        {dim.text("name"), dim.integer("min", 0), dim.integer("max", -1), until && until.getValue()});
  }
  for (auto [name, list] :
       {std::pair("inputs", &program.inputs), {"outputs", &program.outputs}, {"params", &program.params}})
    for (Attribute item : fields.list(name))
      list->push_back(readTensor(item, program.dims.size(), problem));
  for (Attribute item : fields.list("checks")) {
    auto text = dyn_cast<StringAttr>(item);
    if (!text && problem.empty())
      problem = "expected 'checks' to be strings";
    program.checks.push_back(text ? text.str() : "");
  }
  if (program.name.empty() && problem.empty())
    problem = "the model has no name";
  if (!problem.empty())
    return module->emitError("malformed attribute 'heed.program': " + problem), failure();
  return program;
}

std::string symbolName(StringRef text) {
  std::string result;
  for (char c : text)
    result += llvm::isAlnum(c) ? c : '_';
  if (result.empty() || llvm::isDigit(result[0]))
    result.insert(0, "_");
  return result;
}

} // namespace heed
