// Object.cpp - LLVM dialect to LLVM IR to machine code.
#include "compiler/emit/Object.h"

#include "compiler/emit/ProgramInfo.h"

#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/Scalar/LoopUnrollPass.h"

using namespace llvm;

namespace heed {
namespace {

/// Hides all definitions but the entry points, and renames those for the target: `dates_run` becomes `my_dates_run_v3`.
mlir::LogicalResult nameEntryPoints(mlir::ModuleOp source, Module &module, StringRef modelName, Target const &target,
                                    StringRef prefix, EntryPoints &entryPoints) {
  auto preparedBytes = source->getAttrOfType<mlir::IntegerAttr>("heed.prepared_bytes");
  entryPoints.preparedBytes = preparedBytes ? preparedBytes.getInt() : 0;
  entryPoints.isa = target.isa;
  entryPoints.device = target.device;
  for (GlobalValue &value : module.global_values())
    if (!value.isDeclaration())
      value.setLinkage(GlobalValue::InternalLinkage);

  std::string symbol = symbolName(modelName);
  auto rename = [&](StringRef part, std::string &result) -> mlir::LogicalResult {
    Function *function = module.getFunction((symbol + "_" + part).str());
    if (!function || function->isDeclaration())
      return source.emitError("expected a definition of '" + symbol + "_" + part + "'");
    result = (prefix + symbol + "_" + part + "_" + target.suffix).str();
    function->setName(result);
    function->setLinkage(GlobalValue::ExternalLinkage);
    function->setVisibility(GlobalValue::HiddenVisibility);
    function->setDSOLocal(true);
    return mlir::success();
  };
  if (mlir::failed(rename("run", entryPoints.run)) || mlir::failed(rename("workspace", entryPoints.workspace)))
    return mlir::failure();
  return entryPoints.preparedBytes ? rename("prepare", entryPoints.prepare) : mlir::success();
}

/// Target features are function attributes, so that modules of several targets can be linked into one object.
void addAttributes(Module &module, Target const &target) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("tune-cpu", target.tune);
    if (target.isa)
      function.addFnAttr("prefer-vector-width", std::to_string(target.vectorBits));
    function.setDoesNotThrow();
  }
}

} // namespace

void optimise(Module &module, TargetMachine &machine, unsigned level) {
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = level >= 2;
  tuning.LoopUnrolling = false;
  PassBuilder builder(&machine, tuning);
  // Short loops of constant length become straight code; other loops have been unrolled where it pays, and more copies of them
  // would only take time here.
  if (level >= 2)
    builder.registerLateLoopOptimizationsEPCallback(
        [](LoopPassManager &passes, OptimizationLevel level) { passes.addPass(LoopFullUnrollPass(level.getSpeedupLevel())); });
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager graph;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  OptimizationLevel const levels[] = {OptimizationLevel::O0, OptimizationLevel::O1, OptimizationLevel::O2,
                                      OptimizationLevel::O3};
  ModulePassManager passes = level == 0 ? builder.buildO0DefaultPipeline(OptimizationLevel::O0)
                                        : builder.buildPerModuleDefaultPipeline(levels[level]);
  passes.run(module, modules);
}

mlir::FailureOr<std::unique_ptr<Module>> translateAndOptimise(mlir::ModuleOp module, StringRef modelName,
                                                              Target const &target, ObjectOptions const &options,
                                                              LLVMContext &context, EntryPoints &entryPoints) {
  mlir::DialectRegistry registry;
  mlir::registerAllToLLVMIRTranslations(registry);
  module.getContext()->appendDialectRegistry(registry);

  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(target, options.optimise);
  if (!machine)
    return module.emitError(toString(machine.takeError())), mlir::failure();
  std::unique_ptr<Module> result = mlir::translateModuleToLLVMIR(module, context, symbolName(modelName));
  if (!result)
    return module.emitError("the LLVM dialect cannot be translated to LLVM IR"), mlir::failure();
  result->setTargetTriple((*machine)->getTargetTriple());
  result->setDataLayout((*machine)->createDataLayout());
  result->setSourceFileName(symbolName(modelName)); // and not the user's path: same source, same bytes
  result->setPICLevel(PICLevel::BigPIC);
  if (mlir::failed(nameEntryPoints(module, *result, modelName, target, options.prefix, entryPoints)))
    return mlir::failure();
  addAttributes(*result, target);
  heed::optimise(*result, **machine, options.optimise);
  return result;
}

Error writeMachineCode(Module &module, Target const &target, unsigned optimise, bool assembly,
                       raw_pwrite_stream &stream) {
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(target, optimise);
  if (!machine)
    return machine.takeError();
  std::string problem;
  raw_string_ostream problemStream(problem);
  if (verifyModule(module, &problemStream))
    return createStringError("malformed LLVM IR: " + problem);
  legacy::PassManager passes;
  CodeGenFileType type = assembly ? CodeGenFileType::AssemblyFile : CodeGenFileType::ObjectFile;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, type))
    return createStringError("LLVM cannot write this kind of file for '" + target.name + "'");
  passes.run(module);
  return Error::success();
}

} // namespace heed
