// Run.cpp - reads the input, compiles it, writes what was asked for; files appear whole or not at all.
#include "compiler/tools/heedc/Run.h"

#include "compiler/emit/Header.h"
#include "compiler/pipeline/Expectations.h"
#include "compiler/reference/VerifyCompiled.h"
#include "compiler/tools/heedc/Draw.h"
#include "compiler/tools/heedc/Options.h"
#include "compiler/tools/heedc/Write.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace heed {
namespace {

mlir::LogicalResult drawMasks(Session &session, StringRef text, StringRef name, CommandLine const &line) {
  mlir::FailureOr<Compiled> compiled = compile(session, text, name, line.from, Phase::Derived);
  if (failed(compiled))
    return mlir::failure();
  return drawTiles(session, compiled->tiles, compiled->info->name, line.output);
}

/// A make rule: the output depends on every file that was read. Spaces and `#` are escaped, `$` doubled, as make and
/// ninja want.
std::string dependencies(Session const &session, CommandLine const &line) {
  auto escape = [](StringRef path) {
    std::string result;
    for (char c : path) {
      if (c == ' ' || c == '#')
        result += '\\';
      if (c == '$')
        result += '$';
      result += c;
    }
    return result;
  };
  std::string rule = escape(line.output) + ":";
  for (auto [name, text] : session.files())
    if (sys::fs::exists(name)) // the standard library is inside the compiler
      rule += " \\\n  " + escape(name);
  return rule + "\n";
}

/// Compiles to a library, a temporary one if the user wants none, and compares it with the interpreter.
mlir::LogicalResult verifyModel(Session &session, StringRef text, StringRef name, CommandLine const &line) {
  mlir::FailureOr<Compiled> compiled = compile(session, text, name, std::nullopt, Phase::SharedLibrary);
  if (failed(compiled))
    return mlir::failure();
  SmallString<128> path(line.output);
  FileRemover remover;
  if (path.empty()) {
    if (std::error_code error = sys::fs::createTemporaryFile("heedc", "so", path))
      return session.error("cannot make a temporary file: " + error.message());
    remover.setFile(path);
  }
  if (failed(write(session, path, compiled->bytes)))
    return mlir::failure();
  std::string report;
  bool right = reference::verifyLibrary(*compiled->program, path.str().str(), {.sizes = line.verifySizes}, report);
  outs() << report;
  return mlir::success(right);
}

/// The names that --probe takes, one a line.
mlir::LogicalResult listProbes(Session &session, StringRef text, StringRef name) {
  if (failed(compile(session, text, name, std::nullopt, Phase::Checked)))
    return mlir::failure();
  for (std::string const &definition : session.definitions)
    outs() << definition << "\n";
  return mlir::success();
}

mlir::LogicalResult compileAndWrite(Session &session, StringRef text, StringRef name, CommandLine const &line) {
  Phase to = line.emit ? *line.emit : line.header.empty() ? Phase::Checked : Phase::Header;
  if (!line.emit && line.from)
    to = *line.from;
  mlir::FailureOr<Compiled> compiled = compile(session, text, name, line.from, to);
  if (failed(compiled))
    return mlir::failure();
  if (line.emit && failed(write(session, line.output, compiled->bytes)))
    return mlir::failure();
  if (!line.header.empty() && failed(write(session, line.header, makeHeader(*compiled->info, line.compile.prefix))))
    return mlir::failure();
  if (!line.depfile.empty())
    return write(session, line.depfile, dependencies(session, line));
  return mlir::success();
}

} // namespace

int runCompiler() {
  CommandLine const &line = commandLine();
  Session session(line.compile, line.verifyDiagnostics ? nullptr : &errs());
  std::string name = line.input == "-" ? "<stdin>" : line.input;
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFileOrSTDIN(line.input);
  if (!buffer) {
    (void)session.error("cannot read '" + name + "': " + buffer.getError().message());
    return ExitUser;
  }
  StringRef text = (*buffer)->getBuffer();
  mlir::LogicalResult result =
      listsProbes(line.compile) ? listProbes(session, text, name)
      : line.draw ? drawMasks(session, text, name, line)
      : line.verify ? verifyModel(session, text, name, line) : compileAndWrite(session, text, name, line);
  if (line.verifyDiagnostics) {
    std::string problems = checkExpectations(text, name, session.messages());
    errs() << problems;
    return problems.empty() ? ExitOk : ExitUser;
  }
  if (session.internalError())
    return ExitInternal;
  return succeeded(result) ? ExitOk : ExitUser;
}

} // namespace heed
