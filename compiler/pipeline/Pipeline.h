// Pipeline.h - a model file to any stage of its compilation.
#pragma once

#include "compiler/check/Program.h"
#include "compiler/emit/ProgramInfo.h"
#include "compiler/pipeline/Session.h"
#include "compiler/pipeline/Tiles.h"

#include <optional>

namespace heed {

enum class Phase {
#define PHASE(enumerator, flag, suffix, text) enumerator,
#include "compiler/pipeline/Phases.def"
};

/// What PHASE says of a phase.
struct PhaseInfo {
  Phase phase;
  llvm::StringLiteral flag, suffix, text;
};
llvm::ArrayRef<PhaseInfo> phases();
PhaseInfo const &infoOf(Phase phase);

/// What came out: the text or bytes of the phase asked for, and what is known of the model on the way.
struct Compiled {
  std::string bytes;
  std::optional<Program> program;  // if it was compiled from source
  std::optional<ProgramInfo> info; // from the phase `heed` on
  std::vector<AttentionTiles> tiles; // if they are to be drawn
};

/// Compiles `text`, shown as `name` in messages, up to `to`. `from` unset: `text` is a model file; else it is IR at
/// that phase (heed, derived, vector or llvm), which is trusted input. Failures have been reported to the session.
mlir::FailureOr<Compiled> compile(Session &session, llvm::StringRef text, llvm::StringRef name,
                                  std::optional<Phase> from, Phase to);

/// For programs that run models at once: compiles the model file `path` for this machine into the shared library
/// `output`. On failure returns nothing and `messages` says why.
std::optional<Program> compileToSharedLibrary(llvm::StringRef path, llvm::StringRef output, CompileOptions options,
                                              llvm::raw_ostream &messages);

/// Everything the phases' IR may contain.
void registerDialects(mlir::MLIRContext &context);

} // namespace heed
