// Buffers.h - arrays of f64 to and from the element types of the C ABI.
#pragma once

#include "compiler/reference/Evaluate.h"
#include "heed/heed.h"

namespace heed::reference {

/// Owns the bytes that a heed_tensor points to.
struct Buffer {
  std::vector<unsigned char> bytes;
  heed_tensor tensor{};
};

heed_dtype dtypeOf(Element element);

/// `array` as elements of `element`. Rank above HEED_MAX_RANK is not representable and must not be asked for.
Buffer encode(Element element, Array const &array);
/// Room for an array of this shape, filled with a pattern.
Buffer room(Element element, std::vector<int64_t> const &shape);
/// How many of the bytes the tensor's present shape uses.
size_t usedBytes(Element element, Buffer const &buffer);
/// The elements of `buffer` at the shape its tensor now has.
Array decode(Element element, Buffer const &buffer);

} // namespace heed::reference
