// Evaluate.h - the reference interpreter: checked programs evaluated literally, in f64.
//
// Slow, readable, and the oracle of every test: it shares no pass with the compiler.
#pragma once

#include "compiler/check/Program.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace heed::reference {

/// A dense row-major array of f64 (integers and booleans are exact in it).
struct Array {
  std::vector<int64_t> shape;
  std::vector<double> data;
};

struct Result {
  std::string error;          // "" on success; e.g. an index out of range, naming the tensor and the index
  std::vector<Array> outputs; // in Program::outputs order; lengths ended by `until` are cut
  std::vector<std::pair<std::string, int64_t>> dims; // the value of every dim
};

enum class Precision {
  F64,       // the oracle
  F32,       // every operation rounded to f32, sums left to right: the "plain f32" of the acceptance rule
  F32Random, // as F32, but every rounding goes up or down at random (unbiased): a sample of what rounding can do to a
             // result
};

/// Evaluates `program` for one example. `inputs` in Program::inputs order, `params` in Program::params order; shapes
/// are checked and determine the dims; values are first rounded to the declared element type. `kept` names further
/// tensors to return (for debugging and probes): the value of each key is replaced, elements outside a definition's
/// domain are NaN. `seed` is for F32Random.
///
/// Never crashes on any program or data. An index out of range is reported with the tensor, the subscript and the size;
/// when the program claims that it could not happen (P4, P5 of Program.h), the message starts with "internal error".
Result evaluate(Program const &program, std::vector<Array> const &inputs, std::vector<Array> const &params,
                Precision precision = Precision::F64, std::map<std::string, Array> *kept = nullptr, uint64_t seed = 0);

/// `value` as an array of `element` stores it: rounded to f32, f16 or bf16; unchanged otherwise.
double roundTo(Element element, double value);

} // namespace heed::reference
