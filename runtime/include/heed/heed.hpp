// heed.hpp - compiled models from C++17: owns what heed.h makes, throws what it reports.
//
//   heed::Model model(dates_program);
//   model.bindFile("dates.safetensors");
//   std::vector<heed::Tensor> outputs = model({heed::encode(alphabet, "3 May 79")});
//
#ifndef HEED_HEED_HPP
#define HEED_HEED_HPP

#include "heed/heed.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace heed {

/// A call failed; what() is heed_last_error().
class Error : public std::runtime_error {
public:
  Error(heed_status status, const std::string &text) : std::runtime_error(text), code(status) {}
  heed_status status() const { return code; }

private:
  heed_status code;
};

inline void check(heed_status status) {
  if (status != HEED_OK)
    throw Error(status, heed_last_error());
}

/// Elements of the 16-bit formats, by their bits: those of std::float16_t and std::bfloat16_t where there are such.
struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

template <typename T>
struct ElementType;
template <>
struct ElementType<Float16> {
  static constexpr heed_dtype value = HEED_F16;
};
template <>
struct ElementType<BFloat16> {
  static constexpr heed_dtype value = HEED_BF16;
};
template <>
struct ElementType<float> {
  static constexpr heed_dtype value = HEED_F32;
};
template <>
struct ElementType<double> {
  static constexpr heed_dtype value = HEED_F64;
};
template <>
struct ElementType<int32_t> {
  static constexpr heed_dtype value = HEED_I32;
};
template <>
struct ElementType<int8_t> {
  static constexpr heed_dtype value = HEED_I8;
};
template <>
struct ElementType<bool> {
  static constexpr heed_dtype value = HEED_BOOL;
};

/// An array that owns its elements, row-major.
class Tensor {
public:
  Tensor() : Tensor(HEED_F32, {0}) {}
  /// Zeroes.
  Tensor(heed_dtype type, const std::vector<int64_t> &shape) : view{} {
    if (shape.size() > HEED_MAX_RANK)
      throw Error(HEED_E_RANK, "a tensor has at most 8 axes");
    static const size_t sizes[] = {4, 8, 2, 2, 4, 1, 1};
    size_t bytes = sizes[type];
    view.dtype = type;
    view.rank = static_cast<int32_t>(shape.size());
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      size_t size = static_cast<size_t>(shape[axis]);
      if (shape[axis] < 0 || (size != 0 && bytes > static_cast<size_t>(-1) / 2 / size))
        throw Error(HEED_E_SHAPE, "a size is negative or too large");
      bytes *= size;
      view.shape[axis] = shape[axis];
    }
    storage.resize(bytes);
  }
  template <typename T>
  Tensor(const std::vector<int64_t> &shape, const std::vector<T> &values) : Tensor(ElementType<T>::value, shape) {
    if (values.size() * sizeof(T) != storage.size())
      throw Error(HEED_E_SHAPE, "the number of values differs from the shape");
    size_t i = 0;
    for (const T &value : values) // vector<bool> has no array inside
      data<T>()[i++] = value;
  }

  template <typename T>
  T *data() {
    return static_cast<T *>(checked(ElementType<T>::value));
  }
  template <typename T>
  const T *data() const {
    return static_cast<const T *>(const_cast<Tensor *>(this)->checked(ElementType<T>::value));
  }
  heed_dtype type() const { return static_cast<heed_dtype>(view.dtype); }
  std::vector<int64_t> shape() const { return std::vector<int64_t>(view.shape, view.shape + view.rank); }
  int64_t size() const {
    int64_t count = 1;
    for (int32_t axis = 0; axis < view.rank; ++axis)
      count *= view.shape[axis];
    return count;
  }

  /// For heed_run and its like; valid while the tensor lives.
  heed_tensor get() const {
    heed_tensor result = view;
    result.data = const_cast<unsigned char *>(storage.data());
    return result;
  }
  /// Takes over a shape that a run has written; it is not larger than the old one.
  void shrink(const heed_tensor &written) { std::memcpy(view.shape, written.shape, sizeof view.shape); }

private:
  void *checked(heed_dtype type) {
    if (type != view.dtype)
      throw Error(HEED_E_DTYPE, "the tensor has another element type");
    return storage.data();
  }
  heed_tensor view;
  std::vector<unsigned char> storage;
};

/// Text as values of an alphabet, [length].
inline Tensor encode(const char *alphabet, const std::string &text) {
  std::vector<int32_t> values(text.size());
  int64_t count = static_cast<int64_t>(values.size());
  check(heed_encode_text(alphabet, text.c_str(), values.data(), &count));
  values.resize(static_cast<size_t>(count));
  return Tensor({count}, values);
}

/// Values of an alphabet as text.
inline std::string decode(const char *alphabet, const Tensor &values) {
  std::string text(static_cast<size_t>(values.size()) * 4 + 1, '\0');
  check(heed_decode_text(alphabet, values.data<int32_t>(), values.size(), &text[0], text.size()));
  text.resize(std::strlen(text.c_str()));
  return text;
}

/// A compiled model with its parameters.
class Model {
public:
  /// threads 0: as many as the process may use.
  explicit Model(const heed_program &program, int threads = 0) {
    heed_options options{};
    options.struct_size = sizeof options;
    options.threads = threads;
    check(heed_create(&program, &options, &model));
  }
  Model(Model &&other) noexcept : model(std::exchange(other.model, nullptr)) {}
  Model &operator=(Model &&other) noexcept {
    std::swap(model, other.model);
    return *this;
  }
  ~Model() { heed_destroy(model); }

  const heed_program &program() const { return *heed_program_of(model); }
  void bind(const std::string &name, const Tensor &value) {
    heed_tensor view = value.get();
    check(heed_bind(model, name.c_str(), &view));
  }
  void bindFile(const std::string &path) { check(heed_bind_file(model, path.c_str())); }

  /// One example.
  std::vector<Tensor> operator()(const std::vector<Tensor> &inputs) const {
    return std::move(run(std::vector<std::vector<Tensor>>{inputs}).front());
  }
  /// Several, each with its own sizes: result[b] are the outputs of example b.
  std::vector<std::vector<Tensor>> run(const std::vector<std::vector<Tensor>> &batch) const {
    const size_t inputCount = static_cast<size_t>(program().input_count);
    const size_t outputCount = static_cast<size_t>(program().output_count);
    std::vector<heed_tensor> inputs, outputs;
    std::vector<std::vector<Tensor>> results(batch.size());
    for (size_t b = 0; b < batch.size(); ++b) {
      if (batch[b].size() != inputCount)
        throw Error(HEED_E_ARGUMENT, "the number of inputs differs from the model's");
      for (const Tensor &input : batch[b])
        inputs.push_back(input.get());
      for (size_t i = 0; i < outputCount; ++i) {
        heed_tensor shape{};
        check(heed_output_shape(model, inputs.data() + b * inputCount, static_cast<int32_t>(i), &shape));
        results[b].emplace_back(static_cast<heed_dtype>(shape.dtype),
                                std::vector<int64_t>(shape.shape, shape.shape + shape.rank));
        outputs.push_back(results[b].back().get());
      }
    }
    check(heed_run(model, static_cast<int64_t>(batch.size()), inputs.data(), outputs.data()));
    for (size_t b = 0; b < batch.size(); ++b)
      for (size_t i = 0; i < outputCount; ++i)
        results[b][i].shrink(outputs[b * outputCount + i]);
    return results;
  }

private:
  heed_model *model = nullptr;
};

} // namespace heed
#endif
