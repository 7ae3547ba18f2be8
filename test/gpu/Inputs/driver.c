/* A CUDA driver that refuses: by its VERSION, by the CAPABILITY of its device, or when kernels are loaded. */
#include <stddef.h>
#include <stdio.h>

#ifndef CAPABILITY
#define CAPABILITY 80
#endif

int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { return *version = VERSION, 0; }
int cuDeviceGetCount(int *count) { return *count = 1, 0; }
int cuDeviceGet(int *device, int ordinal) { return *device = 0, 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? CAPABILITY / 10 : attribute == 76 ? CAPABILITY % 10 : 101376;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { return *context = context, 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxPushCurrent_v2(void *context) { return 0; }
int cuCtxPopCurrent_v2(void **context) { return 0; }
int cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options, void **values) {
  for (unsigned i = 0; i < count; ++i)
    if (options[i] == 5)
      snprintf(values[i], 64, "out of registers");
  return 200;
}
int cuGetErrorString(int error, const char **text) { return *text = "invalid image", 0; }
#define UNUSED(name) int name(void) { return 1; }
UNUSED(cuModuleUnload)
UNUSED(cuModuleGetFunction)
UNUSED(cuFuncSetAttribute)
int cuStreamCreate(void **stream, unsigned flags) { return *stream = stream, 0; }
UNUSED(cuStreamDestroy_v2)
UNUSED(cuStreamSynchronize)
UNUSED(cuMemAlloc_v2)
UNUSED(cuMemFree_v2)
UNUSED(cuMemcpyHtoDAsync_v2)
UNUSED(cuMemcpyDtoHAsync_v2)
UNUSED(cuMemcpyDtoDAsync_v2)
UNUSED(cuLaunchKernel)
