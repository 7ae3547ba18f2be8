// Driver.cpp - devices, contexts, functions and launches, as libcuda.so.1 offers them.
#include "test/gpusim/Driver.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace gpusim {

Driver &Driver::instance() {
  static Driver driver;
  return driver;
}

void report(char const *what, std::string const &message) {
  std::fprintf(stderr, "gpusim: %s: %s\n", what, message.c_str());
}

Options optionsFromEnvironment() {
  Options options;
  auto is = [](char const *variable, char const *value) {
    char const *found = std::getenv(variable);
    return found && std::strcmp(found, value) == 0;
  };
  if (is("HEED_GPUSIM_ASYNC", "early"))
    options.asynchrony = Asynchrony::Early;
  if (is("HEED_GPUSIM_UNWRITTEN", "allow"))
    options.unwritten = Unwritten::Allow;
  if (char const *seed = std::getenv("HEED_GPUSIM_SEED"))
    options.seed = unsigned(std::strtoul(seed, nullptr, 10));
  if (char const *limit = std::getenv("HEED_GPUSIM_LIMIT"))
    options.instructionLimit = std::strtoull(limit, nullptr, 10);
  return options;
}

void computeCapability(int &major, int &minor) {
  major = 9, minor = 0;
  if (char const *text = std::getenv("HEED_GPUSIM_CAPABILITY"))
    std::sscanf(text, "%d.%d", &major, &minor);
}

Result prepare(LoadedFunction const &function, unsigned const (&grid)[3], unsigned const (&threads)[3],
               unsigned dynamicShared, void **arguments, Prepared &result) {
  Kernel const &kernel = *function.kernel;
  auto refuse = [&](std::string const &why) {
    report("cuLaunchKernel", fmt::format("kernel {}: {}", kernel.name, why));
    return InvalidValue;
  };
  std::uint64_t total = std::uint64_t(threads[0]) * threads[1] * threads[2];
  if (total == 0 || total > 1024 || threads[2] > 64)
    return refuse(fmt::format("a block of {} x {} x {} threads", threads[0], threads[1], threads[2]));
  if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0 || grid[0] > 0x7fffffff || grid[1] > 65535 || grid[2] > 65535)
    return refuse(fmt::format("a grid of {} x {} x {} blocks", grid[0], grid[1], grid[2]));
  if (kernel.requiredThreads[0] && std::memcmp(kernel.requiredThreads, threads, sizeof threads) != 0)
    return refuse(fmt::format("blocks of {} x {} x {} threads, the kernel requires {} x {} x {}", threads[0],
                              threads[1], threads[2], kernel.requiredThreads[0], kernel.requiredThreads[1],
                              kernel.requiredThreads[2]));
  if (kernel.maximumThreads && total > kernel.maximumThreads)
    return refuse(fmt::format("{} threads, the kernel allows {}", total, kernel.maximumThreads));
  if (dynamicShared > function.dynamicSharedLimit)
    return refuse(fmt::format("{} bytes of dynamic shared memory, {} are allowed (cuFuncSetAttribute)", dynamicShared,
                              function.dynamicSharedLimit));
  result = {&kernel, {grid[0], grid[1], grid[2]}, {threads[0], threads[1], threads[2]}, dynamicShared, {}};
  result.parameters.resize(kernel.parameterBytes);
  for (std::size_t index = 0; index < kernel.parameters.size(); ++index) {
    Variable const &parameter = kernel.parameters[index];
    if (!arguments || !arguments[index])
      return refuse(fmt::format("argument {} is missing", index));
    std::memcpy(&result.parameters[parameter.address], arguments[index], parameter.size);
  }
  return Success;
}

