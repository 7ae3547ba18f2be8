// Storage.h - the elements of one tensor during an evaluation, and which of them are defined.
#pragma once

#include "compiler/reference/Evaluate.h"

#include <stdexcept>

namespace heed::reference {

/// Ends an evaluation; its text becomes Result::error.
struct EvaluationError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Subscripts of axis k run over [low[k], low[k] + extent[k]): `low` is negative only on the time axis of a running
/// recurrence, whose elements before the first step hold the Start values.
struct Storage {
  bool ready = false;
  std::vector<int64_t> low, extent, stride;
  std::vector<double> data;
  std::vector<uint8_t> defined; // one flag per element; empty: all are defined

  /// Makes room for a tensor; throws EvaluationError if that is more than an interpreter should hold.
  void allocate(std::string const &name, std::vector<int64_t> low, std::vector<int64_t> extent, bool partial);
  /// The elements with subscripts in [0, shape[k]); undefined ones are NaN.
  Array cut(std::vector<int64_t> const &shape) const;
  /// Keeps only subscripts [0, length) of `axis`.
  void trim(size_t axis, int64_t length);
  /// Position in `data` of the first element that is in `cut(shape)` and not defined, or -1.
  int64_t firstUndefined(std::vector<int64_t> const &shape) const;
};

/// The number of elements of `shape`; throws EvaluationError if it is unreasonably large.
int64_t elementCount(std::string const &name, std::vector<int64_t> const &shape);

/// Calls visit(position in row-major order of `shape`, subscripts) for every element.
template <typename Visit>
void forEachElement(std::vector<int64_t> const &shape, Visit visit) {
  for (int64_t extent : shape)
    if (extent <= 0)
      return;
  std::vector<int64_t> subscripts(shape.size(), 0);
  for (int64_t position = 0;; ++position) {
    visit(position, subscripts);
    size_t axis = shape.size();
    while (axis > 0 && ++subscripts[axis - 1] == shape[axis - 1])
      subscripts[--axis] = 0;
    if (axis == 0)
      return;
  }
}

} // namespace heed::reference
