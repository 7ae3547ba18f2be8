// Run.cpp - runs a batch of examples.
//
// Everything that can fail is done before the first byte of an output is written: checks, then memory, then the
// compiled code. Code that itself checks (an index computed from data) computes into memory of ours, copied when all
// examples have succeeded.
//
// A batch is spread over the threads by example, each with its own workspace; a single example is spread from inside.
// Both ways run the same code on the same split, so the results are the same bits.
#include "Checks.h"
#include "DeviceRun.h"

#include <atomic>
#include <cstring>
#include <initializer_list>

using namespace heed::runtime;

namespace {

/// One example while it runs.
struct Example {
  int64_t *dims;  // dim_count; `until` dims are changed by the run
  void **outputs; // output_count, where compiled code writes
  int32_t result;
};

class Batch {
public:
  Batch(heed_model &model, int64_t count, const heed_tensor *inputs, heed_tensor *outputs)
      : model(model), program(*model.program), count(count), inputs(inputs), outputs(outputs) {}
  ~Batch() {
    for (void *workspace : workspaces)
      model.workspaces.giveBack(workspace);
  }

  heed_status prepare() {
    if (heed_status status = allocateLists())
      return status;
    for (int64_t b = 0; b < count; ++b) {
      heed_status status = checkInputs(model, inputsOf(b), examples[b].dims);
      if (!status)
        status = checkOutputs(model, outputsOf(b), examples[b].dims);
      if (status) {
        if (count > 1)
          prefixWithExample(b);
        return status;
      }
    }
    if (heed_status status = checkOverlaps())
      return status;
    if (model.unboundCount > 0)
      return unbound();
    if (model.device.isOpen()) // its memory is found there
      return HEED_OK;
    heed_status status = placeOutputs();
    return status ? status : allocateWorkspaces();
  }

  heed_status run() {
    if (model.device.isOpen())
      return runThere();
    if (workspaces.size() > 1) {
      next.store(0);
      model.pool.run(workspaces.size(), 1, runSome, this);
    } else {
      for (int64_t b = 0; b < count; ++b)
        runExample(b, workspaces[0], ThreadPool::parallelFor);
    }
    for (int64_t b = 0; b < count; ++b)
      if (heed_status status = check(b)) {
        if (count > 1)
          prefixWithExample(b);
        return status;
      }
    for (int64_t b = 0; b < count; ++b)
      deliver(b);
    return HEED_OK;
  }

private:
  heed_status runThere() {
    Array<DeviceExample> list;
    if (!list.allocate(count))
      return outOfMemory();
    for (int64_t b = 0; b < count; ++b)
      list[b] = {inputsOf(b), outputsOf(b), examples[b].dims};
    int64_t refused = 0;
    int32_t result = 0;
    if (heed_status status = runOnDevice(model, list.begin(), count, refused, result))
      return status;
    examples[refused].result = result;
    heed_status status = check(refused);
    if (status && count > 1)
      prefixWithExample(refused);
    return status;
  }

  const heed_tensor *inputsOf(int64_t b) const { return inputs + b * program.input_count; }
  heed_tensor *outputsOf(int64_t b) const { return outputs + b * program.output_count; }

  heed_status outOfMemory() const { return fail(HEED_E_MEMORY, "out of memory for running '%s'", program.name); }

  heed_status allocateLists() {
    int64_t dims, pointers;
    if (!multiplyChecked(count, program.dim_count, dims) || !multiplyChecked(count, program.output_count, pointers) ||
        !examples.allocate(count) || !dimLists.allocate(dims) || !outputLists.allocate(pointers) ||
        !passedDims.allocate(program.dim_count))
      return outOfMemory();
    for (int64_t b = 0; b < count; ++b)
      examples[b] = {dimLists.begin() + b * program.dim_count, outputLists.begin() + b * program.output_count, 0};
    return HEED_OK;
  }

  /// The bytes of output i of example b as compiled code writes them. Checked before: no overflow.
  int64_t outputBytes(int64_t b, int32_t i) const {
    int64_t shape[HEED_MAX_RANK], bytes = 0;
    evaluateShape(program.outputs[i], examples[b].dims, shape);
    countBytes(shape, program.outputs[i].rank, program.outputs[i].dtype, bytes);
    return bytes;
  }

