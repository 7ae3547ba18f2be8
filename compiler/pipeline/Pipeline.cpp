// Pipeline.cpp - the whole compiler on one page: one function per phase, in order.
//
//   m.heed --parse--> AST --check--> Program --import--> heed --derive--> derived --lower--> vector --> llvm --> object
//   --> library
//
// For a GPU the middle is derived --> gpu --> nvvm --> ptx for the kernels, and llvm for the host code that launches them.
#include "compiler/pipeline/Pipeline.h"

#include "compiler/check/Check.h"
#include "compiler/derive/Derive.h"
#include "compiler/emit/Descriptor.h"
#include "compiler/emit/Header.h"
#include "compiler/emit/Object.h"
#include "compiler/frontend/Parse.h"
#include "compiler/gpu/Gpu.h"
#include "compiler/gpu/Ptx.h"
#include "compiler/import/Import.h"
#include "compiler/lower/Lower.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace heed {
namespace {

/// Text to a checked model. The front end collects errors over both steps, so that one run reports as many as it can.
FailureOr<Program> checkModel(Session &session, ast::File const &file, StringRef name) {
  CheckOptions options;
  options.model = session.options.model;
  if (listsProbes(session.options))
    options.definitions = &session.definitions;
  else
    options.probes = session.options.probes;
  std::optional<Program> program = check(file, name.str(), session.sources, session.diagnostics, options);
  if (!program)
    return failure();
  return std::move(*program);
}

/// Checked model to dialect `heed`. From here on everything is MLIR, and `heed.program` holds what the C side needs to
/// know.
FailureOr<OwningOpRef<ModuleOp>> importModel(Session &session, Program const &program) {
  OwningOpRef<ModuleOp> module = importProgram(session.context, program, session.sources);
  if (!module)
    return session.explained(failure(), "heed");
  return module;
}

/// Or IR that an earlier run printed, to go on from there.
FailureOr<OwningOpRef<ModuleOp>> readModule(Session &session, StringRef text, StringRef name) {
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(text, name);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, ParserConfig(&session.context));
  if (!module)
    return failure();
  return module;
}

LogicalResult runPasses(Session &session, ModuleOp module, StringRef phase, function_ref<void(OpPassManager &)> build) {
  PassManager passes(&session.context, ModuleOp::getOperationName());
  passes.enableVerifier(session.options.verifyEach);
  if (session.options.configure && failed(session.options.configure(passes)))
    return failure();
  build(passes);
  LogicalResult result = passes.run(module);
  // A sixth of the time of a compilation goes into verifying after each pass; the tests do that.
  if (succeeded(result) && !session.options.verifyEach)
    result = verify(module);
  return session.explained(result, phase);
}

/// heed to linalg, heed.attention and scf on tensors: which pairs are visited and which terms are matrix products is
/// known after this.
LogicalResult derive(Session &session, ModuleOp module) {
  return runPasses(session, module, "derived", [](OpPassManager &passes) { buildDerivePipeline(passes); });
}

TargetOptions optionsFor(Target const &target) {
  TargetOptions options;
  options.vectorBits = target.vectorBits;
  options.fma = target.fma;
  return options;
}

/// Tensors to vectors of the target's width in a planned workspace. The first phase that depends on the target.
LogicalResult lowerToVector(Session &session, ModuleOp module, Target const &target) {
  return runPasses(session, module, "vector",
                   [&](OpPassManager &passes) { buildVectorPipeline(passes, optionsFor(target)); });
}

/// Vectors to the LLVM dialect, with the entry points of the C ABI.
LogicalResult lowerToLLVM(Session &session, ModuleOp module, Target const &target) {
  return runPasses(session, module, "llvm",
                   [&](OpPassManager &passes) { buildLLVMPipeline(passes, optionsFor(target)); });
}

GpuOptions gpuOptionsFor(Session const &session, Target const &target) {
  bool hopper = target.device->capability == 90 && target.device->exact;
  return {target.device->capability, session.options.tf32x3, hopper};
}

/// Tensors to kernels, in memory planned on the host.
LogicalResult lowerToGpu(Session &session, ModuleOp module, Target const &target) {
  return runPasses(session, module, "gpu",
                   [&](OpPassManager &passes) { buildGpuPipeline(passes, gpuOptionsFor(session, target)); });
}

/// Kernels to the LLVM dialect.
LogicalResult lowerToNvvm(Session &session, ModuleOp module, Target const &target) {
  return runPasses(session, module, "nvvm",
                   [&](OpPassManager &passes) { buildNvvmPipeline(passes, gpuOptionsFor(session, target)); });
}

