// Checks.h - everything that is checked about a caller's arrays before any compiled code runs.
#pragma once

#include "Model.h"

namespace heed::runtime {

/// Bytes of one element; 0 for an unknown type.
int64_t elementSize(int32_t dtype);

/// Product of the sizes, 0 if any is 0. False: a size is negative or the product is too large for memory.
bool countElements(const int64_t *shape, int32_t rank, int64_t &count);
/// The same in bytes.
bool countBytes(const int64_t *shape, int32_t rank, int32_t dtype, int64_t &bytes);

/// constant + sum of coefficient * dims[dim]. False: overflow.
bool evaluate(const heed_size &size, const int64_t *dims, int64_t &value);
bool evaluateShape(const heed_tensor_info &info, const int64_t *dims, int64_t *shape);

/// Copies target[shape] = source[0:shape] of an array source[room]. In place too: no element moves to a higher
/// address.
void copyCorner(char *target, const char *source, const int64_t *shape, const int64_t *room, int32_t rank,
                int64_t size);

/// 0 for programs from before there were kernels.
int64_t deviceCodeCount(const heed_program &program);

/// The descriptor itself, and the order in which input shapes determine the sizes.
heed_status checkProgram(const heed_program *program, Array<SolveStep> &solution);

/// One array against a constant shape, for parameters.
heed_status checkParam(const heed_program &program, const heed_tensor_info &info, const heed_tensor &value);

/// All inputs of one example; finds `dims`. `needData` is false where only the shapes matter.
heed_status checkInputs(const heed_model &model, const heed_tensor *inputs, int64_t *dims, bool needData = true);

/// All outputs of one example against the sizes in `dims`.
heed_status checkOutputs(const heed_model &model, const heed_tensor *outputs, const int64_t *dims);

/// Bytes somebody reads or writes.
struct Span {
  uintptr_t begin, end;
  int64_t example;
  int32_t index;
  bool output;
};
/// That no output overlaps anything else. Sorts `spans`.
heed_status checkOverlap(const heed_program &program, Array<Span> &spans);

} // namespace heed::runtime
