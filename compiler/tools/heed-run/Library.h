// Library.h - a compiled model in a shared library, run by the runtime inside that library.
#pragma once

#include "compiler/tools/heed-run/Signature.h"
#include "compiler/tools/heed-run/Values.h"
#include "heed/heed.h"

#include <memory>

namespace heed::run {

class Library {
public:
  /// Loads the library and makes a model. Throws Failure, as all functions here do.
  Library(std::string const &path, int threads);
  Library(Library const &) = delete;
  Library &operator=(Library const &) = delete;
  ~Library();

  Signature const &signature() const { return described; }
  void bindFile(std::string const &path);
  void bind(std::string const &name, heed_dtype dtype, Array const &value);
  /// The results of each example, in the model's order.
  std::vector<Example> run(std::vector<Example> const &examples);

private:
  template <typename F>
  F symbol(char const *name);
  void check(heed_status status);

  std::string path;
  void *handle = nullptr;
  heed_model *model = nullptr;
  Signature described;

  decltype(&heed_destroy) destroy = nullptr;
  decltype(&heed_bind) bindOne = nullptr;
  decltype(&heed_bind_file) bindAll = nullptr;
  decltype(&heed_output_shape) outputShape = nullptr;
  decltype(&heed_run) runBatch = nullptr;
  decltype(&heed_last_error) lastError = nullptr;
};

} // namespace heed::run
