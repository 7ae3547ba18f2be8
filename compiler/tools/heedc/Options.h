// Options.h - the command line of heedc.
#pragma once

#include "compiler/pipeline/Pipeline.h"

#include <optional>
#include <string>

namespace heed {

enum ExitCode { ExitOk = 0, ExitUser = 1, ExitUsage = 2, ExitInternal = 70 };

/// The flags after checking.
struct CommandLine {
  std::string input, output, header, depfile;
  std::optional<Phase> from;
  std::optional<Phase> emit; // unset: check only
  bool verify = false, verifyDiagnostics = false, draw = false;
  unsigned verifySizes = 8;
  CompileOptions compile;
};

/// Reads argv. Returns an exit code if there is nothing to compile: help, version, or a wrong flag (reported).
std::optional<int> parseCommandLine(int argc, char **argv);
CommandLine const &commandLine();

/// `heedc explain H0203`; without a code, all of them in one line each.
int explainCode(llvm::StringRef name);

} // namespace heed
