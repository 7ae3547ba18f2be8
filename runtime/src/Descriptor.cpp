// Descriptor.cpp - checks of the program itself, once, when a model is made from it.
#include "Checks.h"

namespace heed::runtime {

int64_t deviceCodeCount(const heed_program &program) {
  bool knows = program.struct_size >= static_cast<int32_t>(sizeof(heed_program));
  return knows ? program.device_code_count : 0;
}

namespace {

heed_status damaged(const char *what) { return fail(HEED_E_ABI, "the program's description is damaged: %s", what); }

heed_status checkTensors(const heed_program &program, const heed_tensor_info *infos, int32_t count,
                         bool constantShapes) {
  for (int32_t i = 0; i < count; ++i) {
    const heed_tensor_info &info = infos[i];
    if (!info.name || !info.from || !info.alphabet)
      return damaged("a tensor has no name, weight name or alphabet");
    if (info.rank < 0 || info.rank > HEED_MAX_RANK || (info.rank > 0 && !info.shape))
      return damaged("the number of axes of a tensor");
    if (!elementSize(info.dtype))
      return damaged("the element type of a tensor");
    for (int32_t axis = 0; axis < info.rank; ++axis) {
      const heed_size &size = info.shape[axis];
      if (size.term_count < 0 || (size.term_count > 0 && (!size.terms || constantShapes)))
        return damaged("the size of an axis");
      for (int64_t term = 0; term < size.term_count; ++term)
        if (size.terms[term].dim < 0 || size.terms[term].dim >= program.dim_count || size.terms[term].coefficient == 0)
          return damaged("a term of a size");
    }
    if (constantShapes) {
      int64_t shape[HEED_MAX_RANK], bytes;
      if (!evaluateShape(info, nullptr, shape) || !countBytes(shape, info.rank, info.dtype, bytes))
        return damaged("the shape of a parameter");
    }
  }
  return HEED_OK;
}

/// Finds an order in which each step has one unknown left.
heed_status solveInputShapes(const heed_program &program, Array<SolveStep> &solution) {
  Array<uint8_t> known;
  if (!known.allocate(program.dim_count))
    return fail(HEED_E_MEMORY, "out of memory");
  for (int32_t dim = 0; dim < program.dim_count; ++dim)
    known[dim] = program.dims[dim].from_until != 0;
  for (bool progress = true; progress;) {
    progress = false;
    for (int32_t input = 0; input < program.input_count; ++input)
      for (int32_t axis = 0; axis < program.inputs[input].rank; ++axis) {
        const heed_size &size = program.inputs[input].shape[axis];
        int32_t unknowns = 0, last = 0;
        for (int32_t term = 0; term < size.term_count; ++term)
          if (!known[size.terms[term].dim]) {
            ++unknowns;
            last = term;
          }
        if (unknowns != 1)
          continue;
        int32_t dim = size.terms[last].dim;
        if (!solution.push({input, axis, dim, last}))
          return fail(HEED_E_MEMORY, "out of memory");
        known[dim] = progress = true;
      }
  }
  for (int32_t dim = 0; dim < program.dim_count; ++dim)
    if (!known[dim])
      return fail(HEED_E_ABI, "the shapes of the inputs do not determine the size '%s'", program.dims[dim].name);
  return HEED_OK;
}

} // namespace

heed_status checkProgram(const heed_program *program, Array<SolveStep> &solution) {
  if (program->abi != HEED_ABI)
    return fail(HEED_E_ABI, "the program has ABI %d, this runtime has ABI %d", program->abi, HEED_ABI);
  if (program->struct_size < static_cast<int32_t>(offsetof(heed_program, device_codes)))
    return fail(HEED_E_ABI, "the program's description has %d bytes, expected at least %d", program->struct_size,
                static_cast<int32_t>(offsetof(heed_program, device_codes)));
  const heed_program &p = *program;
  if (p.dim_count < 0 || p.input_count < 0 || p.output_count < 0 || p.param_count < 0 || p.check_count < 0 ||
      p.code_count < 0 || deviceCodeCount(p) < 0)
    return damaged("a negative count");
  if (!p.name || (p.dim_count && !p.dims) || (p.input_count && !p.inputs) || (p.output_count && !p.outputs) ||
      (p.param_count && !p.params) || (p.check_count && !p.checks) || (p.code_count && !p.codes) ||
      (deviceCodeCount(p) && !p.device_codes))
    return damaged("a list is missing");
  for (int32_t dim = 0; dim < p.dim_count; ++dim) {
    const heed_dim_info &info = p.dims[dim];
    if (!info.name || info.maximum < -1 || info.minimum < 0 || (info.maximum >= 0 && info.minimum > info.maximum) ||
        (info.from_until && info.maximum < 0))
      return damaged("the bounds of a size");
  }
  for (int32_t code = 0; code < p.code_count; ++code)
    if (!p.codes[code].run || p.codes[code].prepared_bytes < 0 ||
        (p.codes[code].prepared_bytes && !p.codes[code].prepare))
      return damaged("an entry point is missing");
  for (int64_t i = 0; i < deviceCodeCount(p); ++i) {
    const heed_device_code &code = p.device_codes[i];
    if (!code.code.run || !code.code.workspace_bytes || code.code.prepared_bytes || !code.kernels_ptx || code.kernel_count < 0 ||
        (code.kernel_count && !code.kernels))
      return damaged("an entry point or the kernels of a device are missing");
  }
  heed_status status = checkTensors(p, p.inputs, p.input_count, false);
  if (!status)
    status = checkTensors(p, p.outputs, p.output_count, false);
  if (!status)
    status = checkTensors(p, p.params, p.param_count, true);
  return status ? status : solveInputShapes(p, solution);
}

} // namespace heed::runtime
