// Target.cpp - the table of targets, and LLVM's machine for each.
#include "compiler/emit/Target.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;

namespace heed {
namespace {

// `generic` tuning of the levels v3 and v4 keeps to 256 bits where LLVM itself chooses; our vectors come sized from the
// lowering.
std::vector<Target> const &table() {
  static std::vector<Target> const targets = {
      {"x86-64-v4", "v4", "x86_64-unknown-linux-gnu", "x86-64-v4", "generic", 4, 512, true},
      {"x86-64-v3", "v3", "x86_64-unknown-linux-gnu", "x86-64-v3", "generic", 3, 256, true},
      {"x86-64-v2", "v2", "x86_64-unknown-linux-gnu", "x86-64-v2", "generic", 2, 128, false},
      {"aarch64", "aarch64", "aarch64-unknown-linux-gnu", "generic", "generic", 0, 128, true},
  };
  return targets;
}

/// The features of a level beyond those of the one below: enough to tell the levels apart on real machines.
bool hostRuns(Target const &target, StringMap<bool> const &features) {
  auto all = [&](std::initializer_list<StringRef> names) {
    return llvm::all_of(names, [&](StringRef name) { return features.lookup(name); });
  };
  switch (target.isa) {
  case 4:
    return all({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "fma"});
  case 3:
    return all({"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"});
  case 2:
    return all({"cx16", "popcnt", "sse4.2", "ssse3"});
  default:
    return true;
  }
}

Expected<Target> nativeTarget() {
  StringMap<bool> features = sys::getHostCPUFeatures();
  for (Target target : table())
    if (target.isHost() && hostRuns(target, features)) {
      target.tune = sys::getHostCPUName().str();
      return target;
    }
  return createStringError("no target fits this machine");
}

/// PTX 8.0 is what drivers since CUDA 12.0 take; what is later needs the version that introduced it. Code for a chip runs on
/// later ones, but for names that end in `a`.
std::vector<Target::Device> const &devices() {
  static std::vector<Target::Device> const table = {
      {"sm_120", "+ptx87", 120, false}, {"sm_100", "+ptx86", 100, false}, {"sm_90a", "+ptx80", 90, true},
      {"sm_90", "+ptx80", 90, false},   {"sm_89", "+ptx80", 89, false},   {"sm_86", "+ptx80", 86, false},
      {"sm_80", "+ptx80", 80, false},
  };
  return table;
}

constexpr StringLiteral devicePrefix = "nvidia:";

/// Host code only launches, so the plainest of this machine's architecture serves.
Target hostOf(Target::Device const &device) {
  Target target;
  for (Target const &entry : table())
    if (entry.isHost())
      target = entry; // the last one is the plainest
  target.name = (devicePrefix + device.chip).str();
  target.suffix = device.chip;
  target.device = device;
  return target;
}

Expected<std::vector<Target>> parseDevices(StringRef list) {
  SmallVector<StringRef> names;
  list.split(names, ',');
  std::vector<Target> result;
  for (Target::Device const &device : devices())
    if (llvm::any_of(names, [&](StringRef name) {
          name.consume_front(devicePrefix);
          return name == device.chip;
        }))
      result.push_back(hostOf(device));
  for (StringRef name : names) {
    name.consume_front(devicePrefix);
    if (llvm::none_of(devices(), [&](Target::Device const &device) { return device.chip == name; })) {
      std::string known;
      for (Target::Device const &device : llvm::reverse(devices()))
        known += " " + device.chip;
      return createStringError("unknown device '" + name + "'; expected, after 'nvidia:', one or more of" + known);
    }
  }
  return result;
}

Expected<std::unique_ptr<TargetMachine>> createMachine(StringRef name, StringRef tripleName, StringRef cpu,
                                                       StringRef features, unsigned optimise) {
  static bool const initialised = [] {
    InitializeAllTargetInfos();
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmPrinters();
    return true;
  }();
  (void)initialised;
  std::string error;
  Triple triple(tripleName);
  llvm::Target const *found = TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return createStringError(error);
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Standard; // only where the IR says so: results must not depend on scheduling
  CodeGenOptLevel level = optimise == 0   ? CodeGenOptLevel::None
                          : optimise == 1 ? CodeGenOptLevel::Less
                          : optimise == 2 ? CodeGenOptLevel::Default
                                          : CodeGenOptLevel::Aggressive;
  std::unique_ptr<TargetMachine> machine(
      found->createTargetMachine(triple, cpu, features, options, Reloc::PIC_, std::nullopt, level));
  if (!machine)
    return createStringError("LLVM cannot generate code for '" + name + "'");
  return machine;
}

} // namespace

bool Target::isHost() const { return Triple(triple).getArch() == Triple(sys::getProcessTriple()).getArch(); }

Expected<std::vector<Target>> parseTargets(StringRef list) {
  if (list.contains(devicePrefix))
    return parseDevices(list);
  std::vector<Target> result;
  SmallVector<StringRef> names;
  list.split(names, ',');
  for (StringRef name : names) {
    Target target;
    if (name == "native") {
      Expected<Target> native = nativeTarget();
      if (!native)
        return native.takeError();
      target = *native;
    } else {
      auto found = llvm::find_if(table(), [&](Target const &entry) { return entry.name == name; });
      if (found == table().end())
        return createStringError("unknown target '" + name +
                                 "'; expected x86-64-v2, x86-64-v3, x86-64-v4, aarch64, native, or 'nvidia:' and a chip");
      target = *found;
    }
    if (!result.empty() && result.front().triple != target.triple)
      return createStringError("targets '" + result.front().name + "' and '" + target.name +
                               "' are of different architectures; compile one file for each");
    if (llvm::none_of(result, [&](Target const &other) { return other.suffix == target.suffix; }))
      result.push_back(std::move(target));
  }
  llvm::stable_sort(result, [](Target const &a, Target const &b) { return a.isa > b.isa; });
  return result;
}

Expected<std::unique_ptr<TargetMachine>> createTargetMachine(Target const &target, unsigned optimise) {
  return createMachine(target.name, target.triple, target.cpu, "", optimise);
}

Expected<std::unique_ptr<TargetMachine>> createDeviceMachine(Target const &target, unsigned optimise) {
  return createMachine(target.name, "nvptx64-nvidia-cuda", target.device->chip, target.device->features, optimise);
}

} // namespace heed
