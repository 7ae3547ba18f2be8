// Values.h - the values on the command line as arrays.
#pragma once

#include "compiler/tools/heed-run/Arguments.h"
#include "compiler/tools/heed-run/Npy.h"
#include "compiler/tools/heed-run/Signature.h"

namespace heed::run {

/// The inputs of one example, in the model's order.
using Example = std::vector<Array>;

/// The inputs of every example of the batch. A repeated name gives one value to each example, a single one is for all.
std::vector<Example> readInputs(Signature const &signature, Arguments const &arguments);

/// Values of `--param`, by position of the parameter; `allBound`: a weights file gives a value to all, so that `*` has
/// nothing left.
std::vector<std::pair<size_t, Array>> readParams(Signature const &signature, Arguments const &arguments, bool allBound);

/// The characters of an alphabet.
std::vector<std::string> charactersOf(std::string const &alphabet);
/// The characters that values stand for; U+FFFD for a value outside the alphabet.
std::vector<std::string> decode(std::string const &alphabet, Array const &values);

} // namespace heed::run
