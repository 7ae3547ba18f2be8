// Source.h - a .heed file: compiled to a library that exists while it is loaded, or evaluated by the reference
// interpreter.
#pragma once

#include "compiler/tools/heed-run/Library.h"

namespace heed::run {

/// Compiles the model for this machine and loads it. Messages of the compiler go to stderr. Throws Failure.
std::unique_ptr<Library> compileAndLoad(Arguments const &arguments, char const *tool);

/// Parses and checks the model.
Program checkModel(Arguments const &arguments, char const *tool);

/// What --probe can name.
std::vector<std::string> definitionsOf(Arguments const &arguments, char const *tool);

/// Evaluates the equations in f64. Parameters come from the weights file and from `params`; both have the model's
/// element types.
std::vector<Example> evaluate(Program const &program, Signature const &signature, std::string const &weights,
                              std::vector<std::pair<size_t, Array>> const &params,
                              std::vector<Example> const &examples);

} // namespace heed::run
