// Evaluate.h - the reference interpreter: a checked program evaluated literally, in f64. Slow, readable, and the oracle of every
// test: it shares no pass with the compiler.
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
  std::string error;                      // "" on success; e.g. an index out of range, naming the tensor and the index
  std::vector<Array> outputs;             // in Program::outputs order; lengths ended by `until` are cut
  std::vector<std::pair<std::string, int64_t>> dims; // the value of every dim
};

enum class Precision {
  F64, // the oracle
  F32, // every operation rounded to f32, sums left to right: the "plain f32" of the acceptance rule
};

/// Evaluates `program` for one example. `inputs` in Program::inputs order, `params` in Program::params order; shapes are checked and
/// determine the dims. `keep` names further tensors to return in `kept` (for debugging and probes).
Result evaluate(Program const &program, std::vector<Array> const &inputs, std::vector<Array> const &params,
                Precision precision = Precision::F64, std::map<std::string, Array> *kept = nullptr);

} // namespace heed::reference