  heed_status checkOverlaps() {
    Array<Span> spans;
    auto add = [&](const void *data, int64_t bytes, int64_t b, int32_t i, bool output) {
      auto begin = reinterpret_cast<uintptr_t>(data);
      return bytes == 0 || spans.push({begin, begin + static_cast<uintptr_t>(bytes), b, i, output});
    };
    for (int64_t b = 0; b < count; ++b) {
      for (int32_t i = 0; i < program.input_count; ++i) {
        const heed_tensor &input = inputsOf(b)[i];
        int64_t bytes = 0;
        countBytes(input.shape, input.rank, program.inputs[i].dtype, bytes);
        if (!add(input.data, bytes, b, i, false))
          return outOfMemory();
      }
      for (int32_t i = 0; i < program.output_count; ++i)
        if (!add(outputsOf(b)[i].data, outputBytes(b, i), b, i, true))
          return outOfMemory();
    }
    return heed::runtime::checkOverlap(program, spans);
  }

  heed_status unbound() const {
    for (int32_t i = 0; i < program.param_count; ++i)
      if (!model.paramData[i])
        return model.unboundCount == 1 ? fail(HEED_E_UNBOUND, "parameter '%s' has no value", program.params[i].name)
                                       : fail(HEED_E_UNBOUND, "parameter '%s' and %d others have no value",
                                              program.params[i].name, model.unboundCount - 1);
    return HEED_OK;
  }

  /// Where each example's outputs are computed: at the caller's, or in `scratch` if the code may find an error on its
  /// way.
  heed_status placeOutputs() {
    if (program.check_count == 0) {
      for (int64_t b = 0; b < count; ++b)
        for (int32_t i = 0; i < program.output_count; ++i)
          examples[b].outputs[i] = outputsOf(b)[i].data;
      return HEED_OK;
    }
    int64_t total = 0;
    for (bool place : {false, true}) {
      if (place && !scratch.allocate(total))
        return outOfMemory();
      int64_t offset = 0;
      for (int64_t b = 0; b < count; ++b)
        for (int32_t i = 0; i < program.output_count; ++i) {
          if (place)
            examples[b].outputs[i] = static_cast<char *>(scratch.data()) + offset;
          int64_t bytes = outputBytes(b, i);
          if (!addChecked(offset, bytes, offset) || !addChecked(offset, 63, offset))
            return outOfMemory();
          offset = offset / 64 * 64;
        }
      total = offset;
    }
    return HEED_OK;
  }

  /// One workspace per example that runs at a time. With few examples the threads are better used inside each.
  heed_status allocateWorkspaces() {
    int64_t largest = 0;
    for (int64_t b = 0; b < count; ++b) {
      int64_t bytes = model.code->workspace_bytes ? model.code->workspace_bytes(examples[b].dims) : 0;
      if (bytes < 0)
        return fail(HEED_E_MEMORY, "model '%s' needs more memory for these sizes than can be addressed", program.name);
      largest = bytes > largest ? bytes : largest;
    }
    int64_t threads = model.pool.threads(), wanted = 2 * count > threads ? (count < threads ? count : threads) : 1;
    for (int64_t slot = 0; slot < wanted; ++slot) {
      void *workspace = model.workspaces.take(largest);
      if (workspace && !workspaces.push(workspace)) {
        model.workspaces.giveBack(workspace);
        workspace = nullptr;
      }
      if (!workspace) // fewer at a time are slower, not wrong
        return slot > 0 ? HEED_OK : outOfMemory();
    }
    return HEED_OK;
  }

  /// Runs examples with workspace `slot` until there are none left.
  static void runSome(void *batch, int64_t slot, int64_t) {
    auto &self = *static_cast<Batch *>(batch);
    for (int64_t b; (b = self.next.fetch_add(1)) < self.count;)
      self.runExample(b, self.workspaces[slot], ThreadPool::serialFor);
  }

  void runExample(int64_t b, void *workspace, heed_parallel_for parallelFor) {
    const void *data[64];
    Array<const void *> manyData;
    const void **inputData = data;
    if (program.input_count > 64) {
      if (!manyData.allocate(program.input_count)) {
        examples[b].result = -1;
        return;
      }
      inputData = manyData.begin();
    }
    for (int32_t i = 0; i < program.input_count; ++i)
      inputData[i] = inputsOf(b)[i].data;
    heed_frame frame = {};
    frame.params = model.paramData.begin();
    frame.prepared = model.prepared.data();
    frame.inputs = inputData;
    frame.outputs = examples[b].outputs;
    frame.dims = examples[b].dims;
    frame.workspace = workspace;
    frame.parallel_for = parallelFor;
    frame.pool = &model.pool;
    examples[b].result = model.code->run(&frame);
  }

