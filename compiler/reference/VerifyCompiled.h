// VerifyCompiled.h - runs a compiled model beside the interpreter on random inputs of awkward sizes, and judges it.
#pragma once

#include "compiler/check/Program.h"
#include "heed/heed.h"

#include <string>

namespace heed::reference {

/// The runtime that belongs to the compiled program: a shared library brings its own.
struct RuntimeTable {
  decltype(&heed_create) create;
  decltype(&heed_destroy) destroy;
  decltype(&heed_bind) bind;
  decltype(&heed_run) run;
  decltype(&heed_last_error) lastError;
};

struct VerifyOptions {
  size_t sizes = 8;         // how many combinations of sizes
  uint64_t seed = 1;        // the same seed draws the same sizes and values
  double maximumWork = 1e8; // scalar operations of one evaluation; larger sizes are not drawn
};

/// For each of several sizes: draws inputs and weights, runs the compiled model, applies the rule of Acceptance.h to
/// every output. Also checked: lengths ended by `until`; that data which the interpreter refuses (an index out of
/// range) is refused with HEED_E_INDEX; that results are bit-identical for 1 and 3 threads and inside a batch. Appends
/// lines for people to `report`.
bool verifyCompiled(Program const &program, heed_program const *compiled, RuntimeTable const &runtime,
                    VerifyOptions const &options, std::string &report);

/// The same for a shared library that heedc made.
bool verifyLibrary(Program const &program, std::string const &path, VerifyOptions const &options, std::string &report);

} // namespace heed::reference
