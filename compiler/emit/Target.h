// Target.h - the machines code is made for, as named on the command line.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace heed {

/// One instruction set. Several of one architecture make one library; the runtime chooses when it loads.
struct Target {
  std::string name;      // as on the command line: "x86-64-v3"
  std::string suffix;    // of its symbols: "v3"
  std::string triple;    // LLVM's
  std::string cpu, tune; // LLVM's CPU names: what may be used, what to schedule for
  int isa = 0;           // heed_code::isa
  unsigned vectorBits = 128;
  bool fma = false;

  /// The device that runs the kernels; what stands above is then of the host code.
  struct Device {
    std::string chip, features; // LLVM's: "sm_80", "+ptx80"
    int capability = 0;         // heed_device_code::capability
    bool exact = false;         // not for later devices
  };
  std::optional<Device> device = std::nullopt;

  bool isHost() const; // code for it runs on the machine of the compiler, its CPU permitting
};

inline constexpr llvm::StringLiteral defaultTargets = "x86-64-v3,x86-64-v4";

/// Targets of a comma list of x86-64-v2, x86-64-v3, x86-64-v4, aarch64, native; best first, without duplicates. They
/// must be of one architecture. `native` is the best of them that this machine runs, scheduled for its CPU.
/// Or `nvidia:` and a comma list of chips: kernels for each of them, with host code for this machine.
llvm::Expected<std::vector<Target>> parseTargets(llvm::StringRef list);

/// LLVM's code generator for a target; position independent.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(Target const &target, unsigned optimise);

/// The same for the kernels of a target with a device.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createDeviceMachine(Target const &target, unsigned optimise);

} // namespace heed
