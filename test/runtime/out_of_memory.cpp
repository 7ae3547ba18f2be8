// RUN: %cxx -std=c++17 -Wall -Wextra -Werror %s %heedrt -o %t @%S/Inputs/wrapped_functions.txt
// RUN: %t %t.safetensors
// Each allocation and each thread fails once, in turn: the call reports HEED_E_MEMORY or succeeds, writes nothing when
// it fails, and the next call works. Leaks show under the address sanitizer.
#include "Inputs/Mixer.h"
#include "Inputs/Speller.h"

#include <pthread.h>

static long countdown = -1; // the allocation that fails; negative: none
static bool fails() { return countdown >= 0 && countdown-- == 0; }

extern "C" {
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_aligned_alloc(size_t, size_t);
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
void *__wrap_malloc(size_t size) { return fails() ? nullptr : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? nullptr : __real_calloc(count, size); }
void *__wrap_realloc(void *old, size_t size) { return fails() ? nullptr : __real_realloc(old, size); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return fails() ? nullptr : __real_aligned_alloc(alignment, size);
}
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *),
                          void *argument) {
  return fails() ? 11 : __real_pthread_create(thread, attributes, function, argument);
}
}

static void writeWeights(const char *path) {
  const char *header = "{\"layer.w\":{\"dtype\":\"F32\",\"shape\":[4,4],\"data_offsets\":[0,64]},"
                       "\"mix.b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[64,72]}}";
  unsigned long long size = strlen(header);
  float w[16];
  const unsigned short b[] = {0x3C00, 0x4000, 0x4200, 0x4400};
  for (int i = 0; i < 16; ++i)
    w[i] = static_cast<float>(i) / 8;
  FILE *file = fopen(path, "wb");
  CHECK(file && fwrite(&size, 8, 1, file) == 1 && fwrite(header, size, 1, file) == 1 && fwrite(w, 64, 1, file) == 1 &&
        fwrite(b, 8, 1, file) == 1 && fclose(file) == 0);
}

/// Everything a model does, with allocation `failing` failing. True if all of it succeeded.
static bool everything(long failing, const char *path) {
  static MixerData data[9];
  heed_tensor inputs[36], outputs[18];
  heed_model *model = nullptr, *speller = nullptr;
  bool good = false;
  for (int b = 0; b < 9; ++b) {
    mixerFill(&data[b], 50 + b, b);
    memcpy(inputs + 4 * b, data[b].inputs, sizeof data[b].inputs);
    memcpy(outputs + 2 * b, data[b].outputs, sizeof data[b].outputs);
  }
  int32_t source[] = {0, 1, 6}, target[16] = {};
  float alpha[16 * 3], beta[16 * 3];
  heed_tensor text = tensor1(source, HEED_I32, 3);
  heed_tensor spelled[] = {tensor1(target, HEED_I32, 16), tensor2(alpha, HEED_F32, 16, 3),
                           tensor2(beta, HEED_F32, 3, 16)};
  heed_options options = {sizeof options, 4};
  countdown = failing;
  heed_status status = heed_create(&mixerProgram, &options, &model);
  if (!status)
    status = heed_bind_file(model, path);
  if (!status)
    status = heed_run(model, 9, inputs, outputs);
  if (!status)
    status = heed_run(model, 1, data[0].inputs, data[0].outputs);
  if (!status)
    status = heed_create(&spellerProgram, nullptr, &speller);
  if (!status)
    status = heed_run(speller, 1, &text, spelled);
  countdown = -1;
  CHECK(status == HEED_OK || status == HEED_E_MEMORY);
  if (status == HEED_OK) {
    good = true;
    memcpy(data[8].outputs, outputs + 16, sizeof data[8].outputs);
    CHECK(mixerIsRight(&data[8], 58) && mixerIsRight(&data[0], 50) && target[1] == 1);
  } else {
    CHECK(strstr(heed_last_error(), "memory"));
    CHECK(target[1] == 0 && (model || data[8].total[0] == -7));
    // What failed for want of memory works when there is some.
    if (model) {
      CHECK(heed_bind_file(model, path) == HEED_OK);
      CHECK(heed_run(model, 1, data[0].inputs, data[0].outputs) == HEED_OK && mixerIsRight(&data[0], 50));
    }
  }
  heed_destroy(model);
  heed_destroy(speller);
  return good;
}

int main(int, char **arguments) {
  writeWeights(arguments[1]);
  long failed = 0, n = 0;
  for (; n < 500; ++n) {
    // Past the last allocation nothing fails any more.
    countdown = -1;
    bool good = everything(n, arguments[1]);
    failed += !good;
    if (good && n > 60)
      break;
  }
  CHECK(failed > 20 && n < 500);
  return finish();
}
