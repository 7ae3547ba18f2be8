// heedc.cpp - the compiler: flags, then library calls.
#include "compiler/tools/heedc/Options.h"
#include "compiler/tools/heedc/Run.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace heed;

namespace {

// Deep nesting in a model recurses in every phase; this is enough for the parser's limit in all of them.
constexpr unsigned stackSize = 256u << 20;

/// LLVM found something that it cannot recover from. Exit, not abort: the message is the report.
[[noreturn]] void onFatalError(void *, char const *reason, bool) {
  llvm::errs() << "heedc: error: internal error in LLVM: " << reason << "\n";
  llvm::errs().flush();
  std::_Exit(ExitInternal);
}

} // namespace

int main(int argc, char **argv) {
  llvm::install_fatal_error_handler(onFatalError);
  if (argc >= 2 && llvm::StringRef(argv[1]) == "explain")
    return explainCode(argc > 2 ? argv[2] : "");
  std::optional<int> done = parseCommandLine(argc, argv);
  if (done)
    return *done;

  int result = ExitInternal;
  llvm::CrashRecoveryContext::Enable();
  llvm::CrashRecoveryContext recovery;
  recovery.DumpStackAndCleanupOnFailure = false;
  if (!recovery.RunSafelyOnThread([&] { result = runCompiler(); }, stackSize)) {
    llvm::errs() << "heedc: error: internal error: the compiler crashed\n";
    result = ExitInternal;
  }
  if (result == ExitInternal)
    llvm::errs() << "heedc: note: this is a mistake in heedc, not in the model; --emit=heed, derived, vector and llvm "
                    "show how far it comes\n";
  return result;
}