Result run(Prepared const &prepared) {
  Driver &driver = Driver::instance();
  Kernel const &kernel = *prepared.kernel;
  Launch work(driver.memory, kernel);
  std::copy_n(prepared.grid, 3, work.grid);
  std::copy_n(prepared.threads, 3, work.threads);
  work.dynamicShared = prepared.dynamicShared;
  work.parameters = prepared.parameters;
  work.options = optionsFromEnvironment();
  // A kernel may copy what nobody has written, as long as no result comes of it; so global memory is strict on request only.
  char const *unwritten = std::getenv("HEED_GPUSIM_UNWRITTEN");
  bool strict = unwritten && std::strcmp(unwritten, "reject") == 0;
  driver.memory.unwritten = strict ? Unwritten::Reject : Unwritten::Allow;
  try {
    work.run();
  } catch (Failure const &failure) {
    report("error", failure.what());
    return driver.failure = LaunchFailed;
  }
  if (std::getenv("HEED_GPUSIM_STATISTICS"))
    report("launch", fmt::format("kernel {}: {} blocks of {} threads, {} warp instructions", kernel.name,
                                 std::uint64_t(work.grid[0]) * work.grid[1] * work.grid[2],
                                 std::uint64_t(work.threads[0]) * work.threads[1] * work.threads[2],
                                 work.statistics.warpInstructions));
  return Success;
}

} // namespace gpusim

using namespace gpusim;

namespace {

int device = 0;
int context = 0;
int streamMark = 0;

Result ready() { return Driver::instance().ready(); }

} // namespace

GPUSIM_EXPORT Result cuInit(unsigned flags) {
  if (flags)
    return InvalidValue;
  Driver::instance().initialised = true;
  return Success;
}

GPUSIM_EXPORT Result cuDriverGetVersion(int *version) {
  *version = 12040;
  return Success;
}

GPUSIM_EXPORT Result cuDeviceGetCount(int *count) {
  *count = 1;
  return Driver::instance().initialised ? Success : NotInitialized;
}

GPUSIM_EXPORT Result cuDeviceGet(int *result, int ordinal) {
  if (!Driver::instance().initialised)
    return NotInitialized;
  *result = device;
  return ordinal == 0 ? Success : InvalidDevice;
}

GPUSIM_EXPORT Result cuDeviceGetName(char *name, int length, int which) {
  if (which != device || length <= 0)
    return InvalidDevice;
  std::snprintf(name, std::size_t(length), "heed PTX simulator");
  return Success;
}

GPUSIM_EXPORT Result cuDeviceTotalMem_v2(std::size_t *bytes, int) {
  *bytes = std::size_t(16) << 30;
  return Success;
}

GPUSIM_EXPORT Result cuDeviceGetAttribute(int *value, int attribute, int which) {
  if (which != device)
    return InvalidDevice;
  int major, minor;
  computeCapability(major, minor);
  switch (attribute) {
  case MaxThreadsPerBlock:
  case MaxBlockDimX:
  case MaxBlockDimY:
    return *value = 1024, Success;
  case MaxBlockDimZ:
    return *value = 64, Success;
  case MaxGridDimX:
    return *value = 0x7fffffff, Success;
  case MaxGridDimY:
  case MaxGridDimZ:
    return *value = 65535, Success;
  case MaxSharedPerBlock:
    return *value = 48 * 1024, Success;
  case TotalConstantMemory:
  case MaxRegistersPerBlock:
    return *value = 65536, Success;
  case WarpSize:
    return *value = 32, Success;
  case ClockRate:
    return *value = 1000000, Success;
  case MultiprocessorCount:
    return *value = 4, Success;
  case Integrated:
    return *value = 0, Success;
  case ComputeMajor:
    return *value = major, Success;
  case ComputeMinor:
    return *value = minor, Success;
  case MaxSharedPerMultiprocessor:
    return *value = (major >= 9 ? 228 : 164) * 1024, Success;
  case MaxSharedPerBlockOptIn:
    return *value = (major >= 9 ? 227 : 163) * 1024, Success;
  default:
    report("cuDeviceGetAttribute", fmt::format("unknown attribute {}", attribute));
    return InvalidValue;
  }
}