/// From `at` to a stage of a GPU target. `ptx` receives the kernels once there are some; they are gone after `llvm`.
LogicalResult lowerForDevice(Session &session, ModuleOp module, Target const &target, Phase at, Phase to, Ptx &ptx) {
  if (at < Phase::Gpu && to >= Phase::Gpu && failed(lowerToGpu(session, module, target)))
    return failure();
  if (at < Phase::Nvvm && to >= Phase::Nvvm && failed(lowerToNvvm(session, module, target)))
    return failure();
  if (to < Phase::Ptx)
    return success();
  llvm::LLVMContext context;
  FailureOr<Ptx> written = writePtx(module, target, session.options.optimise, context);
  if (failed(written))
    return session.explained(failure(), "ptx");
  ptx = std::move(*written);
  if (to < Phase::LLVM)
    return success();
  return runPasses(session, module, "llvm", [](OpPassManager &passes) { buildGpuHostPipeline(passes); });
}

/// Lowers and optimises `module` once per target and joins the results, with the descriptor that lists them, in one
/// LLVM module.
FailureOr<std::unique_ptr<llvm::Module>> generateCode(Session &session, ModuleOp module, ProgramInfo const &info,
                                                      Phase at) {
  std::unique_ptr<llvm::Module> joined;
  SmallVector<EntryPoints> codes;
  CompileOptions const &options = session.options;
  for (Target const &target : options.targets) {
    session.remarks = codes.empty();
    OwningOpRef<ModuleOp> copy(module.clone());
    Ptx ptx;
    if (target.device) {
      if (failed(lowerForDevice(session, *copy, target, at, Phase::LLVM, ptx)))
        return failure();
    } else {
      if (at < Phase::Vector && failed(lowerToVector(session, *copy, target)))
        return failure();
      if (at < Phase::LLVM && failed(lowerToLLVM(session, *copy, target)))
        return failure();
    }
    ObjectOptions objectOptions{options.prefix, options.optimise};
    FailureOr<std::unique_ptr<llvm::Module>> code =
        translateAndOptimise(*copy, info.name, target, objectOptions, session.llvmContext, codes.emplace_back());
    if (failed(code))
      return session.explained(failure(), "ll");
    codes.back().ptx = std::move(ptx.text);
    codes.back().kernels = std::move(ptx.kernels);
    if (!joined)
      joined = std::move(*code);
    else if (llvm::Linker::linkModules(*joined, std::move(*code)))
      return session.error("cannot join the code of several targets");
  }
  addDescriptor(*joined, info, codes, options.prefix);
  return joined;
}

/// LLVM IR to the bytes of an assembly or object file.
FailureOr<std::string> machineCode(Session &session, llvm::Module &module, bool assembly) {
  SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  CompileOptions const &options = session.options;
  // The module's functions name their own CPUs; what is left of the target here is the architecture, so the plainest
  // serves.
  if (llvm::Error problem = writeMachineCode(module, options.targets.back(), options.optimise, assembly, stream))
    return session.error(std::move(problem));
  return bytes.str().str();
}

/// Objects and the runtime to a library.
FailureOr<std::string> sharedLibrary(Session &session, llvm::Module &module, ProgramInfo const &info) {
  addLibraryFunction(module, info, session.options.prefix);
  FailureOr<std::string> object = machineCode(session, module, /*assembly=*/false);
  if (failed(object))
    return failure();
  SmallString<128> path;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("heedc", "so", path))
    return session.error("cannot make a temporary file: " + error.message());
  llvm::FileRemover remover(path);
  std::string name = symbolName(info.name);
  if (llvm::Error problem =
          makeSharedLibrary({*object}, {descriptorName(info, session.options.prefix)}, session.options.installation,
                            session.options.linker, "lib" + name + ".so", path))
    return session.error(std::move(problem));
  auto bytes = llvm::MemoryBuffer::getFile(path);
  if (!bytes)
    return session.error("cannot read the linked library: " + bytes.getError().message());
  return (*bytes)->getBuffer().str();
}

FailureOr<std::string> machineFile(Session &session, llvm::Module &module, ProgramInfo const &info, Phase to) {
  if (to == Phase::IR) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream, nullptr);
    return text;
  }
  if (to == Phase::Assembly || to == Phase::Object)
    return machineCode(session, module, to == Phase::Assembly);
  if (!session.options.targets.front().isHost())
    return session.error("the runtime is built for this machine only; for '" + session.options.targets.front().name +
                         "' write an object (-o x.o) and link it with the runtime there");
  if (to == Phase::SharedLibrary)
    return sharedLibrary(session, module, info);
  FailureOr<std::string> object = machineCode(session, module, /*assembly=*/false);
  if (failed(object))
    return failure();
  llvm::Expected<std::string> archive =
      makeStaticLibrary(*object, symbolName(info.name) + ".o", session.options.installation);
  if (!archive)
    return session.error(archive.takeError());
  return *archive;
}

