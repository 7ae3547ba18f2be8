// Signature.h - what a model takes and returns, from a compiled library or from a checked program.
#pragma once

#include "compiler/check/Program.h"
#include "heed/program.h"

#include <string>
#include <vector>

namespace heed::run {

struct TensorSignature {
  std::string name, from, alphabet;
  heed_dtype dtype = HEED_F32;
  std::vector<Size> shape;
  bool isText() const { return !alphabet.empty(); }
  bool isReal() const { return dtype <= HEED_BF16; }
};

struct Signature {
  std::string name;
  std::vector<Dim> dims;
  std::vector<TensorSignature> inputs, outputs, params;
};

Signature signatureOf(heed_program const &program);
Signature signatureOf(Program const &program);

char const *typeName(heed_dtype dtype);
/// `x: f32[n, 64]`
std::string describe(Signature const &signature, TensorSignature const &tensor);
/// The whole model, one line for each input, result, parameter and size.
std::string describe(Signature const &signature);

/// Names joined for a message: `a, b, c`.
std::string namesOf(std::vector<TensorSignature> const &tensors);

} // namespace heed::run
