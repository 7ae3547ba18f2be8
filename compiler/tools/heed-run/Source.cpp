// Source.cpp - a .heed file: compiled to a library that exists while it is loaded, or checked for the interpreter.
#include "compiler/tools/heed-run/Source.h"

#include "compiler/pipeline/Pipeline.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"

#include <unistd.h>

namespace heed::run {

namespace {

CompileOptions compileOptions(Arguments const &arguments, char const *tool) {
  CompileOptions options;
  options.model = arguments.callable;
  options.probes = arguments.probes;
  options.color = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
  options.installation =
      findInstallation(llvm::sys::fs::getMainExecutable(tool, reinterpret_cast<void *>(&compileOptions)));
  llvm::Expected<std::vector<Target>> targets = parseTargets("native");
  if (!targets)
    throw Failure(llvm::toString(targets.takeError()));
  options.targets = std::move(*targets);
  return options;
}

} // namespace

std::unique_ptr<Library> compileAndLoad(Arguments const &arguments, char const *tool) {
  llvm::SmallString<128> file;
  if (std::error_code problem = llvm::sys::fs::createTemporaryFile("heed-run", "so", file))
    throw Failure("cannot make a temporary file: " + problem.message());
  // Loaded or not, the file goes.
  llvm::FileRemover remover(file);
  if (!compileToSharedLibrary(arguments.model, file, compileOptions(arguments, tool), llvm::errs()))
    throw Failure("");
  return std::make_unique<Library>(std::string(file), arguments.threads);
}

Program checkModel(Arguments const &arguments, char const *tool) {
  Session session(compileOptions(arguments, tool), &llvm::errs());
  auto text = llvm::MemoryBuffer::getFile(arguments.model);
  if (!text)
    throw Failure("cannot read '" + arguments.model + "': " + text.getError().message());
  mlir::FailureOr<Compiled> compiled =
      compile(session, (*text)->getBuffer(), arguments.model, std::nullopt, Phase::Checked);
  if (mlir::failed(compiled) || !compiled->program)
    throw Failure("");
  return std::move(*compiled->program);
}

std::vector<std::string> definitionsOf(Arguments const &arguments, char const *tool) {
  Session session(compileOptions(arguments, tool), &llvm::errs());
  auto text = llvm::MemoryBuffer::getFile(arguments.model);
  if (!text)
    throw Failure("cannot read '" + arguments.model + "': " + text.getError().message());
  if (mlir::failed(compile(session, (*text)->getBuffer(), arguments.model, std::nullopt, Phase::Checked)))
    throw Failure("");
  return session.definitions;
}

} // namespace heed::run
