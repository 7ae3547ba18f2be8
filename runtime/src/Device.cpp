// Device.cpp - chooses a GPU and the code for it, and keeps what a model needs there.
#include "Device.h"

#include "Cpu.h"

namespace heed::runtime {

namespace {

// CUdevice_attribute and CUfunction_attribute.
constexpr int capabilityMajor = 75, capabilityMinor = 76, sharedMemoryOptin = 97, maximumDynamicShared = 8;
constexpr int64_t defaultShared = 48 * 1024;

CuAddress addressOf(const void *memory) { return reinterpret_cast<uintptr_t>(memory); }

bool fits(const heed_device_code &code, int capability) {
  return code.exact ? code.capability == capability : code.capability <= capability;
}

} // namespace

Device::~Device() {
  if (!context)
    return;
  {
    CurrentContext current = makeCurrent();
    launches.close();
    if (work)
      driver->release(work);
    if (stream)
      driver->destroyStream(stream);
    if (module)
      driver->unloadModule(module);
  }
  driver->releaseContext(device);
}

/// The first device with the best code for it.
heed_status Device::choose(const heed_program &program) {
  int count = 0;
  if (CuResult result = driver->deviceCount(&count))
    return failCuda(*driver, result, "the GPUs cannot be listed");
  if (count == 0)
    return fail(HEED_E_DEVICE, "program '%s' needs a GPU, and there is none", program.name);
  int first = 0;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    CuDevice candidate;
    int major = 0, minor = 0;
    CuResult result = driver->deviceGet(&candidate, ordinal);
    if (!result)
      result = driver->deviceAttribute(&major, capabilityMajor, candidate);
    if (!result)
      result = driver->deviceAttribute(&minor, capabilityMinor, candidate);
    if (result)
      return failCuda(*driver, result, "a GPU does not tell its compute capability");
    int capability = 10 * major + minor;
    first = ordinal == 0 ? capability : first;
    for (int64_t i = 0; i < program.device_code_count; ++i)
      if (fits(program.device_codes[i], capability) && program.device_codes[i].code.isa <= cpuLevel()) {
        device = candidate;
        code = &program.device_codes[i];
        return HEED_OK;
      }
  }
  const heed_device_code &plainest = program.device_codes[program.device_code_count - 1];
  return fail(HEED_E_DEVICE, "program '%s' has kernels for compute capability %d.%d%s, the GPU has %d.%d", program.name,
              plainest.capability / 10, plainest.capability % 10, plainest.exact ? "" : " or later", first / 10, first % 10);
}

