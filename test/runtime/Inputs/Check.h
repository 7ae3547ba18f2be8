/* Check.h - what the runtime's test programs have in common: counted checks that print where they failed. C and C++. */
#pragma once

#include "heed/heed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      printf("%s:%d: failed: %s [last error: %s]\n", __FILE__, __LINE__, #condition, heed_last_error());               \
      ++failures;                                                                                                      \
    }                                                                                                                  \
  } while (0)

/* The call has this status, and the last error contains this text. */
#define CHECK_FAILS(call, status, text)                                                                                \
  do {                                                                                                                 \
    heed_status found = (call);                                                                                        \
    if (found != (status) || !strstr(heed_last_error(), text)) {                                                       \
      printf("%s:%d: %s: found %s '%s', expected %s '%s'\n", __FILE__, __LINE__, #call, heed_status_name(found),       \
             heed_last_error(), heed_status_name(status), text);                                                       \
      ++failures;                                                                                                      \
    }                                                                                                                  \
  } while (0)

static inline int finish(void) {
  if (failures)
    printf("%d failures\n", failures);
  return failures != 0;
}

/* tensor(data, HEED_F32, rank, sizes...) */
static inline heed_tensor tensor3(void *data, int32_t dtype, int32_t rank, int64_t a, int64_t b, int64_t c) {
  heed_tensor result;
  memset(&result, 0, sizeof result);
  result.data = data;
  result.dtype = dtype;
  result.rank = rank;
  result.shape[0] = a;
  result.shape[1] = b;
  result.shape[2] = c;
  return result;
}
#define tensor1(data, dtype, a) tensor3(data, dtype, 1, a, 0, 0)
#define tensor2(data, dtype, a, b) tensor3(data, dtype, 2, a, b, 0)