GPUSIM_EXPORT Result cuDevicePrimaryCtxRetain(void **result, int which) {
  *result = &context;
  return which == device ? ready() : InvalidDevice;
}
GPUSIM_EXPORT Result cuDevicePrimaryCtxRelease_v2(int which) { return which == device ? Success : InvalidDevice; }
GPUSIM_EXPORT Result cuDevicePrimaryCtxRelease(int which) { return cuDevicePrimaryCtxRelease_v2(which); }
GPUSIM_EXPORT Result cuCtxSetCurrent(void *wanted) { return !wanted || wanted == &context ? Success : InvalidContext; }
GPUSIM_EXPORT Result cuCtxGetCurrent(void **result) { return *result = &context, Success; }
GPUSIM_EXPORT Result cuCtxPushCurrent_v2(void *wanted) { return cuCtxSetCurrent(wanted); }
GPUSIM_EXPORT Result cuCtxPopCurrent_v2(void **result) { return cuCtxGetCurrent(result); }
GPUSIM_EXPORT Result cuCtxGetDevice(int *result) { return *result = device, Success; }
GPUSIM_EXPORT Result cuCtxSynchronize() {
  if (Result capture = notInCapture("cuCtxSynchronize"))
    return capture;
  return ready();
}

GPUSIM_EXPORT Result cuStreamCreate(void **stream, unsigned) { return *stream = &streamMark, ready(); }
GPUSIM_EXPORT Result cuStreamDestroy_v2(void *) { return Success; }
GPUSIM_EXPORT Result cuStreamSynchronize(void *) {
  if (Result capture = notInCapture("cuStreamSynchronize"))
    return capture;
  return ready();
}
GPUSIM_EXPORT Result cuEventCreate(void **event, unsigned) { return *event = &streamMark, ready(); }
GPUSIM_EXPORT Result cuEventRecord(void *, void *) { return ready(); }
GPUSIM_EXPORT Result cuEventSynchronize(void *) { return ready(); }
GPUSIM_EXPORT Result cuEventDestroy_v2(void *) { return Success; }
/// Simulated time means nothing: nobody shall mistake it for a measurement.
GPUSIM_EXPORT Result cuEventElapsedTime(float *, void *, void *) { return NotSupported; }

GPUSIM_EXPORT Result cuFuncSetAttribute(void *function, int attribute, int value) {
  auto *loaded = static_cast<LoadedFunction *>(function);
  if (attribute != FunctionMaxDynamicShared)
    return Success; // preferences, which do not matter here
  int limit = 0;
  cuDeviceGetAttribute(&limit, MaxSharedPerBlockOptIn, device);
  if (value < 0 || value + int(loaded->kernel->staticShared) > limit)
    return InvalidValue;
  loaded->dynamicSharedLimit = std::uint32_t(value);
  return Success;
}

GPUSIM_EXPORT Result cuFuncGetAttribute(int *value, int attribute, void *function) {
  auto const *loaded = static_cast<LoadedFunction *>(function);
  switch (attribute) {
  case FunctionMaxThreads:
    return *value = 1024, Success;
  case FunctionSharedBytes:
    return *value = int(loaded->kernel->staticShared), Success;
  case FunctionLocalBytes:
    return *value = int(loaded->kernel->localBytes), Success;
  case FunctionMaxDynamicShared:
    return *value = int(loaded->dynamicSharedLimit), Success;
  default:
    return *value = 0, Success;
  }
}

GPUSIM_EXPORT Result cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                                    unsigned blockY, unsigned blockZ, unsigned shared, void *, void **arguments,
                                    void **extra) {
  if (Result state = ready())
    return state;
  if (!function)
    return InvalidHandle;
  if (extra)
    return NotSupported;
  Driver &driver = Driver::instance();
  std::lock_guard lock(driver.mutex);
  Prepared work;
  if (Result refused = prepare(*static_cast<LoadedFunction *>(function), {gridX, gridY, gridZ}, {blockX, blockY, blockZ},
                               shared, arguments, work))
    return refused;
  if (!driver.capture)
    return run(work);
  driver.capture->launches.push_back(std::move(work));
  return Success;
}
