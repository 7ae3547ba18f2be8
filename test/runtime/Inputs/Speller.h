/* Speller.h - a program written by hand with an alphabet, a run-time check and a length that ends with `until`:
 *
 *   model speller(source: i32[m] text "abcde\u{e9}.") -> target: i32[t] text "abcde\u{e9}.", alpha: [t, m], beta: [m,
 * t] { dim m <= 32, t <= 16 target[t] = source[t]   until target[t] == 6            # '.'; value 5 fails the check
 *     alpha[t, j] = 100 * t + j, beta[j, t] = 1000 * j + t
 *   }
 */
#pragma once

#include "Check.h"

#define SPELLER_ALPHABET "abcde\xC3\xA9."
static const heed_size_term spellerM[] = {{0, 0, 1}}, spellerT[] = {{1, 0, 1}};
static const heed_size spellerMT[] = {{0, spellerM, 1}, {0, spellerT, 1}},
                       spellerTM[] = {{0, spellerT, 1}, {0, spellerM, 1}};
static const heed_dim_info spellerDims[] = {{"m", 32, 0, 0, 0}, {"t", 16, 1, 0, 0}};
static const heed_tensor_info spellerInputs[] = {{"source", "", SPELLER_ALPHABET, spellerMT, 1, HEED_I32}};
static const heed_tensor_info spellerOutputs[] = {{"target", "", SPELLER_ALPHABET, spellerTM, 1, HEED_I32},
                                                  {"alpha", "", "", spellerTM, 2, HEED_F32},
                                                  {"beta", "", "", spellerMT, 2, HEED_F32}};
static const char *const spellerChecks[] = {"some other check", "index out of range in table[source[t]]"};

static int32_t spellerRun(const heed_frame *frame) {
  const int32_t *source = (const int32_t *)frame->inputs[0];
  int32_t *target = (int32_t *)frame->outputs[0];
  float *alpha = (float *)frame->outputs[1], *beta = (float *)frame->outputs[2];
  int64_t m = frame->dims[0], room = frame->dims[1], t, j;
  for (t = 0; t < room; ++t) {
    target[t] = t < m ? source[t] : 6;
    for (j = 0; j < m; ++j) {
      alpha[t * m + j] = (float)(100 * t + j);
      beta[j * room + t] = (float)(1000 * j + t);
    }
    if (target[t] == 5)
      return 2;
    if (target[t] == 6) {
      ++t;
      break;
    }
  }
  frame->dims[1] = t;
  return 0;
}

static const heed_code spellerCodes[] = {{0, 0, 0, NULL, NULL, spellerRun}};
static const heed_program spellerProgram = {sizeof(heed_program),
                                            HEED_ABI,
                                            "speller",
                                            spellerDims,
                                            spellerInputs,
                                            spellerOutputs,
                                            NULL,
                                            spellerChecks,
                                            spellerCodes,
                                            2,
                                            1,
                                            3,
                                            0,
                                            2,
                                            1,
                                            NULL,
                                            0};
