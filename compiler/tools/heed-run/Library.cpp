// Library.cpp - a compiled model in a shared library, run by the runtime inside that library.
#include "compiler/tools/heed-run/Library.h"

#include "compiler/tools/heed-run/Elements.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace heed::run {

namespace {

/// An array in the form of the C interface, with the memory it points to.
struct Buffer {
  std::vector<double> memory; // aligned for every element type
  heed_tensor tensor{};

  Buffer(heed_dtype dtype, std::vector<int64_t> const &shape) {
    if (shape.size() > HEED_MAX_RANK)
      throw Failure(fmt::format("a value has {} axes, expected at most {}", shape.size(), HEED_MAX_RANK));
    size_t bytes = elementSize(dtype);
    for (int64_t size : shape)
      if (size < 0 || __builtin_mul_overflow(bytes, size_t(size), &bytes) || bytes > size_t(1) << 40)
        throw Failure("a value is too large");
    memory.resize((bytes + 7) / 8);
    tensor.data = memory.data();
    tensor.dtype = dtype;
    tensor.rank = int32_t(shape.size());
    std::copy(shape.begin(), shape.end(), tensor.shape);
  }
  Buffer(heed_dtype dtype, Array const &array) : Buffer(dtype, array.shape) {
    std::string bytes = toBytes(array.data, dtype);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char *>(memory.data()));
  }
};

} // namespace

template <typename F>
F Library::symbol(char const *name) {
  void *found = dlsym(handle, name);
  if (!found)
    throw Failure(fmt::format("'{}' is not a library made by heedc: it has no {}", path, name));
  return reinterpret_cast<F>(found);
}

void Library::check(heed_status status) {
  if (status != HEED_OK)
    throw Failure(lastError());
}

Library::Library(std::string const &file, int threads) : path(file) {
  // Without a slash, dlopen would search the system's folders.
  handle = dlopen((file.find('/') == std::string::npos ? "./" + file : file).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw Failure(fmt::format("cannot load '{}': {}", file, dlerror()));
  auto program = symbol<heed_program const *(*)()>("heed_library_program")();
  destroy = symbol<decltype(destroy)>("heed_destroy");
  bindOne = symbol<decltype(bindOne)>("heed_bind");
  bindAll = symbol<decltype(bindAll)>("heed_bind_file");
  outputShape = symbol<decltype(outputShape)>("heed_output_shape");
  runBatch = symbol<decltype(runBatch)>("heed_run");
  lastError = symbol<decltype(lastError)>("heed_last_error");
  heed_options options{};
  options.struct_size = sizeof options;
  options.threads = threads;
  check(symbol<decltype(&heed_create)>("heed_create")(program, &options, &model));
  described = signatureOf(*program);
}

Library::~Library() {
  if (model)
    destroy(model);
  // The library stays loaded: whatever it started may still be running its code.
}

void Library::bindFile(std::string const &file) { check(bindAll(model, file.c_str())); }

void Library::bind(std::string const &name, heed_dtype dtype, Array const &value) {
  Buffer buffer(dtype, value);
  check(bindOne(model, name.c_str(), &buffer.tensor));
}

std::vector<Example> Library::run(std::vector<Example> const &examples) {
  std::vector<Buffer> memory;
  std::vector<heed_tensor> inputs, outputs;
  for (Example const &example : examples)
    for (size_t i = 0; i < example.size(); ++i) {
      memory.emplace_back(described.inputs[i].dtype, example[i]);
      inputs.push_back(memory.back().tensor);
    }
  for (size_t b = 0; b < examples.size(); ++b)
    for (size_t i = 0; i < described.outputs.size(); ++i) {
      heed_tensor shape{};
      check(outputShape(model, inputs.data() + b * described.inputs.size(), int32_t(i), &shape));
      memory.emplace_back(described.outputs[i].dtype, std::vector<int64_t>(shape.shape, shape.shape + shape.rank));
      outputs.push_back(memory.back().tensor);
    }
  check(runBatch(model, int64_t(examples.size()), inputs.data(), outputs.data()));
  std::vector<Example> results(examples.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    Array array{std::vector<int64_t>(outputs[i].shape, outputs[i].shape + outputs[i].rank), {}};
    size_t count = 1;
    for (int64_t size : array.shape)
      count *= size_t(size);
    array.data = fromBytes(outputs[i].data, count, heed_dtype(outputs[i].dtype));
    results[i / described.outputs.size()].push_back(std::move(array));
  }
  return results;
}

} // namespace heed::run
