// Options.h - what a compilation depends on besides its source.
#pragma once

#include "compiler/emit/Library.h"
#include "compiler/emit/Target.h"

#include "mlir/Pass/PassManager.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace heed {

struct CompileOptions {
  std::string model;           // "": the only one of the file
  std::vector<std::string> probes; // definitions that become results; {"help"}: list them in the session
  std::string prefix;          // of exported symbols
  std::vector<Target> targets; // best first
  unsigned optimise = 3;
  std::string linker;      // "": cc
  bool verifyEach = false; // run the IR verifier after every pass
  bool explain = false;    // print remarks
  bool color = false;
  bool tf32x3 = false;     // on a GPU, attention of f32 by tensor cores
  std::optional<std::map<std::string, int64_t>> draw; // at these sizes: find the tiles of attentions, and stop at `derived`
  Installation installation;
  std::function<mlir::LogicalResult(mlir::PassManager &)> configure; // printing and timing flags of the tool
};

/// Whether the names of the definitions are wanted, and nothing else.
inline bool listsProbes(CompileOptions const &options) {
  return options.probes.size() == 1 && options.probes.front() == "help";
}

} // namespace heed
