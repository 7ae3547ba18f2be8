// Cuda.cpp - finds the functions of the CUDA driver.
#include "Cuda.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <pthread.h>

namespace heed::runtime {

namespace {

constexpr int oldestVersion = 12000; // takes PTX 8.0

struct Symbol {
  const char *name;
  void *slot;
};

struct Loaded {
  CudaDriver driver;
  heed_status status;
  char text[512];
};
Loaded loaded;
pthread_once_t once = PTHREAD_ONCE_INIT;

bool find(void *library, const Symbol &symbol) {
  void *address = dlsym(library, symbol.name);
  std::memcpy(symbol.slot, &address, sizeof address);
  return address != nullptr;
}

heed_status load(CudaDriver &driver) {
  const char *named = std::getenv("HEED_CUDA_DRIVER");
  const char *path = named && *named ? named : "libcuda.so.1";
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    return fail(HEED_E_DEVICE, "this model needs a GPU, and its driver cannot be loaded: %s", reason ? reason : path);
  }
  const Symbol functions[] = {{"cuInit", &driver.init},
                   {"cuDriverGetVersion", &driver.driverVersion},
                   {"cuDeviceGetCount", &driver.deviceCount},
                   {"cuDeviceGet", &driver.deviceGet},
                   {"cuDeviceGetAttribute", &driver.deviceAttribute},
                   {"cuDevicePrimaryCtxRetain", &driver.retainContext},
                   {"cuDevicePrimaryCtxRelease_v2", &driver.releaseContext},
                   {"cuCtxPushCurrent_v2", &driver.pushContext},
                   {"cuCtxPopCurrent_v2", &driver.popContext},
                   {"cuModuleLoadDataEx", &driver.loadModule},
                   {"cuModuleUnload", &driver.unloadModule},
                   {"cuModuleGetFunction", &driver.getFunction},
                   {"cuFuncSetAttribute", &driver.setFunctionAttribute},
                   {"cuStreamCreate", &driver.createStream},
                   {"cuStreamDestroy_v2", &driver.destroyStream},
                   {"cuStreamSynchronize", &driver.synchronize},
                   {"cuMemAlloc_v2", &driver.allocate},
                   {"cuMemFree_v2", &driver.release},
                   {"cuMemcpyHtoDAsync_v2", &driver.toDevice},
                   {"cuMemcpyDtoHAsync_v2", &driver.toHost},
                   {"cuMemcpyDtoDAsync_v2", &driver.onDevice},
                   {"cuLaunchKernel", &driver.launch},
                   {"cuGetErrorString", &driver.errorText}};
  for (const Symbol &function : functions)
    if (!find(library, function))
      return fail(HEED_E_DEVICE, "the GPU driver '%s' is too old: it has no function %s", path, function.name);
  const Symbol encodeTensor = {"cuTensorMapEncodeTiled", &driver.encodeTensor};
  find(library, encodeTensor);
  const Symbol ofGraphs[] = {{"cuStreamBeginCapture_v2", &driver.beginCapture},
                             {"cuStreamEndCapture", &driver.endCapture},
                             {"cuGraphInstantiateWithFlags", &driver.instantiate},
                             {"cuGraphLaunch", &driver.launchGraph},
                             {"cuGraphDestroy", &driver.destroyGraph},
                             {"cuGraphExecDestroy", &driver.destroyExecutable}};
  for (const Symbol &function : ofGraphs)
    find(library, function);
  if (CuResult error = driver.init(0))
    return failCuda(driver, error, "the GPU driver does not start");
  int version = 0;
  if (CuResult error = driver.driverVersion(&version))
    return failCuda(driver, error, "the GPU driver does not tell its version");
  if (version < oldestVersion)
    return fail(HEED_E_DEVICE, "the GPU driver is of CUDA %d.%d, expected %d.%d or later", version / 1000,
                version % 1000 / 10, oldestVersion / 1000, oldestVersion % 1000 / 10);
  return HEED_OK;
}

} // namespace

heed_status failCuda(const CudaDriver &driver, CuResult error, const char *what) {
  const char *text = nullptr;
  if (driver.errorText(error, &text) || !text)
    text = "an unknown error";
  return fail(error == 2 ? HEED_E_MEMORY : HEED_E_DEVICE, "%s: %s (CUDA error %d)", what, text, error);
}

heed_status loadCudaDriver(const CudaDriver *&driver) {
  pthread_once(&once, [] {
    loaded.status = load(loaded.driver);
    if (loaded.status)
      std::strncpy(loaded.text, heed_last_error(), sizeof loaded.text - 1);
  });
  if (loaded.status)
    return fail(loaded.status, "%s", loaded.text);
  driver = &loaded.driver;
  return HEED_OK;
}

} // namespace heed::runtime
