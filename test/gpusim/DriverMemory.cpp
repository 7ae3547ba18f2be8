// DriverMemory.cpp - the driver's memory, its copies, and the names of its errors.
#include "test/gpusim/Driver.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

using namespace gpusim;

namespace {

template <class Work>
Result locked(Work &&work) {
  Driver &driver = Driver::instance();
  if (!driver.initialised)
    return NotInitialized;
  if (Result capture = notInCapture("memory"))
    return capture;
  std::lock_guard lock(driver.mutex);
  return work(driver.memory);
}

/// Device memory for the host, or a message that says what is wrong.
std::byte *access(DeviceMemory &memory, char const *function, DevicePointer address, std::size_t size, bool writes) {
  std::byte *bytes = memory.hostAccess(address, size, writes);
  if (!bytes)
    report(function, fmt::format("{} bytes at {:#x} are not inside one allocation", size, address));
  return bytes;
}

bool isDevice(void const *pointer) { return (std::uint64_t(pointer) & WindowMask) == GlobalWindow; }

/// With HEED_GPUSIM_DIGEST=FILE that file always holds a hash (FNV-1a) of all that the host has read so far: two runs
/// of a program that leave the same hash had the same results.
void digest(std::byte const *bytes, std::size_t size) {
  static char const *file = std::getenv("HEED_GPUSIM_DIGEST");
  if (!file)
    return;
  std::uint64_t &hash = Driver::instance().digest;
  for (std::size_t at = 0; at < size; ++at)
    hash = (hash ^ std::uint64_t(bytes[at])) * 0x100000001b3;
  std::ofstream(file) << fmt::format("{:016x}\n", hash);
}

template <class Value>
Result fill(DevicePointer address, Value value, std::size_t count) {
  if (count == 0)
    return Success;
  return locked([&](DeviceMemory &memory) {
    std::byte *bytes = access(memory, "cuMemset", address, count * sizeof(Value), true);
    if (!bytes || address % sizeof(Value))
      return InvalidValue;
    for (std::size_t at = 0; at < count; ++at)
      std::memcpy(bytes + at * sizeof(Value), &value, sizeof(Value));
    return Success;
  });
}

struct Named {
  Result result;
  char const *name, *text;
};
constexpr Named Names[] = {
    {Success, "CUDA_SUCCESS", "no error"},
    {InvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NoDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {InvalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {InvalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {NoBinaryForGpu, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {InvalidPtx, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {InvalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {LaunchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {LaunchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {NotSupported, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {CaptureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {CaptureInvalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {IllegalState, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
};

} // namespace

GPUSIM_EXPORT Result cuGetErrorName(Result result, char const **name) {
  for (Named const &named : Names)
    if (named.result == result)
      return *name = named.name, Success;
  return *name = nullptr, InvalidValue;
}

GPUSIM_EXPORT Result cuGetErrorString(Result result, char const **text) {
  for (Named const &named : Names)
    if (named.result == result)
      return *text = named.text, Success;
  return *text = nullptr, InvalidValue;
}

GPUSIM_EXPORT Result cuMemAlloc_v2(DevicePointer *address, std::size_t size) {
  return locked([&](DeviceMemory &memory) {
    if (size == 0)
      return InvalidValue;
    *address = memory.allocate(size);
    return *address ? Success : OutOfMemory;
  });
}

GPUSIM_EXPORT Result cuMemFree_v2(DevicePointer address) {
  if (!address)
    return Success;
  return locked([&](DeviceMemory &memory) {
    if (memory.release(address))
      return Success;
    report("cuMemFree", fmt::format("{:#x} is not the start of an allocation", address));
    return InvalidValue;
  });
}

GPUSIM_EXPORT Result cuMemGetInfo_v2(std::size_t *left, std::size_t *total) {
  return *left = *total = std::size_t(16) << 30, Success;
}

GPUSIM_EXPORT Result cuMemcpyHtoD_v2(DevicePointer to, void const *from, std::size_t size) {
  if (size == 0)
    return Success;
  return locked([&](DeviceMemory &memory) {
    std::byte *bytes = isDevice(from) ? nullptr : access(memory, "cuMemcpyHtoD", to, size, true);
    if (!bytes)
      return InvalidValue;
    std::memcpy(bytes, from, size);
    return Success;
  });
}

GPUSIM_EXPORT Result cuMemcpyDtoH_v2(void *to, DevicePointer from, std::size_t size) {
  if (Result failure = Driver::instance().failure)
    return failure;
  if (size == 0)
    return Success;
  return locked([&](DeviceMemory &memory) {
    std::byte *bytes = isDevice(to) ? nullptr : access(memory, "cuMemcpyDtoH", from, size, false);
    if (!bytes)
      return InvalidValue;
    std::memcpy(to, bytes, size);
    digest(bytes, size);
    return Success;
  });
}

GPUSIM_EXPORT Result cuMemcpyDtoD_v2(DevicePointer to, DevicePointer from, std::size_t size) {
  if (size == 0)
    return Success;
  return locked([&](DeviceMemory &memory) {
    std::byte *source = access(memory, "cuMemcpyDtoD", from, size, false);
    std::byte *target = access(memory, "cuMemcpyDtoD", to, size, true);
    if (!source || !target)
      return InvalidValue;
    std::memmove(target, source, size);
    return Success;
  });
}

/// With unified addresses the pointers themselves say where they lead.
GPUSIM_EXPORT Result cuMemcpy(DevicePointer to, DevicePointer from, std::size_t size) {
  bool toDevice = isDevice(reinterpret_cast<void *>(to)), fromDevice = isDevice(reinterpret_cast<void *>(from));
  if (toDevice && fromDevice)
    return cuMemcpyDtoD_v2(to, from, size);
  if (toDevice)
    return cuMemcpyHtoD_v2(to, reinterpret_cast<void *>(from), size);
  if (fromDevice)
    return cuMemcpyDtoH_v2(reinterpret_cast<void *>(to), from, size);
  std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), size);
  return Success;
}

// A stream does everything at once.
GPUSIM_EXPORT Result cuMemcpyHtoDAsync_v2(DevicePointer to, void const *from, std::size_t size, void *) {
  return cuMemcpyHtoD_v2(to, from, size);
}
GPUSIM_EXPORT Result cuMemcpyDtoHAsync_v2(void *to, DevicePointer from, std::size_t size, void *) {
  return cuMemcpyDtoH_v2(to, from, size);
}
GPUSIM_EXPORT Result cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, std::size_t size, void *) {
  return cuMemcpyDtoD_v2(to, from, size);
}
GPUSIM_EXPORT Result cuMemcpyAsync(DevicePointer to, DevicePointer from, std::size_t size, void *) {
  return cuMemcpy(to, from, size);
}
GPUSIM_EXPORT Result cuMemsetD8_v2(DevicePointer to, unsigned char value, std::size_t count) {
  return fill(to, value, count);
}
GPUSIM_EXPORT Result cuMemsetD16_v2(DevicePointer to, unsigned short value, std::size_t count) {
  return fill(to, value, count);
}
GPUSIM_EXPORT Result cuMemsetD32_v2(DevicePointer to, unsigned value, std::size_t count) {
  return fill(to, value, count);
}
GPUSIM_EXPORT Result cuMemsetD8Async(DevicePointer to, unsigned char value, std::size_t count, void *) {
  return fill(to, value, count);
}
GPUSIM_EXPORT Result cuMemsetD32Async(DevicePointer to, unsigned value, std::size_t count, void *) {
  return fill(to, value, count);
}

GPUSIM_EXPORT Result cuMemAllocHost_v2(void **pointer, std::size_t size) {
  *pointer = ::operator new(size, std::nothrow);
  return *pointer ? Success : OutOfMemory;
}
GPUSIM_EXPORT Result cuMemFreeHost(void *pointer) { return ::operator delete(pointer), Success; }

/// The memory type (2: device) and a few more; a pointer of the host is an invalid value, as it is to the real driver.
GPUSIM_EXPORT Result cuPointerGetAttribute(void *data, int attribute, DevicePointer address) {
  return locked([&](DeviceMemory &memory) {
    std::uint64_t base = 0, size = 0;
    if (!memory.rangeOf(address, base, size))
      return InvalidValue;
    switch (attribute) {
    case 2: // memory type
      return *static_cast<unsigned *>(data) = 2, Success;
    case 3: // device pointer
      return *static_cast<DevicePointer *>(data) = address, Success;
    case 9: // device ordinal
      return *static_cast<int *>(data) = 0, Success;
    case 11: // start of the range
      return *static_cast<DevicePointer *>(data) = base, Success;
    case 12: // its size
      return *static_cast<std::size_t *>(data) = size, Success;
    default:
      return InvalidValue;
    }
  });
}
