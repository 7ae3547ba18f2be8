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

/// A launch whose arguments were taken.
struct Prepared {
  Kernel const *kernel = nullptr;
  unsigned grid[3] = {}, threads[3] = {};
  unsigned dynamicShared = 0;
  std::vector<std::byte> parameters;
};

/// Launches of a stream that is captured, in their order.
struct Graph {
  std::vector<Prepared> launches;
};

struct Driver {
  std::mutex mutex;
  DeviceMemory memory;
  std::vector<std::unique_ptr<LoadedModule>> modules;
  bool initialised = false;
  Result failure = Success; ///< of a launch: every later call reports it, as a real context does
  unsigned modulesLoaded = 0;
  std::unique_ptr<Graph> capture; ///< while the stream is captured: launches go there
  bool captureSpoilt = false;     ///< by a call that a capture does not allow
  std::uint64_t digest = 0xcbf29ce484222325; ///< of all bytes that were copied to the host

  Result ready() const { return !initialised ? NotInitialized : failure; }
  static Driver &instance();
};

/// Settings from the environment: HEED_GPUSIM_ASYNC=late|early, HEED_GPUSIM_UNWRITTEN=reject|allow, HEED_GPUSIM_SEED=N,
/// HEED_GPUSIM_LIMIT=N instructions per launch. HEED_GPUSIM_STATISTICS has each launch reported.
Options optionsFromEnvironment();
/// HEED_GPUSIM_CAPABILITY=8.0; default 9.0.
void computeCapability(int &major, int &minor);

/// Takes the arguments of a launch, or refuses it.
Result prepare(LoadedFunction const &function, unsigned const (&grid)[3], unsigned const (&threads)[3],
               unsigned dynamicShared, void **arguments, Prepared &result);
Result run(Prepared const &prepared);
/// An error while the stream is captured, which then cannot become a graph: for calls that wait, copy or allocate.
Result notInCapture(char const *function);

/// To the standard error stream, as a launch that fails says no more than a number.
void report(char const *what, std::string const &message);

} // namespace gpusim

#define GPUSIM_EXPORT extern "C" __attribute__((visibility("default")))
