// Cuda.h - the functions of the CUDA driver that the runtime needs, found when the first model with kernels is made.
#pragma once

#include "Error.h"

#include <cstddef>
#include <cstdint>

namespace heed::runtime {

// As cuda.h declares them; that header is not needed to build the runtime.
using CuResult = int;
using CuDevice = int;
using CuAddress = uint64_t;
using CuContext = struct CuContextTag *;
using CuModule = struct CuModuleTag *;
using CuFunction = struct CuFunctionTag *;
using CuStream = struct CuStreamTag *;
using CuGraph = struct CuGraphTag *;
using CuGraphExec = struct CuGraphExecTag *;

struct CudaDriver {
  CuResult (*init)(unsigned flags);
  CuResult (*driverVersion)(int *version);
  CuResult (*deviceCount)(int *count);
  CuResult (*deviceGet)(CuDevice *device, int ordinal);
  CuResult (*deviceAttribute)(int *value, int attribute, CuDevice device);
  CuResult (*retainContext)(CuContext *context, CuDevice device);
  CuResult (*releaseContext)(CuDevice device);
  CuResult (*pushContext)(CuContext context);
  CuResult (*popContext)(CuContext *context);
  CuResult (*loadModule)(CuModule *module, const void *image, unsigned count, int *options, void **values);
  CuResult (*unloadModule)(CuModule module);
  CuResult (*getFunction)(CuFunction *function, CuModule module, const char *name);
  CuResult (*setFunctionAttribute)(CuFunction function, int attribute, int value);
  CuResult (*createStream)(CuStream *stream, unsigned flags);
  CuResult (*destroyStream)(CuStream stream);
  CuResult (*synchronize)(CuStream stream);
  CuResult (*allocate)(CuAddress *address, size_t bytes);
  CuResult (*release)(CuAddress address);
  CuResult (*toDevice)(CuAddress to, const void *from, size_t bytes, CuStream stream);
  CuResult (*toHost)(void *to, CuAddress from, size_t bytes, CuStream stream);
  CuResult (*onDevice)(CuAddress to, CuAddress from, size_t bytes, CuStream stream);
  CuResult (*launch)(CuFunction function, unsigned blocksX, unsigned blocksY, unsigned blocksZ, unsigned threadsX,
                     unsigned threadsY, unsigned threadsZ, unsigned sharedBytes, CuStream stream, void **arguments,
                     void **extra);
  /// Null if the driver has none; what needs it runs on GPUs that no such driver knows.
  CuResult (*encodeTensor)(void *map, int type, uint32_t rank, void *base, const uint64_t *sizes, const uint64_t *strides,
                           const uint32_t *box, const uint32_t *elementStrides, int interleave, int swizzle, int promotion,
                           int fill);
  CuResult (*errorText)(CuResult error, const char **text);

  // Null where the driver has them not.
  CuResult (*beginCapture)(CuStream stream, int mode);
  CuResult (*endCapture)(CuStream stream, CuGraph *graph);
  CuResult (*instantiate)(CuGraphExec *executable, CuGraph graph, unsigned long long flags);
  CuResult (*launchGraph)(CuGraphExec executable, CuStream stream);
  CuResult (*destroyGraph)(CuGraph graph);
  CuResult (*destroyExecutable)(CuGraphExec executable);
  bool hasGraphs() const {
    return beginCapture && endCapture && instantiate && launchGraph && destroyGraph && destroyExecutable;
  }
};

/// The driver, initialised. Its library is libcuda.so.1, or what the environment variable HEED_CUDA_DRIVER names.
heed_status loadCudaDriver(const CudaDriver *&driver);

/// Records "WHAT: what the driver says".
heed_status failCuda(const CudaDriver &driver, CuResult error, const char *what);

} // namespace heed::runtime
