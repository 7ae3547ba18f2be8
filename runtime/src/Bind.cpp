// Bind.cpp - gives parameters their values, all or none.
#include "Checks.h"
#include "Safetensors.h"

#include <cstring>

using namespace heed::runtime;

namespace {

/// New values, not yet part of the model.
class Staging {
public:
  explicit Staging(heed_model &model) : model(model) {}
  ~Staging() {
    for (Entry &entry : entries)
      std::free(entry.bytes);
  }
  Staging(const Staging &) = delete;
  Staging &operator=(const Staging &) = delete;

  /// Memory for a new value of a parameter; null if there is none left. Never null for an empty value.
  void *add(int32_t param, int64_t bytes) {
    void *memory = std::aligned_alloc(64, (static_cast<size_t>(bytes) + 64) / 64 * 64);
    if (memory && !entries.push({param, memory})) {
      std::free(memory);
      memory = nullptr;
    }
    if (!memory)
      fail(HEED_E_MEMORY, "out of memory for parameter '%s'", model.program->params[param].name);
    return memory;
  }

  /// Makes the values those of the model: all of them, or none if the GPU refuses one.
  heed_status commit() {
    if (model.device.isOpen())
      return commitOnDevice();
    for (Entry &entry : entries)
      entry.bytes = exchange(entry.param, entry.bytes);
    if (model.unboundCount == 0 && model.code->prepared_bytes > 0)
      model.code->prepare(model.paramData.begin(), model.prepared.data());
    return HEED_OK;
  }

private:
  struct Entry {
    int32_t param;
    void *bytes;
  };

  /// The old value of a parameter.
  void *exchange(int32_t param, void *value) {
    void *old = const_cast<void *>(model.paramData[param]);
    model.paramData[param] = value;
    model.unboundCount -= old == nullptr;
    return old;
  }

  heed_status commitOnDevice() {
    CurrentContext current = model.device.makeCurrent();
    Array<void *> copies;
    bool complete = copies.allocate(entries.size());
    if (!complete)
      fail(HEED_E_MEMORY, "out of memory for parameters");
    for (int64_t i = 0; complete && i < entries.size(); ++i) {
      copies[i] = model.device.upload(entries[i].bytes, bytesOf(entries[i].param));
      complete = copies[i] != nullptr;
    }
    for (int64_t i = 0; i < copies.size(); ++i)
      model.device.release(complete ? exchange(entries[i].param, copies[i]) : copies[i]);
    return complete ? HEED_OK : HEED_E_DEVICE;
  }

  int64_t bytesOf(int32_t param) const {
    int64_t shape[HEED_MAX_RANK], bytes = 0;
    evaluateShape(model.program->params[param], nullptr, shape);
    countBytes(shape, model.program->params[param].rank, model.program->params[param].dtype, bytes);
    return bytes;
  }

  heed_model &model;
  Array<Entry> entries;
};

int64_t paramBytes(const heed_tensor_info &info, int64_t *shape) {
  int64_t bytes = 0;
  evaluateShape(info, nullptr, shape); // constant, checked when the model was made
  countBytes(shape, info.rank, info.dtype, bytes);
  return bytes;
}

bool hasFrom(const heed_tensor_info &info) { return info.from[0] != 0; }

heed_status checkStored(const SafetensorsFile &file, const char *path, const heed_tensor_info &info,
                        const StoredTensor &stored, const int64_t *expected) {
  if (!canConvert(stored.type, info.dtype))
    return fail(HEED_E_DTYPE, "%s: parameter '%s' is %s, expected %s", path, info.name, file.typeName(stored),
                typeName(info.dtype));
  int64_t shape[64];
  file.shapeOf(stored, shape, 64);
  if (stored.rank != info.rank)
    return fail(HEED_E_RANK, "%s: parameter '%s' has shape %s, expected %s", path, info.name,
                shapeText(shape, stored.rank).get(), shapeText(expected, info.rank).get());
  if (info.rank > 0 && std::memcmp(shape, expected, info.rank * sizeof *shape) != 0)
    return fail(HEED_E_SHAPE, "%s: parameter '%s' has shape %s, expected %s", path, info.name,
                shapeText(shape, stored.rank).get(), shapeText(expected, info.rank).get());
  return HEED_OK;
}

/// A parameter is found under its `from` name or, in files written for this model, under its path.
const StoredTensor *findParam(const SafetensorsFile &file, const heed_tensor_info &info) {
  const StoredTensor *stored = hasFrom(info) ? file.find(info.from) : nullptr;
  return stored ? stored : file.find(info.name);
}

} // namespace

HEED_EXPORT heed_status heed_bind(heed_model *model, const char *name, const heed_tensor *value) {
  if (!model || !name || !value)
    return fail(HEED_E_NULL, "heed_bind: %s is null", !model ? "model" : !name ? "name" : "value");
  const heed_program &program = *model->program;
  Staging staging(*model);
  // A path names one parameter; several may share one name in a file.
  bool isPath = false, found = false;
  for (int32_t i = 0; i < program.param_count; ++i)
    isPath |= std::strcmp(program.params[i].name, name) == 0;
  for (int32_t i = 0; i < program.param_count; ++i) {
    const heed_tensor_info &info = program.params[i];
    if (isPath ? std::strcmp(info.name, name) != 0 : !hasFrom(info) || std::strcmp(info.from, name) != 0)
      continue;
    found = true;
    if (heed_status status = checkParam(program, info, *value))
      return status;
    int64_t shape[HEED_MAX_RANK], bytes = paramBytes(info, shape);
    void *memory = staging.add(i, bytes);
    if (!memory)
      return HEED_E_MEMORY;
    if (bytes > 0)
      std::memcpy(memory, value->data, static_cast<size_t>(bytes));
  }
  if (!found)
    return fail(HEED_E_NAME, "model '%s' has no parameter '%s'", program.name, name);
  return staging.commit();
}

HEED_EXPORT heed_status heed_bind_file(heed_model *model, const char *path) {
  if (!model || !path)
    return fail(HEED_E_NULL, "heed_bind_file: %s is null", !model ? "model" : "path");
  const heed_program &program = *model->program;
  SafetensorsFile file;
  if (heed_status status = file.open(path))
    return status;
  // Everything about the names and shapes first: reading may take long.
  int32_t missing = 0;
  const heed_tensor_info *firstMissing = nullptr;
  int64_t shape[HEED_MAX_RANK];
  for (int32_t i = 0; i < program.param_count; ++i) {
    const heed_tensor_info &info = program.params[i];
    if (const StoredTensor *stored = findParam(file, info)) {
      paramBytes(info, shape);
      if (heed_status status = checkStored(file, path, info, *stored, shape))
        return status;
    } else if (missing++ == 0) {
      firstMissing = &info;
    }
  }
  if (missing) {
    const char *name = hasFrom(*firstMissing) ? firstMissing->from : firstMissing->name;
    return missing == 1 ? fail(HEED_E_NAME, "%s: no tensor '%s'", path, name)
                        : fail(HEED_E_NAME, "%s: no tensor '%s', nor %d others", path, name, missing - 1);
  }
  Staging staging(*model);
  for (int32_t i = 0; i < program.param_count; ++i) {
    const heed_tensor_info &info = program.params[i];
    void *memory = staging.add(i, paramBytes(info, shape));
    if (!memory)
      return HEED_E_MEMORY;
    if (heed_status status = file.read(*findParam(file, info), info.dtype, memory))
      return status;
  }
  return staging.commit();
}
