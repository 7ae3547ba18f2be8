// Descriptor.cpp - writes the constant `<model>_program`, field by field as runtime/include/heed/program.h declares it.
#include "compiler/emit/Descriptor.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"

#include <cstddef>

using namespace llvm;

namespace heed {
namespace {

// The struct types below repeat the header; these pin the layout both must have.
static_assert(sizeof(heed_size_term) == 16 && sizeof(heed_size) == 24 && sizeof(heed_dim_info) == 32);
static_assert(sizeof(heed_tensor_info) == 40 && sizeof(heed_code) == 40 && sizeof(heed_program) == 104);
static_assert(sizeof(heed_device_code) == 72 && offsetof(heed_device_code, kernels_ptx) == 48);
static_assert(offsetof(heed_dim_info, minimum) == 24 && offsetof(heed_code, run) == 32);
static_assert(offsetof(heed_program, codes) == 56 && offsetof(heed_program, code_count) == 84 &&
              offsetof(heed_program, device_codes) == 88);

class Writer {
public:
  explicit Writer(Module &module)
      : module(module), context(module.getContext()), pointer(PointerType::get(context, 0)),
        i32(Type::getInt32Ty(context)), i64(Type::getInt64Ty(context)) {}

  Constant *number32(int64_t value) { return ConstantInt::getSigned(i32, value); }
  Constant *number64(int64_t value) { return ConstantInt::getSigned(i64, value); }
  Constant *record(ArrayRef<Constant *> fields) { return ConstantStruct::getAnon(context, fields); }
  Constant *text(StringRef value) { return global(ConstantDataArray::getString(context, value), "text"); }
  Constant *null() { return ConstantPointerNull::get(pointer); }

  /// A pointer to the first of `items`, null if there are none.
  Constant *array(ArrayRef<Constant *> items, Twine const &name) {
    if (items.empty())
      return null();
    return global(ConstantArray::get(ArrayType::get(items[0]->getType(), items.size()), items), name);
  }
  Constant *code(StringRef symbol) {
    if (symbol.empty())
      return null();
    Function *function = module.getFunction(symbol);
    if (!function)
      function = Function::Create(FunctionType::get(Type::getVoidTy(context), false), GlobalValue::ExternalLinkage,
                                  symbol, module);
    return function;
  }
  Constant *size(SizeInfo const &size) {
    SmallVector<Constant *> terms;
    for (auto [dim, coefficient] : size.terms)
      terms.push_back(record({number32(dim), number32(0), number64(coefficient)}));
    return record({number64(size.constant), array(terms, "terms"), number64(terms.size())});
  }
  Constant *tensors(std::vector<TensorInfo> const &list, Twine const &name) {
    SmallVector<Constant *> items;
    for (TensorInfo const &tensor : list) {
      SmallVector<Constant *> shape;
      for (SizeInfo const &axis : tensor.shape)
        shape.push_back(size(axis));
      items.push_back(record({text(tensor.name), text(tensor.from), text(tensor.alphabet), array(shape, "shape"),
                              number32(shape.size()), number32(tensor.type)}));
    }
    return array(items, name);
  }

private:
  Constant *global(Constant *value, Twine const &name) {
    auto *variable =
        new GlobalVariable(module, value->getType(), /*isConstant=*/true, GlobalValue::PrivateLinkage, value, name);
    variable->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
    return variable;
  }

  Module &module;
  LLVMContext &context;
  PointerType *pointer;
  Type *i32, *i64;
};

} // namespace

std::string descriptorName(ProgramInfo const &program, StringRef prefix) {
  return (prefix + symbolName(program.name) + "_program").str();
}

void addDescriptor(Module &module, ProgramInfo const &program, ArrayRef<EntryPoints> codes, StringRef prefix) {
  Writer w(module);
  SmallVector<Constant *> dims, checks, entries, deviceEntries;
  for (DimInfo const &dim : program.dims)
    dims.push_back(w.record(
        {w.text(dim.name), w.number64(dim.maximum), w.number32(dim.untilRun), w.number32(0), w.number64(dim.minimum)}));
  for (std::string const &check : program.checks)
    checks.push_back(w.text(check));
  for (EntryPoints const &code : codes) {
    Constant *entry = w.record({w.number32(code.isa), w.number32(0), w.number64(code.preparedBytes), w.code(code.prepare),
                                w.code(code.workspace), w.code(code.run)});
    if (!code.device) {
      entries.push_back(entry);
      continue;
    }
    SmallVector<Constant *> kernels;
    for (std::string const &kernel : code.kernels)
      kernels.push_back(w.text(kernel));
    deviceEntries.push_back(w.record({entry, w.number32(code.device->capability), w.number32(code.device->exact),
                                      w.text(code.ptx), w.array(kernels, "kernels"), w.number64(kernels.size())}));
  }
  Constant *value =
      w.record({w.number32(sizeof(heed_program)), w.number32(HEED_ABI), w.text(program.name), w.array(dims, "dims"),
                w.tensors(program.inputs, "inputs"), w.tensors(program.outputs, "outputs"),
                w.tensors(program.params, "params"), w.array(checks, "checks"), w.array(entries, "codes"),
                w.number32(dims.size()), w.number32(program.inputs.size()), w.number32(program.outputs.size()),
                w.number32(program.params.size()), w.number32(checks.size()), w.number32(entries.size()),
                w.array(deviceEntries, "device_codes"), w.number64(deviceEntries.size())});
  auto *variable = new GlobalVariable(module, value->getType(), /*isConstant=*/true, GlobalValue::ExternalLinkage,
                                      value, descriptorName(program, prefix));
  variable->setAlignment(Align(8));
}

void addLibraryFunction(Module &module, ProgramInfo const &program, StringRef prefix) {
  LLVMContext &context = module.getContext();
  PointerType *pointer = PointerType::get(context, 0);
  Constant *descriptor = module.getOrInsertGlobal(descriptorName(program, prefix), Type::getInt8Ty(context));
  auto *function =
      Function::Create(FunctionType::get(pointer, false), GlobalValue::ExternalLinkage, "heed_library_program", module);
  function->setDoesNotThrow();
  IRBuilder<> builder(BasicBlock::Create(context, "", function));
  builder.CreateRet(descriptor);
}

} // namespace heed
