#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      printf("line %d: %s: %s\n", __LINE__, #condition, heed_last_error()); \
      return 1; \
    } \
  } while (0)

enum { N = 5 };

int main(int count, char **arguments) {
  (void)count;
  void *driver = dlopen(arguments[1], RTLD_NOW);
  int (*retain)(void **, int), (*push)(void *), (*allocate)(uint64_t *, size_t), (*toDevice)(uint64_t, const void *, size_t),
      (*toHost)(void *, uint64_t, size_t);
  CHECK(driver);
  *(void **)&retain = dlsym(driver, "cuDevicePrimaryCtxRetain");
  *(void **)&push = dlsym(driver, "cuCtxPushCurrent_v2");
  *(void **)&allocate = dlsym(driver, "cuMemAlloc_v2");
  *(void **)&toDevice = dlsym(driver, "cuMemcpyHtoD_v2");
  *(void **)&toHost = dlsym(driver, "cuMemcpyDtoH_v2");

  heed_model *model;
  CHECK(heed_create(&scaled_program, NULL, &model) == HEED_OK);
  float w[4 * 3], x[N * 4], y[N * 3], again[N * 3];
  int32_t rows[N] = {4, 0, 3, 3, 1};
  for (int i = 0; i < 12; ++i)
    w[i] = 0.25f * i - 1;
  for (int i = 0; i < N * 4; ++i)
    x[i] = 0.5f * i - 3;
  heed_tensor weight = {w, HEED_F32, 2, {4, 3}};
  CHECK(heed_bind(model, "w", &weight) == HEED_OK);
  heed_tensor inputs[] = {{x, HEED_F32, 2, {N, 4}}, {rows, HEED_I32, 1, {N}}}, output = {y, HEED_F32, 2, {N, 3}};
  CHECK(heed_run(model, 1, inputs, &output) == HEED_OK);
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < 3; ++j) {
      float sum = x[i * 4];
      for (int k = 0; k < 4; ++k)
        sum += x[rows[i] * 4 + k] * w[k * 3 + j];
      CHECK(sum - y[i * 3 + j] < 1e-5f && y[i * 3 + j] - sum < 1e-5f);
    }

  void *context;
  uint64_t deviceX, deviceY;
  CHECK(retain(&context, 0) == 0 && push(context) == 0);
  CHECK(allocate(&deviceX, sizeof x) == 0 && allocate(&deviceY, sizeof y) == 0 && toDevice(deviceX, x, sizeof x) == 0);
  inputs[0].data = (void *)(uintptr_t)deviceX;
  inputs[0].dtype = HEED_F32 | HEED_ON_DEVICE;
  output.data = (void *)(uintptr_t)deviceY;
  output.dtype = HEED_F32 | HEED_ON_DEVICE;
  CHECK(heed_run(model, 1, inputs, &output) == HEED_OK);
  CHECK(toHost(again, deviceY, sizeof again) == 0);
  CHECK(memcmp(y, again, sizeof y) == 0);
  printf("same values\n");

  weight.dtype |= HEED_ON_DEVICE;
  CHECK(heed_bind(model, "w", &weight) == HEED_E_DTYPE);
  printf("%s\n", heed_last_error());

  rows[2] = N;
  CHECK(heed_run(model, 1, inputs, &output) == HEED_E_INDEX);
  printf("%s\n", heed_last_error());
  CHECK(toHost(again, deviceY, sizeof again) == 0);
  CHECK(memcmp(y, again, sizeof y) == 0);
  printf("outputs untouched\n");
  heed_destroy(model);
  return 0;
}
