// Reference.cpp - runs a checked model in the reference interpreter.
#include "compiler/tools/heed-run/Elements.h"
#include "compiler/tools/heed-run/Source.h"

#include <fmt/format.h>

namespace heed::run {

namespace {

/// The values of all parameters, read and checked by the runtime as it would for compiled code: a program is described
/// to it that has the model's parameters and whose code only looks at them.
class ParamReader {
public:
  explicit ParamReader(Signature const &signature) : signature(signature) {
    size_t axes = 0;
    for (TensorSignature const &tensor : signature.params)
      axes += tensor.shape.size();
    sizes.reserve(axes);
    for (TensorSignature const &tensor : signature.params) {
      infos.push_back({tensor.name.c_str(), tensor.from.c_str(), "", sizes.data() + sizes.size(),
                       int32_t(tensor.shape.size()), tensor.dtype});
      for (Size const &size : tensor.shape)
        sizes.push_back({size.constant, nullptr, 0});
    }
    program.struct_size = sizeof program;
    program.abi = HEED_ABI;
    program.name = signature.name.c_str();
    program.params = infos.data();
    program.param_count = int32_t(infos.size());
    program.codes = &code;
    program.code_count = 1;
    check(heed_create(&program, nullptr, &model));
  }
  ParamReader(ParamReader const &) = delete;
  ParamReader &operator=(ParamReader const &) = delete;
  ~ParamReader() { heed_destroy(model); }

  void bindFile(std::string const &path) { check(heed_bind_file(model, path.c_str())); }
  void bind(size_t param, Array const &value) {
    std::string bytes = toBytes(value.data, signature.params[param].dtype);
    std::vector<double> memory((bytes.size() + 7) / 8);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char *>(memory.data()));
    heed_tensor tensor{};
    tensor.data = memory.data();
    tensor.dtype = signature.params[param].dtype;
    tensor.rank = int32_t(value.shape.size());
    if (tensor.rank > HEED_MAX_RANK)
      throw Failure(fmt::format("'{}' has {} axes", signature.params[param].name, tensor.rank));
    std::copy(value.shape.begin(), value.shape.end(), tensor.shape);
    check(heed_bind(model, signature.params[param].name.c_str(), &tensor));
  }
  std::vector<Array> values() {
    check(heed_run(model, 1, nullptr, nullptr));
    std::vector<Array> result;
    for (size_t i = 0; i < infos.size(); ++i) {
      Array array;
      size_t count = 1;
      for (Size const &size : signature.params[i].shape) {
        array.shape.push_back(size.constant);
        count *= size_t(size.constant);
      }
      array.data = fromBytes(seen[i], count, signature.params[i].dtype);
      result.push_back(std::move(array));
    }
    return result;
  }

private:
  static void check(heed_status status) {
    if (status != HEED_OK)
      throw Failure(heed_last_error());
  }
  static int32_t look(heed_frame const *frame) {
    seen = frame->params;
    return 0;
  }

  static void const *const *seen;
  Signature const &signature;
  std::vector<heed_size> sizes;
  std::vector<heed_tensor_info> infos;
  heed_code code{0, 0, 0, nullptr, nullptr, look};
  heed_program program{};
  heed_model *model = nullptr;
};
void const *const *ParamReader::seen = nullptr;

} // namespace

std::vector<Example> evaluate(Program const &program, Signature const &signature, std::string const &weights,
                              std::vector<std::pair<size_t, Array>> const &params,
                              std::vector<Example> const &examples) {
  ParamReader reader(signature);
  if (!weights.empty())
    reader.bindFile(weights);
  for (auto const &[index, value] : params)
    reader.bind(index, value);
  std::vector<Array> values = reader.values();
  std::vector<Example> results;
  for (size_t b = 0; b < examples.size(); ++b) {
    // What compiled code would see: inputs rounded to their element type.
    std::vector<Array> inputs = examples[b];
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::string bytes = toBytes(inputs[i].data, signature.inputs[i].dtype);
      inputs[i].data = fromBytes(bytes.data(), inputs[i].data.size(), signature.inputs[i].dtype);
    }
    reference::Result result = reference::evaluate(program, inputs, values);
    if (!result.error.empty())
      throw Failure(examples.size() > 1 ? fmt::format("example {}: {}", b, result.error) : result.error);
    results.push_back(std::move(result.outputs));
  }
  return results;
}

} // namespace heed::run
