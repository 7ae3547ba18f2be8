/* Runs attention again and again on arrays in the same places, with the sizes that the arguments after the driver give, and then with
 * values in memory of the GPU that is not aligned as tensor copies need it. All values of a head are the same, so that each result
 * is that value whatever the weights are. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      printf("line %d: %s: %s\n", __LINE__, #condition, heed_last_error()); \
      return 1; \
    } \
  } while (0)

enum { MOST = 100, HEADS = 4, KEY_HEADS = 2, WIDTH = 64 };
static uint16_t q[HEADS * MOST * WIDTH], k[KEY_HEADS * MOST * WIDTH], v[KEY_HEADS * MOST * WIDTH], out[HEADS * MOST * WIDTH];

/* The f16 2^exponent. */
static uint16_t power(int exponent) { return (uint16_t)((15 + exponent) << 10); }

static int isRight(int n, int run) {
  for (int i = 0; i < HEADS * n * WIDTH; ++i)
    if (abs(out[i] - power(i / (2 * n * WIDTH) + run - 4)) > 2)
      return 0;
  return 1;
}

int main(int count, char **arguments) {
  void *driver = dlopen(arguments[1], RTLD_NOW), *context;
  int (*retain)(void **, int), (*push)(void *), (*allocate)(uint64_t *, size_t), (*toDevice)(uint64_t, const void *, size_t);
  CHECK(driver);
  *(void **)&retain = dlsym(driver, "cuDevicePrimaryCtxRetain");
  *(void **)&push = dlsym(driver, "cuCtxPushCurrent_v2");
  *(void **)&allocate = dlsym(driver, "cuMemAlloc_v2");
  *(void **)&toDevice = dlsym(driver, "cuMemcpyHtoD_v2");
  heed_model *model;
  CHECK(heed_create(&causal_program, NULL, &model) == HEED_OK);
  for (int run = 1; run + 1 < count; ++run) {
    int n = atoi(arguments[run + 1]);
    for (int i = 0; i < HEADS * n * WIDTH; ++i)
      q[i] = power(i * run % 7 - 3);
    for (int i = 0; i < KEY_HEADS * n * WIDTH; ++i) {
      k[i] = power(i * run % 5 - 4);
      v[i] = power(i / (n * WIDTH) + run - 4);
    }
    heed_tensor inputs[] = {{q, HEED_F16, 3, {HEADS, n, WIDTH}}, {k, HEED_F16, 3, {KEY_HEADS, n, WIDTH}}, {v, HEED_F16, 3, {KEY_HEADS, n, WIDTH}}};
    heed_tensor output = {out, HEED_F16, 3, {HEADS, n, WIDTH}};
    fprintf(stderr, "run %d\n", n);
    CHECK(heed_run(model, 1, inputs, &output) == HEED_OK);
    CHECK(isRight(n, run));
    if (run + 2 < count)
      continue;
    uint64_t memory;
    CHECK(retain(&context, 0) == 0 && push(context) == 0);
    CHECK(allocate(&memory, sizeof v + 2) == 0 && toDevice(memory + 2, v, sizeof v) == 0);
    inputs[2].data = (void *)(uintptr_t)(memory + 2);
    inputs[2].dtype = HEED_F16 | HEED_ON_DEVICE;
    for (int i = 0; i < HEADS * n * WIDTH; ++i)
      out[i] = 0;
    CHECK(heed_run(model, 1, inputs, &output) == HEED_OK && isRight(n, run));
  }
  heed_destroy(model);
  printf("right values\n");
  return 0;
}
