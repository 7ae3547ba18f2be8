/* ragged.c - a batch of examples of different sizes gives what the examples give one by one, bit for bit, on any number of threads. */
#include "masks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 9 };

static float number(unsigned *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

int main(void) {
  static const int64_t sizes[COUNT] = {5, 0, 1, 70, 33, 64, 2, 17, 7};
  static float x[COUNT][70 * 16], single[COUNT][70 * 16], batch[COUNT][70 * 16];
  heed_tensor inputs[COUNT], outputs[COUNT];
  unsigned state = 1;
  float weight[16 * 16];
  for (int i = 0; i < 16 * 16; ++i)
    weight[i] = number(&state);
  for (int threads = 1; threads <= 7; threads += 3) {
    heed_options options = {sizeof(heed_options), threads};
    heed_model *model;
    const heed_tensor value = {weight, HEED_F32, 2, {16, 16}};
    if (heed_create(&masks_program, &options, &model) || heed_bind(model, "wk", &value))
      return puts(heed_last_error()), 1;
    memset(batch, 0x55, sizeof batch);
    for (int b = 0; b < COUNT; ++b) {
      for (int i = 0; threads == 1 && i < 70 * 16; ++i)
        x[b][i] = number(&state);
      inputs[b] = (heed_tensor){x[b], HEED_F32, 2, {sizes[b], 16}};
      outputs[b] = (heed_tensor){batch[b], HEED_F32, 2, {sizes[b], 16}};
      if (threads == 1 && masks_run(model, x[b], sizes[b], single[b]))
        return puts(heed_last_error()), 1;
    }
    if (heed_run(model, COUNT, inputs, outputs))
      return puts(heed_last_error()), 1;
    for (int b = 0; b < COUNT; ++b)
      if (memcmp(single[b], batch[b], (size_t)sizes[b] * 16 * sizeof(float)))
        return printf("%d threads: example %d differs\n", threads, b), 1;
    heed_destroy(model);
  }
  puts("same");
  return 0;
}
