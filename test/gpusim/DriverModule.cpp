// DriverModule.cpp - modules, and the way for a test to look at their text or to exchange it.
#include "test/gpusim/Driver.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

using namespace gpusim;

namespace {

/// With HEED_GPUSIM_DUMP=DIRECTORY the text of the module that is loaded as the Nth goes to DIRECTORY/N.ptx; with
/// HEED_GPUSIM_REPLACE=DIRECTORY a file of that name stands in for it.
std::string exchanged(std::string text, unsigned number) {
  auto name = fmt::format("/{}.ptx", number);
  if (char const *directory = std::getenv("HEED_GPUSIM_DUMP"))
    std::ofstream(directory + name) << text;
  if (char const *directory = std::getenv("HEED_GPUSIM_REPLACE"))
    if (std::ifstream file(directory + name); file)
      return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return text;
}

/// Code for a device runs on later ones too, but code for sm_90a only on 9.0.
bool runsHere(std::string const &target) {
  int wanted = 0, major, minor;
  char feature = 0;
  if (std::sscanf(target.c_str(), "sm_%d%c", &wanted, &feature) < 1)
    return false;
  computeCapability(major, minor);
  int present = 10 * major + minor;
  return feature == 'a' ? wanted == present : wanted <= present;
}

} // namespace

GPUSIM_EXPORT Result cuModuleLoadDataEx(void **result, void const *image, unsigned, int *, void **) {
  if (Result state = Driver::instance().ready())
    return state;
  Driver &driver = Driver::instance();
  std::lock_guard lock(driver.mutex);
  if (std::memcmp(image,
                  "\x7f"
                  "ELF",
                  4) == 0)
    return NoBinaryForGpu; // a cubin, for which a program has its PTX as well
  auto loaded = std::make_unique<LoadedModule>();
  try {
    loaded->module = loadModule(exchanged(static_cast<char const *>(image), driver.modulesLoaded++), driver.memory);
  } catch (Failure const &failure) {
    report("cuModuleLoadDataEx", failure.what());
    return InvalidPtx;
  }
  if (!runsHere(loaded->module->target)) {
    report("cuModuleLoadDataEx", fmt::format("code for {} on another device", loaded->module->target));
    return NoBinaryForGpu;
  }
  *result = loaded.get();
  driver.modules.push_back(std::move(loaded));
  return Success;
}
GPUSIM_EXPORT Result cuModuleLoadData(void **result, void const *image) {
  return cuModuleLoadDataEx(result, image, 0, nullptr, nullptr);
}

GPUSIM_EXPORT Result cuModuleUnload(void *module) {
  Driver &driver = Driver::instance();
  std::lock_guard lock(driver.mutex);
  for (auto at = driver.modules.begin(); at != driver.modules.end(); ++at)
    if (at->get() == module) {
      for (auto const &[name, global] : (*at)->module->globals)
        if (global.space != Space::Shared)
          driver.memory.release(global.address);
      driver.modules.erase(at);
      return Success;
    }
  return InvalidHandle;
}

GPUSIM_EXPORT Result cuModuleGetFunction(void **result, void *module, char const *name) {
  auto *loaded = static_cast<LoadedModule *>(module);
  for (auto const &kernel : loaded->module->kernels)
    if (kernel->name == name) {
      loaded->functions.push_back(std::make_unique<LoadedFunction>());
      loaded->functions.back()->kernel = kernel.get();
      *result = loaded->functions.back().get();
      return Success;
    }
  return NotFound;
}

GPUSIM_EXPORT Result cuModuleGetGlobal_v2(DevicePointer *address, std::size_t *size, void *module, char const *name) {
  auto *loaded = static_cast<LoadedModule *>(module);
  auto found = loaded->module->globals.find(name);
  if (found == loaded->module->globals.end() || found->second.space == Space::Shared)
    return NotFound;
  if (address)
    *address = found->second.address;
  if (size)
    *size = found->second.size;
  return Success;
}
