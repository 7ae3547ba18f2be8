// Error.h - the error text of the calling thread, and small texts for messages.
#pragma once

#include "heed/heed.h"

/// Marks a definition of the C interface; everything else in the runtime is hidden.
#define HEED_EXPORT extern "C" __attribute__((visibility("default")))

namespace heed::runtime {

/// Records the text for heed_last_error() and returns `status`.
__attribute__((format(printf, 2, 3))) heed_status fail(heed_status status, const char *format, ...);

/// Puts `example N: ` before the recorded text, for a failure inside a batch.
void prefixWithExample(int64_t example);

/// A short text built in place; what does not fit is cut and ends in "...".
class Text {
public:
  Text() { characters[0] = 0; }
  __attribute__((format(printf, 2, 3))) Text &append(const char *format, ...);
  const char *get() const { return characters; }

private:
  char characters[240];
  size_t length = 0;
};

const char *typeName(int32_t dtype);
/// `[3, 4]`
Text shapeText(const int64_t *shape, int32_t rank);
/// `2*n + 1`, with the names of the program's dims.
Text sizeText(const heed_program &program, const heed_size &size);
/// `[n, 64]`
Text declaredShapeText(const heed_program &program, const heed_tensor_info &info);

} // namespace heed::runtime
