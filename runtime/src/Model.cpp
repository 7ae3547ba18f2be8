// Model.cpp - makes and destroys models.
#include "Model.h"

#include "Checks.h"
#include "Cpu.h"

#include <cstring>
#include <new>

using namespace heed::runtime;

namespace {

constexpr int32_t maximumThreads = 1024;

heed_status chooseCode(const heed_program &program, const heed_code *&chosen) {
  int32_t level = cpuLevel(), lowest = 5;
  for (int32_t i = 0; i < program.code_count; ++i) {
    if (program.codes[i].isa <= level) {
      chosen = &program.codes[i];
      return HEED_OK;
    }
    lowest = program.codes[i].isa < lowest ? program.codes[i].isa : lowest;
  }
  if (program.code_count == 0)
    return fail(HEED_E_ABI, "program '%s' has no code", program.name);
  return fail(HEED_E_CPU, "program '%s' needs %s, this CPU is %s", program.name, levelName(lowest), levelName(level));
}

heed_status build(heed_model &model, const heed_program *program, int32_t threads) {
  if (heed_status status = checkProgram(program, model.solution))
    return status;
  if (deviceCodeCount(*program) > 0) {
    if (heed_status status = model.device.open(*program))
      return status;
    model.code = &model.device.hostCode();
  } else if (heed_status status = chooseCode(*program, model.code)) {
    return status;
  }
  model.program = program;
  model.unboundCount = program->param_count;
  if (model.device.isOpen())
    threads = 1;
  if (threads == 0)
    threads = usableCpuCount();
  threads = threads > maximumThreads ? maximumThreads : threads;
  if (!model.paramData.allocate(program->param_count) || !model.prepared.allocate(model.code->prepared_bytes) ||
      !model.pool.configure(threads))
    return fail(HEED_E_MEMORY, "out of memory for model '%s'", program->name);
  if (program->param_count == 0 && model.code->prepared_bytes > 0)
    model.code->prepare(model.paramData.begin(), model.prepared.data());
  return HEED_OK;
}

void freeParams(heed_model &model) {
  if (!model.device.isOpen()) {
    for (const void *data : model.paramData)
      std::free(const_cast<void *>(data));
    return;
  }
  CurrentContext current = model.device.makeCurrent();
  for (const void *data : model.paramData)
    model.device.release(const_cast<void *>(data));
}

} // namespace

HEED_EXPORT heed_status heed_create(const heed_program *program, const heed_options *options, heed_model **model) {
  if (!program || !model)
    return fail(HEED_E_NULL, "heed_create: %s is null", !program ? "program" : "model");
  heed_options used = {};
  if (options) {
    if (options->struct_size < static_cast<int32_t>(2 * sizeof(int32_t)))
      return fail(HEED_E_ABI, "heed_options: struct_size is %d, expected %d", options->struct_size,
                  static_cast<int32_t>(sizeof used));
    used.threads = options->threads;
  }
  if (used.threads < 0)
    return fail(HEED_E_ARGUMENT, "heed_options: threads is %d, expected 0 or more", used.threads);
  void *memory = std::aligned_alloc(alignof(heed_model), (sizeof(heed_model) + alignof(heed_model) - 1) /
                                                             alignof(heed_model) * alignof(heed_model));
  if (!memory)
    return fail(HEED_E_MEMORY, "out of memory for a model");
  auto *made = new (memory) heed_model;
  heed_status status = build(*made, program, used.threads);
  if (status)
    heed_destroy(made);
  else
    *model = made;
  return status;
}

HEED_EXPORT void heed_destroy(heed_model *model) {
  if (!model)
    return;
  freeParams(*model);
  model->~heed_model();
  std::free(model);
}

HEED_EXPORT const heed_program *heed_program_of(const heed_model *model) { return model ? model->program : nullptr; }
