// Checks.cpp - everything that is checked about a caller's arrays before any compiled code runs.
//
// The order is part of the interface, so that a call with several mistakes always reports the same one: missing data,
// element type, number of axes, constant sizes, run-time sizes (agreement, then bounds), size in memory, alignment,
// overlap.
#include "Checks.h"

#include <algorithm>

namespace heed::runtime {

namespace {

heed_status checkTypeAndRank(const heed_program &program, const heed_tensor_info &info, const heed_tensor &tensor,
                             const char *role, bool needData, bool allowDevice) {
  int64_t count;
  bool empty =
      tensor.rank >= 0 && tensor.rank <= HEED_MAX_RANK && countElements(tensor.shape, tensor.rank, count) && count == 0;
  if (needData && !tensor.data && !empty)
    return fail(HEED_E_NULL, "%s '%s' has no data", role, info.name);
  if ((tensor.dtype & HEED_ON_DEVICE) && !allowDevice)
    return fail(HEED_E_DTYPE, "%s '%s' is memory of a GPU, expected memory of the host", role, info.name);
  if ((tensor.dtype & ~HEED_ON_DEVICE) != info.dtype)
    return fail(HEED_E_DTYPE, "%s '%s' has elements of type %s, expected %s", role, info.name,
                typeName(tensor.dtype & ~HEED_ON_DEVICE), typeName(info.dtype));
  if (tensor.rank != info.rank)
    return fail(HEED_E_RANK, "%s '%s' has %d axes, expected %d: %s", role, info.name, tensor.rank, info.rank,
                declaredShapeText(program, info).get());
  return HEED_OK;
}

heed_status checkMemory(const heed_tensor_info &info, const void *data, const int64_t *shape, const char *role) {
  int64_t bytes;
  if (!countBytes(shape, info.rank, info.dtype, bytes))
    return fail(HEED_E_SHAPE, "%s '%s' of shape %s does not fit in memory", role, info.name,
                shapeText(shape, info.rank).get());
  int64_t alignment = elementSize(info.dtype);
  if (bytes > 0 && reinterpret_cast<uintptr_t>(data) % alignment != 0)
    return fail(HEED_E_ALIGNMENT, "data of %s '%s' is at an address that is not a multiple of %d, the size of %s", role,
                info.name, static_cast<int>(alignment), typeName(info.dtype));
  return HEED_OK;
}

heed_status wrongSize(const heed_program &program, const heed_tensor_info &info, int32_t axis, int64_t found,
                      const char *role) {
  return fail(HEED_E_SHAPE, "axis %d of %s '%s' is %lld, expected %s", axis, role, info.name,
              static_cast<long long>(found), sizeText(program, info.shape[axis]).get());
}

heed_status checkConstantSizes(const heed_program &program, const heed_tensor_info &info, const heed_tensor &tensor,
                               const char *role) {
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    const heed_size &size = info.shape[axis];
    if (tensor.shape[axis] < 0 || (size.term_count == 0 && tensor.shape[axis] != size.constant))
      return wrongSize(program, info, axis, tensor.shape[axis], role);
  }
  return HEED_OK;
}

/// dims[step.dim] from the size of one axis.
heed_status solve(const heed_program &program, const SolveStep &step, int64_t found, int64_t *dims) {
  const heed_tensor_info &info = program.inputs[step.input];
  const heed_size &size = info.shape[step.axis];
  const heed_dim_info &dim = program.dims[step.dim];
  int64_t coefficient = size.terms[step.term].coefficient, rest = 0, left;
  dims[step.dim] = 0;
  if (!evaluate(size, dims, rest) || __builtin_sub_overflow(found, rest, &left) || left == INT64_MIN ||
      left % coefficient != 0)
    return wrongSize(program, info, step.axis, found, "input");
  int64_t value = left / coefficient;
  if (value < dim.minimum)
    return fail(HEED_E_SHAPE, "axis %d of input '%s' is %lld, expected %s with %s >= %lld", step.axis, info.name,
                static_cast<long long>(found), sizeText(program, size).get(), dim.name,
                static_cast<long long>(dim.minimum));
  if (dim.maximum >= 0 && value > dim.maximum)
    return fail(HEED_E_SHAPE, "axis %d of input '%s' is %lld, expected %s with %s <= %lld", step.axis, info.name,
                static_cast<long long>(found), sizeText(program, size).get(), dim.name,
                static_cast<long long>(dim.maximum));
  dims[step.dim] = value;
  return HEED_OK;
}

/// Names the input that a dim was found from, for a contradiction.
heed_status contradiction(const heed_model &model, int32_t input, int32_t axis, int64_t found, int64_t expected) {
  const heed_program &program = *model.program;
  const heed_tensor_info &info = program.inputs[input];
  const heed_size &size = info.shape[axis];
  for (const SolveStep &step : model.solution)
    if (step.dim == size.terms[0].dim)
      return fail(HEED_E_SHAPE, "axis %d of input '%s' is %lld, expected %lld: %s, and axis %d of input '%s' gives %s",
                  axis, info.name, static_cast<long long>(found), static_cast<long long>(expected),
                  sizeText(program, size).get(), step.axis, program.inputs[step.input].name,
                  program.dims[step.dim].name);
  return wrongSize(program, info, axis, found, "input");
}

heed_status findDims(const heed_model &model, const heed_tensor *inputs, int64_t *dims) {
  const heed_program &program = *model.program;
  for (int32_t dim = 0; dim < program.dim_count; ++dim)
    dims[dim] = program.dims[dim].from_until ? program.dims[dim].maximum : 0;
  for (const SolveStep &step : model.solution)
    if (heed_status status = solve(program, step, inputs[step.input].shape[step.axis], dims))
      return status;
  for (int32_t i = 0; i < program.input_count; ++i)
    for (int32_t axis = 0; axis < program.inputs[i].rank; ++axis) {
      const heed_size &size = program.inputs[i].shape[axis];
      int64_t expected, found = inputs[i].shape[axis];
      if (!evaluate(size, dims, expected))
        return wrongSize(program, program.inputs[i], axis, found, "input");
      if (found != expected)
        return contradiction(model, i, axis, found, expected);
    }
  return HEED_OK;
}

/// Compiled code reads a boolean as one bit; any other byte would mean different things to different instructions.
heed_status checkBooleans(const heed_tensor_info &info, const heed_tensor &tensor) {
  int64_t count;
  const auto *bytes = static_cast<const uint8_t *>(tensor.data);
  if (info.dtype != HEED_BOOL || (tensor.dtype & HEED_ON_DEVICE) || !countElements(tensor.shape, info.rank, count))
    return HEED_OK;
  for (int64_t i = 0; i < count; ++i)
    if (bytes[i] > 1)
      return fail(HEED_E_ARGUMENT, "element %lld of input '%s' is %d, expected 0 or 1", static_cast<long long>(i),
                  info.name, bytes[i]);
  return HEED_OK;
}

} // namespace