  heed_status check(int64_t b) const {
    const Example &example = examples[b];
    if (example.result == -1)
      return outOfMemory();
    if (example.result != 0)
      return fail(HEED_E_INDEX, "%s",
                  example.result > 0 && example.result <= program.check_count ? program.checks[example.result - 1]
                                                                              : "a check of the compiled code failed");
    return HEED_OK;
  }

  /// Gives the caller the shapes, and the data where it is not in place. Compiled code lays an output out for the sizes
  /// it was called with; after an `until` that ended early, rows move together.
  void deliver(int64_t b) {
    for (int32_t i = 0; i < program.output_count; ++i) {
      const heed_tensor_info &info = program.outputs[i];
      heed_tensor &output = outputsOf(b)[i];
      int64_t computed[HEED_MAX_RANK], shape[HEED_MAX_RANK];
      for (int32_t dim = 0; dim < program.dim_count; ++dim)
        passedDims[dim] = program.dims[dim].from_until ? program.dims[dim].maximum : examples[b].dims[dim];
      evaluateShape(info, passedDims.begin(), computed);
      evaluateShape(info, examples[b].dims, shape);
      copyCorner(static_cast<char *>(output.data), static_cast<const char *>(examples[b].outputs[i]), shape, computed,
                 info.rank, elementSize(info.dtype));
      for (int32_t axis = 0; axis < info.rank; ++axis)
        output.shape[axis] = shape[axis];
    }
  }

  heed_model &model;
  const heed_program &program;
  int64_t count;
  const heed_tensor *inputs;
  heed_tensor *outputs;
  Array<Example> examples;
  Array<int64_t> dimLists, passedDims;
  Array<void *> outputLists, workspaces;
  Buffer scratch;
  std::atomic<int64_t> next{0};
};

} // namespace

HEED_EXPORT heed_status heed_run(heed_model *model, int64_t batch, const heed_tensor *inputs, heed_tensor *outputs) {
  if (!model)
    return fail(HEED_E_NULL, "heed_run: model is null");
  if (batch < 0)
    return fail(HEED_E_ARGUMENT, "heed_run: batch is %lld, expected 0 or more", static_cast<long long>(batch));
  if (batch == 0)
    return HEED_OK;
  if ((!inputs && model->program->input_count) || (!outputs && model->program->output_count))
    return fail(HEED_E_NULL, "heed_run: %s is null", !inputs && model->program->input_count ? "inputs" : "outputs");
  Batch run(*model, batch, inputs, outputs);
  heed_status status = run.prepare();
  return status ? status : run.run();
}

HEED_EXPORT heed_status heed_output_shape(const heed_model *model, const heed_tensor *inputs, int32_t index,
                                          heed_tensor *output) {
  if (!model || !output || (!inputs && model->program->input_count))
    return fail(HEED_E_NULL, "heed_output_shape: %s is null", !model ? "model" : !output ? "output" : "inputs");
  const heed_program &program = *model->program;
  if (index < 0 || index >= program.output_count)
    return fail(HEED_E_ARGUMENT, "heed_output_shape: model '%s' has no output %d", program.name, index);
  Array<int64_t> dims;
  if (!dims.allocate(program.dim_count))
    return fail(HEED_E_MEMORY, "out of memory");
  if (heed_status status = checkInputs(*model, inputs, dims.begin(), false))
    return status;
  const heed_tensor_info &info = program.outputs[index];
  int64_t shape[HEED_MAX_RANK], bytes;
  if (!evaluateShape(info, dims.begin(), shape) || !countBytes(shape, info.rank, info.dtype, bytes))
    return fail(HEED_E_SHAPE, "output '%s' of shape %s cannot be made for these inputs", info.name,
                declaredShapeText(program, info).get());
  output->dtype = info.dtype;
  output->rank = info.rank;
  for (int32_t axis = 0; axis < info.rank; ++axis)
    output->shape[axis] = shape[axis];
  return HEED_OK;
}
