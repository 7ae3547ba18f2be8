// DeviceRun.h - runs a batch on a GPU, after everything about the caller's arrays has been checked.
#pragma once

#include "Model.h"

namespace heed::runtime {

/// One example: its arrays and sizes; `dims` receives the lengths that the run finds.
struct DeviceExample {
  const heed_tensor *inputs;
  heed_tensor *outputs;
  int64_t *dims;
};

/// `result` is what the compiled code says of the first example that it refuses (0: of none); then no output is written.
heed_status runOnDevice(heed_model &model, const DeviceExample *examples, int64_t count, int64_t &refused, int32_t &result);

} // namespace heed::runtime
