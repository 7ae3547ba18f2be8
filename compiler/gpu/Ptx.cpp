// Ptx.cpp - kernels in the LLVM dialect to PTX, by LLVM's code generator for NVPTX; no part of CUDA is needed.
#include "compiler/gpu/Ptx.h"

#include "compiler/emit/Object.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"

using namespace mlir;

namespace heed {

/// Dynamic shared memory is an array of no size that is defined elsewhere; as an internal one it would be a byte of static memory, and
/// the most that a block may have is then no longer free for launches.
static void declareDynamicShared(llvm::Module &code) {
  constexpr unsigned sharedSpace = 3;
  for (llvm::GlobalVariable &global : code.globals())
    if (auto *array = dyn_cast<llvm::ArrayType>(global.getValueType());
        array && array->getNumElements() == 0 && global.getAddressSpace() == sharedSpace) {
      global.setInitializer(nullptr);
      global.setLinkage(llvm::GlobalValue::ExternalLinkage);
      global.setDSOLocal(false);
    }
}

FailureOr<Ptx> writePtx(ModuleOp module, Target const &target, unsigned level, llvm::LLVMContext &context) {
  DialectRegistry registry;
  registerAllToLLVMIRTranslations(registry);
  module.getContext()->appendDialectRegistry(registry);
  Ptx result;
  auto parts = module.getOps<gpu::GPUModuleOp>();
  if (parts.empty())
    return result;
  gpu::GPUModuleOp kernels = *parts.begin();
  for (auto function : kernels.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr("nvvm.kernel"))
      result.kernels.push_back(function.getSymName().str());

  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = createDeviceMachine(target, level);
  if (!machine)
    return module.emitError(llvm::toString(machine.takeError())), failure();
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(kernels, context, "kernels");
  if (!code)
    return module.emitError("the kernels cannot be translated to LLVM IR"), failure();
  declareDynamicShared(*code);
  code->setTargetTriple((*machine)->getTargetTriple());
  code->setDataLayout((*machine)->createDataLayout());
  optimise(*code, **machine, level);
  std::string problem;
  llvm::raw_string_ostream problemStream(problem);
  if (llvm::verifyModule(*code, &problemStream))
    return module.emitError("malformed LLVM IR of kernels: " + problem), failure();

  SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return module.emitError("LLVM cannot write PTX"), failure();
  passes.run(*code);
  result.text = text.str().str();
  // A call that nothing defines would fail only when the driver loads the kernels.
  if (size_t place = StringRef(result.text).find(".extern .func"); place != StringRef::npos)
    return module.emitError("the kernels call a function that PTX does not have: " +
                            StringRef(result.text).substr(place).split(';').first),
           failure();
  return result;
}

} // namespace heed
