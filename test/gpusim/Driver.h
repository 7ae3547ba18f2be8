// Driver.h - the state behind the functions of the driver: one device, one context.
#pragma once

#include "test/gpusim/DriverTypes.h"
#include "test/gpusim/Machine.h"

#include <mutex>

namespace gpusim {

struct LoadedFunction {
  Kernel const *kernel = nullptr;
  std::uint32_t dynamicSharedLimit = 48 * 1024;
};

struct LoadedModule {
  std::unique_ptr<Module> module;
  std::vector<std::unique_ptr<LoadedFunction>> functions;
};

struct Driver {
  std::mutex mutex;
  DeviceMemory memory;
  std::vector<std::unique_ptr<LoadedModule>> modules;
  bool initialised = false;
  Result failure = Success; ///< of a launch: every later call reports it, as a real context does
  unsigned modulesLoaded = 0;
  std::uint64_t digest = 0xcbf29ce484222325; ///< of all bytes that were copied to the host

  Result ready() const { return !initialised ? NotInitialized : failure; }
  static Driver &instance();
};

/// Settings from the environment: HEED_GPUSIM_ASYNC=late|early, HEED_GPUSIM_UNWRITTEN=reject|allow, HEED_GPUSIM_SEED=N,
/// HEED_GPUSIM_LIMIT=N instructions per launch. HEED_GPUSIM_STATISTICS has each launch reported.
Options optionsFromEnvironment();
/// HEED_GPUSIM_CAPABILITY=8.0; default 9.0.
void computeCapability(int &major, int &minor);

/// To the standard error stream, as a launch that fails says no more than a number.
void report(char const *what, std::string const &message);

} // namespace gpusim

#define GPUSIM_EXPORT extern "C" __attribute__((visibility("default")))
