// Storage.cpp - allocation, cutting and trimming of evaluated tensors.
#include "compiler/reference/Storage.h"

#include <fmt/format.h>

#include <limits>

namespace heed::reference {

/// 8 GiB of f64: far above what anybody would interpret, far below what overflows.
constexpr int64_t MaximumElements = int64_t(1) << 30;

int64_t elementCount(std::string const &name, std::vector<int64_t> const &shape) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      throw EvaluationError(fmt::format("'{}' would have an axis of size {}", name, extent));
    empty |= extent == 0;
  }
  if (empty)
    return 0;
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(count, extent, &count) || count > MaximumElements)
      throw EvaluationError(fmt::format("'{}' is too large for the reference interpreter", name));
  return count;
}

void Storage::allocate(std::string const &name, std::vector<int64_t> lows, std::vector<int64_t> extents, bool partial) {
  int64_t count = elementCount(name, extents);
  low = std::move(lows);
  extent = std::move(extents);
  stride.assign(extent.size(), 1);
  for (size_t axis = extent.size(); count > 0 && axis-- > 1;)
    stride[axis - 1] = stride[axis] * extent[axis];
  data.assign(count, 0.0);
  defined.assign(partial ? count : 0, 0);
  ready = true;
}

static int64_t positionOf(Storage const &storage, std::vector<int64_t> const &subscripts) {
  int64_t position = 0;
  for (size_t axis = 0; axis < subscripts.size(); ++axis)
    position += (subscripts[axis] - storage.low[axis]) * storage.stride[axis];
  return position;
}

Array Storage::cut(std::vector<int64_t> const &shape) const {
  Array result{shape, {}};
  forEachElement(shape, [&](int64_t, std::vector<int64_t> const &subscripts) {
    int64_t position = positionOf(*this, subscripts);
    bool known = defined.empty() || defined[position];
    result.data.push_back(known ? data[position] : std::numeric_limits<double>::quiet_NaN());
  });
  return result;
}

int64_t Storage::firstUndefined(std::vector<int64_t> const &shape) const {
  int64_t found = -1;
  if (!defined.empty())
    forEachElement(shape, [&](int64_t, std::vector<int64_t> const &subscripts) {
      int64_t position = positionOf(*this, subscripts);
      if (found < 0 && !defined[position])
        found = position;
    });
  return found;
}

void Storage::trim(size_t axis, int64_t length) {
  Storage result;
  std::vector<int64_t> shape = extent, lows = low;
  shape[axis] = length;
  lows[axis] = 0;
  result.allocate("", lows, shape, true);
  bool whole = true;
  forEachElement(shape, [&](int64_t position, std::vector<int64_t> const &subscripts) {
    int64_t from = positionOf(*this, subscripts);
    result.data[position] = data[from];
    result.defined[position] = defined.empty() || defined[from];
    whole &= result.defined[position] != 0;
  });
  if (whole)
    result.defined.clear();
  *this = std::move(result);
}

} // namespace heed::reference