heed_status checkParam(const heed_program &program, const heed_tensor_info &info, const heed_tensor &value) {
  heed_status status = checkTypeAndRank(program, info, value, "parameter", true, false);
  if (!status)
    status = checkConstantSizes(program, info, value, "parameter");
  return status ? status : checkMemory(info, value.data, value.shape, "parameter");
}

heed_status checkInputs(const heed_model &model, const heed_tensor *inputs, int64_t *dims, bool needData) {
  const heed_program &program = *model.program;
  for (int32_t i = 0; i < program.input_count; ++i) {
    const heed_tensor_info &info = program.inputs[i];
    heed_status status = checkTypeAndRank(program, info, inputs[i], "input", needData, model.device.isOpen());
    if (!status)
      status = checkConstantSizes(program, info, inputs[i], "input");
    if (status)
      return status;
  }
  if (heed_status status = findDims(model, inputs, dims))
    return status;
  for (int32_t i = 0; i < program.input_count && needData; ++i) {
    heed_status status = checkMemory(program.inputs[i], inputs[i].data, inputs[i].shape, "input");
    if (!status)
      status = checkBooleans(program.inputs[i], inputs[i]);
    if (status)
      return status;
  }
  return HEED_OK;
}

heed_status checkOutputs(const heed_model &model, const heed_tensor *outputs, const int64_t *dims) {
  const heed_program &program = *model.program;
  for (int32_t i = 0; i < program.output_count; ++i) {
    const heed_tensor_info &info = program.outputs[i];
    if (heed_status status = checkTypeAndRank(program, info, outputs[i], "output", true, model.device.isOpen()))
      return status;
    int64_t needed[HEED_MAX_RANK];
    if (!evaluateShape(info, dims, needed))
      return fail(HEED_E_SHAPE, "output '%s' of shape %s does not fit in memory", info.name,
                  declaredShapeText(program, info).get());
    for (int32_t axis = 0; axis < info.rank; ++axis) {
      if (needed[axis] < 0)
        return fail(HEED_E_SHAPE, "axis %d of output '%s' would be %s = %lld", axis, info.name,
                    sizeText(program, info.shape[axis]).get(), static_cast<long long>(needed[axis]));
      if (outputs[i].shape[axis] < needed[axis])
        return fail(HEED_E_SHAPE, "output '%s' has room for %s, needs %s", info.name,
                    shapeText(outputs[i].shape, info.rank).get(), shapeText(needed, info.rank).get());
    }
    if (heed_status status = checkMemory(info, outputs[i].data, needed, "output"))
      return status;
  }
  return HEED_OK;
}

heed_status checkOverlap(const heed_program &program, Array<Span> &spans) {
  std::sort(spans.begin(), spans.end(), [](const Span &a, const Span &b) { return a.begin < b.begin; });
  // The spans seen so far that reach furthest: of all, and of the outputs alone.
  const Span *furthest = nullptr, *furthestOutput = nullptr;
  for (const Span &span : spans) {
    const Span *other = span.output ? furthest : furthestOutput;
    if (other && span.begin < other->end) {
      const Span &output = span.output ? span : *other, &second = span.output ? *other : span;
      fail(HEED_E_OVERLAP, "output '%s' overlaps %s '%s'", program.outputs[output.index].name,
           second.output ? "output" : "input", (second.output ? program.outputs : program.inputs)[second.index].name);
      if (output.example != second.example || output.example > 0)
        prefixWithExample(output.example);
      return HEED_E_OVERLAP;
    }
    if (!furthest || span.end > furthest->end)
      furthest = &span;
    if (span.output && (!furthestOutput || span.end > furthestOutput->end))
      furthestOutput = &span;
  }
  return HEED_OK;
}

} // namespace heed::runtime
