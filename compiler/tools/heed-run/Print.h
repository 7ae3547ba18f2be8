// Print.h - results as text and as JSON.
#pragma once

#include "compiler/tools/heed-run/Values.h"

namespace heed::run {

/// Text without the control characters that end it, for a line of its own.
std::string shownText(TensorSignature const &tensor, Array const &values);

/// `[[1, 2.5], [3, 4]]`; with `lines`, a row on each line.
std::string valuesText(TensorSignature const &tensor, Array const &values, bool lines);
/// What there is to say in one line: all of a few values; else shape, range and mean.
std::string summary(Array const &values, TensorSignature const &tensor);

/// {"model": ..., "examples": [{"target": {"type", "shape", "values", "text"}, ...}, ...]}. What JSON has no number for
/// is one of the strings "NaN", "Infinity", "-Infinity".
std::string json(Signature const &signature, std::vector<Example> const &results);

} // namespace heed::run
