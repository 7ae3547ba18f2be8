// Npy.h - arrays in NumPy's .npy files.
#pragma once

#include "compiler/reference/Evaluate.h"
#include "heed/program.h"

#include <string>

namespace heed::run {

using reference::Array;

/// An array of any real, integer or boolean type, in C order. `integral` says whether the file holds integers.
/// Throws Failure.
Array readNpy(std::string const &path, bool &integral);

/// Writes the array with the element type of the model; bf16 as f32.
void writeNpy(std::string const &path, Array const &array, heed_dtype dtype);

} // namespace heed::run
