// VerifyCompiled.cpp - the loop over sizes and seeds, and the calls of the C ABI.
#include "compiler/reference/VerifyCompiled.h"

#include "compiler/reference/Acceptance.h"
#include "compiler/reference/Buffers.h"
#include "compiler/reference/Random.h"
#include "compiler/reference/Sizes.h"
#include "compiler/reference/Storage.h"

#include <fmt/format.h>

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace heed::reference {
namespace {

/// How many draws of inputs may be undecided (Acceptance.h) before a size is given up.
constexpr int MaximumDraws = 8;

class Verification {
public:
  Verification(Program const &program, heed_program const *compiled, RuntimeTable const &runtime,
               VerifyOptions const &options, std::string &report)
      : program(program), compiled(compiled), runtime(runtime), options(options), report(report) {}

  bool run() {
    std::vector<std::vector<int64_t>> sizes = drawSizes(program, options.sizes, options.seed, options.maximumWork);
    if (sizes.empty()) {
      report += fmt::format("{}: no sizes are small enough for the reference interpreter\n", program.name);
      return false;
    }
    bool accepted = true;
    for (std::vector<int64_t> const &dims : sizes)
      accepted &= verifySize(dims);
    report += fmt::format("{}: {} at {} sizes, {} values compared\n", program.name, accepted ? "accepted" : "rejected",
                          sizes.size() - skipped, compared);
    if (skipped == sizes.size())
      return complain(fmt::format("{}: nothing could be compared", program.name));
    return accepted;
  }

private:
  using Model = std::unique_ptr<heed_model, decltype(&heed_destroy)>;

  std::string describe(std::vector<int64_t> const &dims) {
    std::string text;
    for (size_t dim = 0; dim < dims.size(); ++dim)
      if (!program.dims[dim].fromUntil)
        text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", program.dims[dim].name, dims[dim]);
    return text.empty() ? "fixed sizes" : text;
  }

  bool complain(std::string const &text) {
    report += text + "\n";
    return false;
  }

  bool verifySize(std::vector<int64_t> const &dims) {
    std::string where = describe(dims);
    bool refused = false;
    for (int draw = 0; draw < MaximumDraws; ++draw) {
      Sample sample = drawSample(program, dims, options.seed + 1000003 * draw);
      Result exact = evaluate(program, sample.inputs, sample.params);
      if (!exact.error.empty()) {
        if (exact.error.starts_with("internal error"))
          return complain(fmt::format("{}: {}", where, exact.error));
        if (!verifyRefusal(sample, dims, where, exact.error))
          return false;
        refused = true;
        continue;
      }
      std::vector<Result> samples = sampleRounding(sample, exact);
      if (isDecisive(exact, samples))
        return verifySample(sample, dims, where, exact, samples);
    }
    report += fmt::format("{}: skipped, {} in all of {} draws\n", where,
                          refused ? "the reference refuses the input" : "f32 and f64 disagree on a decision", MaximumDraws);
    ++skipped;
    return true;
  }

  /// Plain f32, and as many random roundings as a small output needs for a fair estimate.
  std::vector<Result> sampleRounding(Sample const &sample, Result const &exact) {
    size_t smallest = 24;
    for (size_t output = 0; output < exact.outputs.size(); ++output)
      if (size_t count = exact.outputs[output].data.size())
        smallest = std::min(smallest, count);
    std::vector<Result> samples{evaluate(program, sample.inputs, sample.params, Precision::F32)};
    for (size_t seed = 0; seed < std::max<size_t>(2, 24 / smallest); ++seed)
      samples.push_back(
          evaluate(program, sample.inputs, sample.params, Precision::F32Random, nullptr, options.seed + seed));
    return samples;
  }

  Element elementOf(size_t output) const { return program.tensors[program.outputs[output]].element; }

  std::vector<Array> outputSamples(std::vector<Result> const &samples, size_t output) {
    std::vector<Array> arrays;
    for (Result const &sample : samples)
      arrays.push_back(sample.outputs[output]);
    return arrays;
  }

  bool isDecisive(Result const &exact, std::vector<Result> const &samples) {
    for (Result const &sample : samples)
      if (!sample.error.empty() || sample.dims != exact.dims)
        return false;
    for (size_t output = 0; output < exact.outputs.size(); ++output)
      if (!reference::isDecisive(elementOf(output), exact.outputs[output], outputSamples(samples, output)))
        return false;
    return true;
  }

  Model create(Sample const &sample, int threads, std::string &problem) {
    heed_options settings{sizeof(heed_options), threads};
    heed_model *raw = nullptr;
    heed_status status = runtime.create(compiled, &settings, &raw);
    Model model(status == HEED_OK ? raw : nullptr, runtime.destroy);
    for (size_t param = 0; model && param < program.params.size() && status == HEED_OK; ++param) {
      Tensor const &tensor = program.tensors[program.params[param]];
      Buffer value = encode(tensor.element, sample.params[param]);
      status = runtime.bind(model.get(), tensor.name.c_str(), &value.tensor);
    }
    if (status != HEED_OK)
      problem = runtime.lastError();
    return model;
  }

  /// Outputs of `batch` equal examples, after one another.
  heed_status runBatch(heed_model *model, Sample const &sample, std::vector<int64_t> const &dims, int batch,
                       std::vector<Buffer> &outputs) {
    std::vector<Buffer> values;
    for (size_t input = 0; input < program.inputs.size(); ++input)
      values.push_back(encode(program.tensors[program.inputs[input]].element, sample.inputs[input]));
    std::vector<heed_tensor> in, out;
    outputs.clear();
    for (int example = 0; example < batch; ++example) {
      for (Buffer const &value : values)
        in.push_back(value.tensor);
      for (TensorId output : program.outputs)
        outputs.push_back(room(program.tensors[output].element, Sizes{dims}.of(program.tensors[output].shape)));
    }
    for (Buffer const &output : outputs)
      out.push_back(output.tensor);
    heed_status status = runtime.run(model, batch, in.data(), out.data());
    for (size_t index = 0; index < outputs.size(); ++index)
      outputs[index].tensor = out[index];
    return status;
  }

  bool verifyRefusal(Sample const &sample, std::vector<int64_t> const &dims, std::string const &where,
                     std::string const &error) {
    std::string problem;
    std::vector<Buffer> outputs;
    Model model = create(sample, 1, problem);
    if (!problem.empty())
      return complain(fmt::format("{}: {}", where, problem));
    heed_status status = runBatch(model.get(), sample, dims, 1, outputs);
    if (status == HEED_E_INDEX || error.find("is out of range") == std::string::npos)
      return true;
    return complain(fmt::format("{}: the interpreter says \"{}\", the compiled model returns {}", where, error,
                                static_cast<int>(status)));
  }

  bool verifySample(Sample const &sample, std::vector<int64_t> const &dims, std::string const &where,
                    Result const &exact, std::vector<Result> const &samples) {
    std::string problem;
    std::vector<Buffer> outputs, again;
    Model model = create(sample, 1, problem);
    if (problem.empty() && runBatch(model.get(), sample, dims, 1, outputs) != HEED_OK)
      problem = runtime.lastError();
    if (!problem.empty())
      return complain(fmt::format("{}: {}", where, problem));

    bool accepted = true;
    double largest = 0, plain = 0;
    for (size_t output = 0; output < exact.outputs.size(); ++output) {
      Array got = decode(elementOf(output), outputs[output]);
      Verdict verdict = accept(elementOf(output), got, exact.outputs[output], outputSamples(samples, output));
      compared += verdict.elements;
      largest = std::max(largest, verdict.largestError), plain = std::max(plain, verdict.largestSampleError);
      if (!verdict.accepted)
        report += fmt::format("{}: {}", where, verdict.report(program.tensors[program.outputs[output]].name));
      accepted &= verdict.accepted;
    }
    if (accepted)
      report += fmt::format("{}: largest error {:.2g}, of f32 {:.2g}\n", where, largest, plain);

    Model threaded = create(sample, 3, problem);
    if (problem.empty() && runBatch(threaded.get(), sample, dims, 2, again) != HEED_OK)
      problem = runtime.lastError();
    if (!problem.empty())
      return complain(fmt::format("{}, a batch of 2 on 3 threads: {}", where, problem));
    for (size_t index = 0; index < again.size(); ++index) {
      size_t output = index % outputs.size(), used = usedBytes(elementOf(output), outputs[output]);
      if (usedBytes(elementOf(output), again[index]) != used ||
          std::memcmp(again[index].bytes.data(), outputs[output].bytes.data(), used) != 0)
        accepted =
            complain(fmt::format("{}: '{}' differs between one example on 1 thread and a batch of 2 on 3 threads",
                                 where, program.tensors[program.outputs[output]].name));
    }
    return accepted;
  }

  Program const &program;
  heed_program const *compiled;
  RuntimeTable const &runtime;
  VerifyOptions const &options;
  std::string &report;
  int64_t compared = 0;
  size_t skipped = 0;  ///< sizes at which nothing was compared
};

} // namespace

bool verifyCompiled(Program const &program, heed_program const *compiled, RuntimeTable const &runtime,
                    VerifyOptions const &options, std::string &report) {
  try {
    return Verification(program, compiled, runtime, options, report).run();
  } catch (std::exception const &error) {
    report += fmt::format("{}: {}\n", program.name, error.what());
    return false;
  }
}

bool verifyLibrary(Program const &program, std::string const &path, VerifyOptions const &options, std::string &report) {
  std::unique_ptr<void, int (*)(void *)> library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), dlclose);
  auto symbol = [&]<typename Function>(char const *name, Function *&function) {
    function = library ? reinterpret_cast<Function *>(dlsym(library.get(), name)) : nullptr;
    return function != nullptr;
  };
  RuntimeTable runtime{};
  heed_program const *(*entry)(void) = nullptr;
  bool complete = symbol("heed_create", runtime.create) && symbol("heed_destroy", runtime.destroy) &&
                  symbol("heed_bind", runtime.bind) && symbol("heed_run", runtime.run) &&
                  symbol("heed_last_error", runtime.lastError) && symbol("heed_library_program", entry);
  if (!complete) {
    char const *problem = dlerror();
    report += fmt::format("cannot load '{}': {}\n", path, problem ? problem : "it is not a library made by heedc");
    return false;
  }
  return verifyCompiled(program, entry(), runtime, options, report);
}

} // namespace heed::reference
