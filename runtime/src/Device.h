// Device.h - a GPU with the kernels of one model: its memory, and the functions that compiled host code calls.
#pragma once

#include "Cuda.h"
#include "Launches.h"
#include "Memory.h"

#include <pthread.h>

namespace heed::runtime {

/// Makes the device's context current for as long as it lives.
class CurrentContext {
public:
  CurrentContext(const CudaDriver &driver, CuContext context) : driver(driver), pushed(driver.pushContext(context) == 0) {}
  ~CurrentContext() {
    CuContext popped;
    if (pushed)
      driver.popContext(&popped);
  }
  CurrentContext(const CurrentContext &) = delete;
  CurrentContext &operator=(const CurrentContext &) = delete;

private:
  const CudaDriver &driver;
  bool pushed;
};

class Device {
public:
  Device() = default;
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  /// Opens the first device that the program has code for, and loads its kernels.
  heed_status open(const heed_program &program);
  bool isOpen() const { return code != nullptr; }
  const heed_code &hostCode() const { return code->code; }

  /// A copy of host memory that lasts until release(). Never null for an empty one; null: recorded why.
  void *upload(const void *data, int64_t bytes);
  void release(void *memory);

  /// Work memory, kept for the next run. Only under lock().
  heed_status reserve(int64_t bytes, char *&memory);
  void lock() { pthread_mutex_lock(&mutex); }
  void unlock() { pthread_mutex_unlock(&mutex); }

  // In the order of the calls, after the kernels that were launched; what fails is told by finish().
  void toDevice(void *to, const void *from, int64_t bytes);
  void toHost(void *to, const void *from, int64_t bytes);
  void onDevice(void *to, const void *from, int64_t bytes);
  /// Waits, and says whether everything since begin() went well.
  void begin() {
    error = 0;
    launches.clear();
  }
  heed_status finish();

  /// What the frame has for compiled code.
  static void launch(void *device, int32_t kernel, const int64_t *shape, void *const *arguments);
  static void tensorMap(void *device, void *map, const void *base, const int64_t *shape);
  static void read(void *device, void *to, const void *from, int64_t bytes);

  CurrentContext makeCurrent() const { return CurrentContext(*driver, context); }

private:
  heed_status choose(const heed_program &program);
  heed_status loadKernels(const heed_program &program);
  void note(CuResult result, const char *what);
  void flush();

  const CudaDriver *driver = nullptr;
  const heed_device_code *code = nullptr;
  CuDevice device = 0;
  CuContext context = nullptr;
  CuModule module = nullptr;
  CuStream stream = nullptr;
  Array<CuFunction> kernels;
  LaunchList launches;
  CuAddress work = 0;
  int64_t workBytes = 0;
  int sharedLimit = 0;
  CuResult error = 0;
  const char *failed = "";
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
};

} // namespace heed::runtime
