// Module.cpp - a module: its global variables in memory, its kernels decoded.
#include "test/gpusim/Decoder.h"
#include "test/gpusim/DeviceMemory.h"

#include <cstring>

namespace gpusim {

std::unique_ptr<Module> loadModule(std::string_view text, DeviceMemory &memory) {
  ModuleText parsed = parseModule(text);
  auto module = std::make_unique<Module>();
  module->globals = std::move(parsed.variables);
  module->target = parsed.target;
  for (auto &[name, global] : module->globals) {
    if (global.space == Space::Shared)
      continue;
    global.address = memory.allocate(std::max<std::uint64_t>(global.size, 1));
    if (!global.address)
      fail("no memory for the variable {} of {} bytes", name, global.size);
    if (global.alignment > 256)
      fail("the variable {} has alignment {}, more than 256", name, global.alignment);
    // Variables without a value begin as zeros.
    std::byte *bytes = memory.hostAccess(global.address, global.size, true);
    std::memset(bytes, 0, global.size);
    std::copy(global.initial.begin(), global.initial.end(), bytes);
  }
  for (KernelText const &kernel : parsed.kernels) {
    module->kernels.push_back(std::make_unique<Kernel>());
    Decoder(kernel, module->globals, *module->kernels.back()).run();
  }
  return module;
}

} // namespace gpusim