std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, OpPrintingFlags().useLocalScope());
  stream << "\n";
  return text;
}

} // namespace

FailureOr<Compiled> compile(Session &session, StringRef text, StringRef name, std::optional<Phase> from, Phase to) {
  Compiled result;
  OwningOpRef<ModuleOp> module;
  session.inputName = name.str();
  session.fromSource = !from;
  if (!from) {
    uint32_t base = session.sources.add(name.str(), text.str());
    ast::File file = parse(session.sources, base, session.diagnostics);
    if (to == Phase::Ast) {
      session.reportDiagnostics();
      result.bytes = print(file);
      return session.diagnostics.failed() ? FailureOr<Compiled>(failure()) : std::move(result);
    }
    FailureOr<Program> program = checkModel(session, file, name);
    session.reportDiagnostics();
    if (session.diagnostics.failed() || failed(program))
      return session.explained(failure(), "checked");
    result.program = std::move(*program);
    if (to == Phase::Checked) {
      result.bytes = print(*result.program);
      return result;
    }
    FailureOr<OwningOpRef<ModuleOp>> imported = importModel(session, *result.program);
    if (failed(imported))
      return failure();
    module = std::move(*imported);
  } else {
    FailureOr<OwningOpRef<ModuleOp>> read = readModule(session, text, name);
    if (failed(read))
      return failure();
    module = std::move(*read);
  }

  FailureOr<ProgramInfo> info = readProgramInfo(*module);
  if (failed(info))
    return failure();
  result.info = std::move(*info);
  if (to == Phase::Header) {
    result.bytes = makeHeader(*result.info, session.options.prefix);
    return result;
  }

  Phase at = from.value_or(Phase::Heed);
  Target const &plainest = session.options.targets.back();
  if (at < to && at < Phase::Derived) {
    if (failed(derive(session, *module)))
      return failure();
    at = Phase::Derived;
  }
  if (session.options.draw) {
    std::vector<std::string> names = sizeNames(*module);
    for (auto const &[name, value] : *session.options.draw)
      if (!llvm::is_contained(names, name))
        return session.error("--size=" + name + ": found no such size; expected one of: " + llvm::join(names, ", "));
    result.tiles = tilesOf(*module, optionsFor(plainest), *session.options.draw);
    return result;
  }
  if (plainest.device && to > Phase::Derived && to <= Phase::LLVM) {
    Ptx ptx;
    if (failed(lowerForDevice(session, *module, plainest, at, to, ptx)))
      return failure();
    if (to == Phase::Ptx) {
      result.bytes = std::move(ptx.text);
      return result;
    }
  } else if (to == Phase::Vector || to == Phase::LLVM) {
    if (at < Phase::Vector && failed(lowerToVector(session, *module, plainest)))
      return failure();
    if (to == Phase::LLVM && at < Phase::LLVM && failed(lowerToLLVM(session, *module, plainest)))
      return failure();
  }
  if (to <= Phase::LLVM) {
    result.bytes = textOf(*module);
    return result;
  }

  FailureOr<std::unique_ptr<llvm::Module>> code = generateCode(session, *module, *result.info, at);
  if (failed(code))
    return failure();
  FailureOr<std::string> bytes = machineFile(session, **code, *result.info, to);
  if (failed(bytes))
    return failure();
  result.bytes = std::move(*bytes);
  return result;
}

std::optional<Program> compileToSharedLibrary(StringRef path, StringRef output, CompileOptions options,
                                              llvm::raw_ostream &messages) {
  Session session(std::move(options), &messages);
  auto text = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!text) {
    (void)session.error("cannot read '" + path + "': " + text.getError().message());
    return std::nullopt;
  }
  FailureOr<Compiled> compiled = compile(session, (*text)->getBuffer(), path, std::nullopt, Phase::SharedLibrary);
  if (failed(compiled))
    return std::nullopt;
  if (llvm::Error problem = llvm::writeToOutput(output, [&](llvm::raw_ostream &stream) {
        stream << compiled->bytes;
        return llvm::Error::success();
      })) {
    (void)session.error(std::move(problem));
    return std::nullopt;
  }
  return std::move(compiled->program);
}

llvm::ArrayRef<PhaseInfo> phases() {
  static PhaseInfo const table[] = {
#define PHASE(enumerator, flag, suffix, text) {Phase::enumerator, flag, suffix, text},
#include "compiler/pipeline/Phases.def"
  };
  return table;
}

PhaseInfo const &infoOf(Phase phase) { return phases()[size_t(phase)]; }

} // namespace heed
