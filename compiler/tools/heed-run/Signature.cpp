// Signature.cpp - what a model takes and returns, from a compiled library or from a checked program.
#include "compiler/tools/heed-run/Signature.h"

#include <fmt/format.h>

namespace heed::run {

namespace {

std::vector<TensorSignature> tensorsOf(heed_tensor_info const *infos, int32_t count) {
  std::vector<TensorSignature> result;
  for (int32_t i = 0; i < count; ++i) {
    TensorSignature tensor{infos[i].name, infos[i].from, infos[i].alphabet, heed_dtype(infos[i].dtype), {}};
    for (int32_t axis = 0; axis < infos[i].rank; ++axis) {
      heed_size const &size = infos[i].shape[axis];
      Size copy{size.constant, {}};
      for (int64_t term = 0; term < size.term_count; ++term)
        copy.terms.push_back({DimId(size.terms[term].dim), size.terms[term].coefficient});
      tensor.shape.push_back(std::move(copy));
    }
    result.push_back(std::move(tensor));
  }
  return result;
}

heed_dtype dtypeOf(Element element) {
  switch (element) {
  case Element::F32:
    return HEED_F32;
  case Element::F64:
    return HEED_F64;
  case Element::F16:
    return HEED_F16;
  case Element::BF16:
    return HEED_BF16;
  case Element::I32:
    return HEED_I32;
  case Element::I8:
    return HEED_I8;
  case Element::Bool:
    break;
  }
  return HEED_BOOL;
}

std::vector<TensorSignature> tensorsOf(Program const &program, std::vector<TensorId> const &ids) {
  std::vector<TensorSignature> result;
  for (TensorId id : ids) {
    Tensor const &tensor = program.tensors[id];
    result.push_back({tensor.name, tensor.from, tensor.alphabet, dtypeOf(tensor.element), tensor.shape});
  }
  return result;
}

std::string sizeText(Signature const &signature, Size const &size) {
  std::string text;
  for (Size::Term const &term : size.terms) {
    std::string name = signature.dims[term.dim].name;
    int64_t magnitude = term.coefficient < 0 ? -term.coefficient : term.coefficient;
    text += term.coefficient < 0 ? (text.empty() ? "-" : " - ") : (text.empty() ? "" : " + ");
    text += magnitude == 1 ? name : fmt::format("{}*{}", magnitude, name);
  }
  if (text.empty())
    return fmt::format("{}", size.constant);
  if (size.constant)
    text += fmt::format(" {} {}", size.constant < 0 ? '-' : '+', size.constant < 0 ? -size.constant : size.constant);
  return text;
}

std::string quoted(std::string const &text) {
  std::string result = "\"";
  for (char c : text)
    result += c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '"' ? "\\\"" : c == '\\' ? "\\\\" : std::string(1, c);
  return result + "\"";
}

} // namespace

Signature signatureOf(heed_program const &program) {
  Signature result;
  result.name = program.name;
  for (int32_t i = 0; i < program.dim_count; ++i) {
    heed_dim_info const &info = program.dims[i];
    Dim dim;
    dim.name = info.name;
    dim.maximum = info.maximum;
    dim.minimum = info.minimum;
    dim.fromUntil = info.from_until != 0;
    result.dims.push_back(std::move(dim));
  }
  result.inputs = tensorsOf(program.inputs, program.input_count);
  result.outputs = tensorsOf(program.outputs, program.output_count);
  result.params = tensorsOf(program.params, program.param_count);
  return result;
}

Signature signatureOf(Program const &program) {
  return {program.name, program.dims, tensorsOf(program, program.inputs), tensorsOf(program, program.outputs),
          tensorsOf(program, program.params)};
}

char const *typeName(heed_dtype dtype) {
  static char const *const names[] = {"f32", "f64", "f16", "bf16", "i32", "i8", "bool"};
  return names[dtype];
}

std::string describe(Signature const &signature, TensorSignature const &tensor) {
  std::string text = tensor.name + ": " + typeName(tensor.dtype);
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis)
    text += (axis ? ", " : "[") + sizeText(signature, tensor.shape[axis]);
  return text + (tensor.shape.empty() ? "" : "]");
}

std::string describe(Signature const &signature) {
  std::string text = "model " + signature.name + "\n";
  auto list = [&](char const *title, std::vector<TensorSignature> const &tensors) {
    for (TensorSignature const &tensor : tensors) {
      text += fmt::format("  {:<8}{}", title, describe(signature, tensor));
      if (tensor.isText())
        text += "  text " + quoted(tensor.alphabet);
      if (!tensor.from.empty() && tensor.from != tensor.name)
        text += "  from " + quoted(tensor.from);
      text += "\n";
    }
  };
  list("input", signature.inputs);
  list("result", signature.outputs);
  list("param", signature.params);
  if (!signature.params.empty()) {
    int64_t numbers = 0;
    for (TensorSignature const &param : signature.params) {
      int64_t product = 1; // parameters have constant shapes
      for (Size const &axis : param.shape)
        product *= axis.constant;
      numbers += product;
    }
    text += fmt::format("  {:<8}{} numbers in {} tensors\n", "params", numbers, signature.params.size());
  }
  for (Dim const &dim : signature.dims) {
    text += fmt::format("  {:<8}{}", "size", dim.name);
    if (dim.minimum > 0)
      text += fmt::format(" >= {}", dim.minimum);
    if (dim.maximum >= 0)
      text += fmt::format(" <= {}", dim.maximum);
    text += dim.fromUntil ? ", set by the run\n" : "\n";
  }
  return text;
}

std::string namesOf(std::vector<TensorSignature> const &tensors) {
  std::string text;
  for (TensorSignature const &tensor : tensors)
    text += (text.empty() ? "" : ", ") + tensor.name;
  return text.empty() ? "none" : text;
}

} // namespace heed::run