heed_status Device::loadKernels(const heed_program &program) {
  if (CuResult result = driver->createStream(&stream, 1 /* does not wait for the default stream */))
    return failCuda(*driver, result, "the GPU cannot start a stream");
  if (CuResult result = driver->deviceAttribute(&sharedLimit, sharedMemoryOptin, device))
    return failCuda(*driver, result, "the GPU does not tell the size of its shared memory");
  if (code->kernel_count == 0)
    return HEED_OK;
  char log[256] = "";
  enum { LogBuffer = 5, LogBytes = 6 }; // CU_JIT_ERROR_LOG_BUFFER and its size
  int options[] = {LogBuffer, LogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  if (CuResult result = driver->loadModule(&module, code->kernels_ptx, 2, options, values)) {
    log[sizeof log - 1] = 0;
    Text what;
    what.append("the GPU driver refuses the kernels of '%s'%s%s", program.name, log[0] ? ": " : "", log);
    return failCuda(*driver, result, what.get());
  }
  if (!kernels.allocate(code->kernel_count))
    return fail(HEED_E_MEMORY, "out of memory for program '%s'", program.name);
  for (int64_t i = 0; i < code->kernel_count; ++i) {
    if (CuResult result = driver->getFunction(&kernels[i], module, code->kernels[i])) {
      Text what;
      what.append("program '%s' has no kernel '%s'", program.name, code->kernels[i]);
      return failCuda(*driver, result, what.get());
    }
    // Each kernel may use what the device has; the launch says how much it does.
    if (sharedLimit > defaultShared)
      driver->setFunctionAttribute(kernels[i], maximumDynamicShared, sharedLimit);
  }
  launches.open(*driver, stream, kernels.begin());
  return HEED_OK;
}

heed_status Device::open(const heed_program &program) {
  if (heed_status status = loadCudaDriver(driver))
    return status;
  if (heed_status status = choose(program))
    return status;
  if (CuResult result = driver->retainContext(&context, device))
    return failCuda(*driver, result, "the GPU cannot be used");
  CurrentContext current = makeCurrent();
  return loadKernels(program);
}

void *Device::upload(const void *data, int64_t bytes) {
  CuAddress memory = 0;
  CuResult result = driver->allocate(&memory, static_cast<size_t>(bytes > 0 ? bytes : 1));
  if (!result && bytes > 0)
    result = driver->toDevice(memory, data, static_cast<size_t>(bytes), stream);
  if (!result)
    result = driver->synchronize(stream);
  if (result) {
    failCuda(*driver, result, "a parameter cannot be copied to the GPU");
    if (memory)
      driver->release(memory);
    return nullptr;
  }
  return reinterpret_cast<void *>(memory);
}

void Device::release(void *memory) {
  if (memory)
    driver->release(addressOf(memory));
}

heed_status Device::reserve(int64_t bytes, char *&memory) {
  if (bytes > workBytes) {
    if (work)
      driver->release(work);
    work = 0;
    workBytes = 0;
    if (CuResult result = driver->allocate(&work, static_cast<size_t>(bytes)))
      return failCuda(*driver, result, "work memory on the GPU");
    workBytes = bytes;
  }
  memory = reinterpret_cast<char *>(work);
  return HEED_OK;
}

void Device::note(CuResult result, const char *what) {
  if (result && !error) {
    error = result;
    failed = what;
  }
}

void Device::flush() {
  int32_t kernel = -1;
  CuResult result = error ? 0 : launches.flush(kernel);
  note(result, kernel < 0 ? "a graph of kernels" : code->kernels[kernel]);
}

void Device::toDevice(void *to, const void *from, int64_t bytes) {
  flush();
  if (bytes > 0)
    note(driver->toDevice(addressOf(to), from, static_cast<size_t>(bytes), stream), "copying an input to the GPU");
}
void Device::toHost(void *to, const void *from, int64_t bytes) {
  flush();
  if (bytes > 0)
    note(driver->toHost(to, addressOf(from), static_cast<size_t>(bytes), stream), "copying from the GPU");
}
void Device::onDevice(void *to, const void *from, int64_t bytes) {
  flush();
  if (bytes > 0)
    note(driver->onDevice(addressOf(to), addressOf(from), static_cast<size_t>(bytes), stream), "copying on the GPU");
}

heed_status Device::finish() {
  flush();
  note(driver->synchronize(stream), "a kernel");
  return error ? failCuda(*driver, error, failed) : HEED_OK;
}

void Device::launch(void *device, int32_t kernel, const int64_t *shape, void *const *arguments) {
  auto &self = *static_cast<Device *>(device);
  if (self.error || shape[0] == 0 || shape[1] == 0 || shape[2] == 0)
    return;
  enum { InvalidValue = 1, OutOfMemory = 2 };
  for (int i = 0; i < 7; ++i)
    if (shape[i] < 0 || shape[i] > INT32_MAX)
      return self.note(InvalidValue, "a kernel has more work than one launch can take");
  if (!self.launches.add(kernel, shape, arguments))
    return self.note(OutOfMemory, self.code->kernels[kernel]);
  if (self.launches.isFull())
    self.flush();
}

/// Takes less time than a launch, so maps are written again for each.
void Device::tensorMap(void *device, void *map, const void *base, const int64_t *shape) {
  auto &self = *static_cast<Device *>(device);
  __builtin_memset(map, 0, 128);
  enum { MostAxes = 5, Float16 = 6, Bfloat16 = 9, Swizzle128Bytes = 3, Promote256Bytes = 3, NotSupported = 801 };
  uint64_t sizes[MostAxes], strides[MostAxes];
  uint32_t box[MostAxes], steps[MostAxes];
  auto rank = static_cast<uint32_t>(shape[1]);
  for (uint32_t axis = 0; axis < rank; ++axis) {
    const int64_t *of = shape + 2 + 3 * axis;
    sizes[axis] = static_cast<uint64_t>(of[0]);
    strides[axis] = static_cast<uint64_t>(of[1]);
    box[axis] = static_cast<uint32_t>(of[2]);
    steps[axis] = 1;
    if (of[0] == 0)
      return; // nothing will be copied
  }
  if (self.error)
    return;
  if (!self.driver->encodeTensor)
    return self.note(NotSupported, "cuTensorMapEncodeTiled");
  // The stride of the innermost axis is not asked for.
  self.note(self.driver->encodeTensor(map, shape[0] ? Bfloat16 : Float16, rank, const_cast<void *>(base), sizes, strides + 1, box,
                                      steps, 0, Swizzle128Bytes, Promote256Bytes, 0),
            "describing a tensor to the GPU");
}

void Device::read(void *device, void *to, const void *from, int64_t bytes) {
  auto &self = *static_cast<Device *>(device);
  __builtin_memset(to, 0, static_cast<size_t>(bytes)); // after an error the host goes on with zeros, to the end
  if (self.error)
    return;
  self.toHost(to, from, bytes);
  self.note(self.driver->synchronize(self.stream), "a kernel");
}

} // namespace heed::runtime
