// Elements.h - numbers in f64 to elements of arrays in memory and files, and back.
#pragma once

#include "heed/program.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heed::run {

/// Bytes of one element.
size_t elementSize(heed_dtype dtype);
/// The values as elements, rounded to nearest even. Integers must be in range.
std::string toBytes(std::vector<double> const &values, heed_dtype dtype);
std::vector<double> fromBytes(void const *bytes, size_t count, heed_dtype dtype);

/// An element type of .npy files: "f4", "i8", ...
struct FileElement {
  std::string_view name;
  size_t size;
  bool integral;
  double (*load)(char const *bytes); // no alignment needed
};
FileElement const *findFileElement(std::string_view name);

} // namespace heed::run
