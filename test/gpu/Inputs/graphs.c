/* Runs a model again and again on arrays in the same places, with the sizes that the arguments give, and checks the values. */
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      printf("line %d: %s: %s\n", __LINE__, #condition, heed_last_error()); \
      return 1; \
    } \
  } while (0)

enum { MOST = 16 };

int main(int count, char **arguments) {
  heed_model *model;
  CHECK(heed_create(&scaled_program, NULL, &model) == HEED_OK);
  float w[4 * 3], x[MOST * 4], y[MOST * 3];
  int32_t rows[MOST];
  for (int i = 0; i < 12; ++i)
    w[i] = 0.25f * i - 1;
  heed_tensor weight = {w, HEED_F32, 2, {4, 3}};
  CHECK(heed_bind(model, "w", &weight) == HEED_OK);
  for (int run = 1; run < count; ++run) {
    int n = atoi(arguments[run]);
    /* A replay must read what is there now. */
    for (int i = 0; i < n * 4; ++i)
      x[i] = 0.5f * i - 3 * run;
    for (int i = 0; i < n; ++i)
      rows[i] = (i * run) % n;
    heed_tensor inputs[] = {{x, HEED_F32, 2, {n, 4}}, {rows, HEED_I32, 1, {n}}}, output = {y, HEED_F32, 2, {n, 3}};
    fprintf(stderr, "run %d\n", n);
    CHECK(heed_run(model, 1, inputs, &output) == HEED_OK);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < 3; ++j) {
        float sum = x[i * 4], *row = x + rows[i] * 4;
        for (int k = 0; k < 4; ++k)
          sum += row[k] * w[k * 3 + j];
        CHECK(sum - y[i * 3 + j] < 1e-4f && y[i * 3 + j] - sum < 1e-4f);
      }
  }
  heed_destroy(model);
  printf("right values\n");
  return 0;
}
