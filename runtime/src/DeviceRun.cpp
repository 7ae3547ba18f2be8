// DeviceRun.cpp - runs a batch on a GPU: inputs go there, examples run one after the other, outputs come back at the end.
//
// All outputs are computed in memory of ours, so that an error leaves the caller's untouched. Work memory holds, in this
// order, the outputs of all examples, the inputs of one, and the workspace of the compiled code.
#include "DeviceRun.h"

#include "Checks.h"

using namespace heed::runtime;

namespace {

constexpr int64_t alignment = 256;
/// What kernels may expect of every buffer: tensors that are copied by boxes must begin at multiples of it.
constexpr uintptr_t bufferAlignment = 16;

int64_t aligned(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

bool isOnDevice(const heed_tensor &tensor) { return (tensor.dtype & HEED_ON_DEVICE) != 0; }

class DeviceBatch {
public:
  DeviceBatch(heed_model &model, const DeviceExample *examples, int64_t count)
      : model(model), device(model.device), program(*model.program), examples(examples), count(count) {}

  heed_status run(int64_t &refused, int32_t &result) {
    if (heed_status status = place())
      return status;
    device.begin();
    result = 0;
    for (int64_t b = 0; b < count && !result; ++b) {
      result = runExample(b);
      refused = b;
    }
    if (heed_status status = device.finish())
      return status;
    if (result)
      return HEED_OK;
    for (int64_t b = 0; b < count; ++b)
      for (int32_t i = 0; i < program.output_count; ++i)
        if (heed_status status = deliver(b, i))
          return status;
    return device.finish();
  }

private:
  /// Sizes were checked before: no overflow within a tensor.
  int64_t bytesAt(const heed_tensor_info &info, const int64_t *dims) const {
    int64_t shape[HEED_MAX_RANK], bytes = 0;
    evaluateShape(info, dims, shape);
    countBytes(shape, info.rank, info.dtype, bytes);
    return bytes;
  }

  heed_status outOfMemory() const { return fail(HEED_E_MEMORY, "out of memory for running '%s'", program.name); }

  heed_status place() {
    if (!outputs.allocate(count * program.output_count) || !inputs.allocate(program.input_count) ||
        !inputData.allocate(program.input_count) || !passedDims.allocate(program.dim_count))
      return outOfMemory();
    int64_t total = 0;
    auto take = [&](int64_t bytes, int64_t &offset) {
      offset = total;
      return bytes <= PTRDIFF_MAX - alignment && addChecked(total, aligned(bytes), total);
    };
    int64_t largestWorkspace = 0;
    for (int64_t b = 0; b < count; ++b) {
      for (int32_t i = 0; i < program.output_count; ++i)
        if (!take(bytesAt(program.outputs[i], examples[b].dims), outputs[b * program.output_count + i]))
          return outOfMemory();
      for (int32_t i = 0; i < program.input_count; ++i) {
        int64_t bytes = bytesAt(program.inputs[i], examples[b].dims);
        inputs[i] = bytes > inputs[i] ? bytes : inputs[i];
      }
      int64_t bytes = model.code->workspace_bytes(examples[b].dims);
      if (bytes < 0)
        return fail(HEED_E_MEMORY, "model '%s' needs more memory for these sizes than can be addressed", program.name);
      largestWorkspace = bytes > largestWorkspace ? bytes : largestWorkspace;
    }
    for (int32_t i = 0; i < program.input_count; ++i)
      if (!take(inputs[i], inputs[i]))
        return outOfMemory();
    if (!take(largestWorkspace, workspace))
      return outOfMemory();
    return device.reserve(total > 0 ? total : alignment, memory);
  }

  int32_t runExample(int64_t b) {
    const DeviceExample &example = examples[b];
    for (int32_t i = 0; i < program.input_count; ++i) {
      const heed_tensor &tensor = example.inputs[i];
      inputData[i] = tensor.data;
      int64_t bytes = bytesAt(program.inputs[i], example.dims);
      if (!isOnDevice(tensor))
        device.toDevice(memory + inputs[i], tensor.data, bytes);
      else if (reinterpret_cast<uintptr_t>(tensor.data) % bufferAlignment)
        device.onDevice(memory + inputs[i], tensor.data, bytes);
      else
        continue;
      inputData[i] = memory + inputs[i];
    }
    Array<void *> outputData;
    if (!outputData.allocate(program.output_count))
      return -1;
    for (int32_t i = 0; i < program.output_count; ++i)
      outputData[i] = memory + outputs[b * program.output_count + i];
    heed_frame frame = {};
    frame.params = model.paramData.begin();
    frame.inputs = inputData.begin();
    frame.outputs = outputData.begin();
    frame.dims = example.dims;
    frame.workspace = memory + workspace;
    frame.launch = Device::launch;
    frame.read = Device::read;
    frame.device = &device;
    frame.tensor_map = Device::tensorMap;
    return model.code->run(&frame);
  }

  /// Rows of an output move together where an `until` ended early.
  heed_status deliver(int64_t b, int32_t i) {
    const heed_tensor_info &info = program.outputs[i];
    heed_tensor &output = examples[b].outputs[i];
    int64_t computed[HEED_MAX_RANK], shape[HEED_MAX_RANK], bytes = 0, room = 0;
    bool shortened = false;
    for (int32_t dim = 0; dim < program.dim_count; ++dim) {
      passedDims[dim] = program.dims[dim].from_until ? program.dims[dim].maximum : examples[b].dims[dim];
      shortened |= passedDims[dim] != examples[b].dims[dim];
    }
    evaluateShape(info, passedDims.begin(), computed);
    evaluateShape(info, examples[b].dims, shape);
    countBytes(shape, info.rank, info.dtype, bytes);
    countBytes(computed, info.rank, info.dtype, room);
    const char *source = memory + outputs[b * program.output_count + i];
    if (!shortened) {
      isOnDevice(output) ? device.onDevice(output.data, source, bytes) : device.toHost(output.data, source, bytes);
    } else {
      Buffer copy;
      if (!copy.allocate(room))
        return outOfMemory();
      auto *data = static_cast<char *>(copy.data());
      device.toHost(data, source, room);
      if (heed_status status = device.finish())
        return status;
      char *target = isOnDevice(output) ? data : static_cast<char *>(output.data);
      copyCorner(target, data, shape, computed, info.rank, elementSize(info.dtype));
      if (isOnDevice(output)) {
        device.toDevice(output.data, data, bytes);
        if (heed_status status = device.finish())
          return status;
      }
    }
    for (int32_t axis = 0; axis < info.rank; ++axis)
      output.shape[axis] = shape[axis];
    return HEED_OK;
  }

  heed_model &model;
  Device &device;
  const heed_program &program;
  const DeviceExample *examples;
  int64_t count;
  Array<int64_t> outputs, inputs; ///< places in work memory
  Array<const void *> inputData;
  Array<int64_t> passedDims;
  int64_t workspace = 0;
  char *memory = nullptr;
};

} // namespace

namespace heed::runtime {

heed_status runOnDevice(heed_model &model, const DeviceExample *examples, int64_t count, int64_t &refused, int32_t &result) {
  CurrentContext current = model.device.makeCurrent();
  model.device.lock();
  heed_status status = DeviceBatch(model, examples, count).run(refused, result);
  model.device.unlock();
  return status;
}

} // namespace heed::runtime
