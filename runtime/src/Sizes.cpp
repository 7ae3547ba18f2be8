// Sizes.cpp - sizes of elements, arrays and affine shapes, without overflow; copies between array shapes.
#include "Checks.h"

#include <cstring>

namespace heed::runtime {

int64_t elementSize(int32_t dtype) {
  switch (dtype) {
  case HEED_F64:
    return 8;
  case HEED_F32:
  case HEED_I32:
    return 4;
  case HEED_F16:
  case HEED_BF16:
    return 2;
  case HEED_I8:
  case HEED_BOOL:
    return 1;
  }
  return 0;
}

bool countElements(const int64_t *shape, int32_t rank, int64_t &count) {
  bool empty = false;
  for (int32_t axis = 0; axis < rank; ++axis) {
    if (shape[axis] < 0)
      return false;
    empty |= shape[axis] == 0;
  }
  count = empty ? 0 : 1;
  for (int32_t axis = 0; axis < rank && !empty; ++axis)
    if (!multiplyChecked(count, shape[axis], count))
      return false;
  return true;
}

bool countBytes(const int64_t *shape, int32_t rank, int32_t dtype, int64_t &bytes) {
  return countElements(shape, rank, bytes) && multiplyChecked(bytes, elementSize(dtype), bytes) && bytes <= PTRDIFF_MAX;
}

bool evaluate(const heed_size &size, const int64_t *dims, int64_t &value) {
  value = size.constant;
  for (int64_t i = 0; i < size.term_count; ++i) {
    int64_t term;
    if (!multiplyChecked(size.terms[i].coefficient, dims[size.terms[i].dim], term) || !addChecked(value, term, value))
      return false;
  }
  return true;
}

bool evaluateShape(const heed_tensor_info &info, const int64_t *dims, int64_t *shape) {
  for (int32_t axis = 0; axis < info.rank; ++axis)
    if (!evaluate(info.shape[axis], dims, shape[axis]))
      return false;
  return true;
}

void copyCorner(char *target, const char *source, const int64_t *shape, const int64_t *room, int32_t rank,
                int64_t size) {
  // Trailing axes that are complete move as one block, together with the first that is not.
  int32_t outer = rank;
  int64_t block = size, stride = size;
  for (bool complete = true; outer > 0 && complete; --outer) {
    block *= shape[outer - 1];
    stride *= room[outer - 1];
    complete = shape[outer - 1] == room[outer - 1];
  }
  int64_t rows = 1;
  for (int32_t axis = 0; axis < outer; ++axis)
    rows *= shape[axis];
  if (block == 0 || rows == 0 || (target == source && rows == 1))
    return;
  int64_t position[HEED_MAX_RANK] = {};
  for (int64_t row = 0; row < rows; ++row) {
    int64_t from = 0;
    for (int32_t axis = 0; axis < outer; ++axis)
      from = from * room[axis] + position[axis];
    std::memmove(target + row * block, source + from * stride, static_cast<size_t>(block));
    for (int32_t axis = outer - 1; axis >= 0 && ++position[axis] == shape[axis]; --axis)
      position[axis] = 0;
  }
}

} // namespace heed::runtime
