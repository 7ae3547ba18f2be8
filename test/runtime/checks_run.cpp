// RUN: %cxx -std=c++17 -Wall -Wextra -Werror %s %heedrt -o %t && %t
// Every check of heed_run and heed_bind, for every argument it applies to. Outputs and their shapes stay untouched.
#include "Inputs/Mixer.h"
#include "Inputs/Speller.h"

#include <initializer_list>

static heed_model *model;

/// Changes `data` after it was filled for n = 6, expects the failure, and that nothing was written.
#define REFUSED(status, text, change)                                                                                  \
  do {                                                                                                                 \
    static MixerData data;                                                                                             \
    mixerFill(&data, 6, 2);                                                                                            \
    change;                                                                                                            \
    MixerData before = data;                                                                                           \
    CHECK_FAILS(heed_run(model, 1, data.inputs, data.outputs), status, text);                                          \
    CHECK(memcmp(&before, &data, sizeof data) == 0);                                                                   \
  } while (0)

static void arguments() {
  static MixerData data;
  mixerFill(&data, 6, 0);
  CHECK_FAILS(heed_run(nullptr, 1, data.inputs, data.outputs), HEED_E_NULL, "model is null");
  CHECK_FAILS(heed_run(model, 1, nullptr, data.outputs), HEED_E_NULL, "inputs is null");
  CHECK_FAILS(heed_run(model, 1, data.inputs, nullptr), HEED_E_NULL, "outputs is null");
  CHECK_FAILS(heed_run(model, -1, data.inputs, data.outputs), HEED_E_ARGUMENT, "batch is -1");
  CHECK_FAILS(heed_run(model, INT64_MAX, data.inputs, data.outputs), HEED_E_MEMORY, "out of memory");
  CHECK(heed_run(model, 0, nullptr, nullptr) == HEED_OK);
}

static void everyTensor() {
  const char *inputNames[] = {"'x'", "'y'", "'pair'", "'on'"}, *outputNames[] = {"'out'", "'total'"};
  for (int i = 0; i < 4; ++i) {
    REFUSED(HEED_E_NULL, inputNames[i], data.inputs[i].data = nullptr);
    REFUSED(HEED_E_DTYPE, inputNames[i], data.inputs[i].dtype = HEED_F64);
    REFUSED(HEED_E_DTYPE, "an unknown type", data.inputs[i].dtype = 77);
    REFUSED(HEED_E_RANK, inputNames[i], data.inputs[i].rank = 3);
    REFUSED(HEED_E_RANK, inputNames[i], data.inputs[i].rank = -1);
    REFUSED(HEED_E_RANK, inputNames[i], data.inputs[i].rank = 1000000);
    REFUSED(HEED_E_SHAPE, inputNames[i], data.inputs[i].shape[0] = -1);
    if (i < 3)
      REFUSED(HEED_E_ALIGNMENT, inputNames[i], data.inputs[i].data = static_cast<char *>(data.inputs[i].data) + 1);
  }
  for (int i = 0; i < 2; ++i) {
    REFUSED(HEED_E_NULL, outputNames[i], data.outputs[i].data = nullptr);
    REFUSED(HEED_E_DTYPE, outputNames[i], data.outputs[i].dtype = HEED_I32);
    REFUSED(HEED_E_RANK, outputNames[i], data.outputs[i].rank = 0);
    REFUSED(HEED_E_SHAPE, outputNames[i], data.outputs[i].shape[0] = 5);
    REFUSED(HEED_E_SHAPE, outputNames[i], data.outputs[i].shape[0] = -1);
    REFUSED(HEED_E_ALIGNMENT, outputNames[i], data.outputs[i].data = static_cast<char *>(data.outputs[i].data) + 2);
    // Every input in turn as the output's memory; the last byte counts too.
    for (int j = 0; j < 4; ++j)
      REFUSED(HEED_E_OVERLAP, inputNames[j],
              data.outputs[i].data = j == 3 ? static_cast<void *>(data.on) : data.inputs[j].data);
  }
  REFUSED(HEED_E_OVERLAP, "output 'total' overlaps output 'out'", data.outputs[1].data = data.out + 23);
  REFUSED(HEED_E_OVERLAP, "overlaps input 'y'", data.inputs[1].data = data.out + 20);
}

static void sizes() {
  REFUSED(HEED_E_RANK, "input 'x' has 1 axes, expected 2: [n, 4]", data.inputs[0].rank = 1);
  REFUSED(HEED_E_SHAPE, "axis 1 of input 'x' is 5, expected 4", data.inputs[0].shape[1] = 5);
  REFUSED(HEED_E_SHAPE, "axis 0 of input 'y' is 7, expected 6: n, and axis 0 of input 'x' gives n",
          data.inputs[1].shape[0] = 7);
  REFUSED(HEED_E_SHAPE, "axis 0 of input 'pair' is 12, expected 13: 2*n + 1", data.inputs[2].shape[0] = 12);
  REFUSED(HEED_E_SHAPE, "axis 0 of input 'x' is 0, expected n with n >= 1", data.inputs[0].shape[0] = 0);
  REFUSED(HEED_E_SHAPE, "axis 0 of input 'x' is 65, expected n with n <= 64", data.inputs[0].shape[0] = 65);
  REFUSED(HEED_E_SHAPE, "expected n with n <= 64", data.inputs[0].shape[0] = INT64_MAX);
  REFUSED(HEED_E_SHAPE, "expected n with n", data.inputs[0].shape[0] = INT64_MIN + 1;
          data.inputs[0].shape[0] = 1ll << 62);
  REFUSED(HEED_E_SHAPE, "output 'out' has room for [6, 3], needs [6, 4]", data.outputs[0].shape[1] = 3;
          data.outputs[0].shape[0] = 6);
  REFUSED(HEED_E_ARGUMENT, "element 5 of input 'on' is 2, expected 0 or 1", data.on[5] = 2);
  // The order of the checks: the earliest kind wins, whichever tensor it is in.
  REFUSED(HEED_E_NULL, "'x'", data.inputs[0].data = nullptr; data.inputs[0].dtype = HEED_I8; data.inputs[0].rank = 1);
  REFUSED(HEED_E_DTYPE, "'x'", data.inputs[0].dtype = HEED_I8; data.inputs[0].rank = 4);
  REFUSED(HEED_E_DTYPE, "'on'", data.inputs[3].dtype = HEED_I8; data.inputs[0].shape[0] = 9);

  // Room is a bound, not the size; a smaller example leaves the rest alone.
  static MixerData data;
  for (int64_t n : {1, 2, 63, 64}) {
    mixerFill(&data, n, 3);
    CHECK(heed_run(model, 1, data.inputs, data.outputs) == HEED_OK);
    CHECK(mixerIsRight(&data, n));
  }
  heed_tensor shape = {};
  mixerFill(&data, 9, 0);
  for (heed_tensor &input : data.inputs)
    input.data = nullptr; // only shapes matter
  CHECK(heed_output_shape(model, data.inputs, 0, &shape) == HEED_OK && shape.rank == 2 && shape.shape[0] == 9 &&
        shape.shape[1] == 4);
  CHECK_FAILS(heed_output_shape(model, data.inputs, 2, &shape), HEED_E_ARGUMENT, "no output 2");
  CHECK_FAILS(heed_output_shape(model, data.inputs, -1, &shape), HEED_E_ARGUMENT, "no output -1");
  CHECK_FAILS(heed_output_shape(nullptr, data.inputs, 0, &shape), HEED_E_NULL, "model");
  CHECK_FAILS(heed_output_shape(model, nullptr, 0, &shape), HEED_E_NULL, "inputs");
  CHECK_FAILS(heed_output_shape(model, data.inputs, 0, nullptr), HEED_E_NULL, "output");
  data.inputs[0].shape[1] = 3;
  CHECK_FAILS(heed_output_shape(model, data.inputs, 0, &shape), HEED_E_SHAPE, "axis 1 of input 'x'");
}

static void binding() {
  heed_model *fresh = nullptr;
  static MixerData data;
  float w[16] = {}, b[4] = {};
  CHECK(heed_create(&mixerProgram, nullptr, &fresh) == HEED_OK);
  mixerFill(&data, 6, 0);
  MixerData before = data;
  CHECK_FAILS(heed_run(fresh, 1, data.inputs, data.outputs), HEED_E_UNBOUND,
              "parameter 'mix.w' and 1 others have no value");
  heed_tensor value = tensor2(w, HEED_F32, 4, 4);
  CHECK(heed_bind(fresh, "mix.w", &value) == HEED_OK);
  CHECK_FAILS(heed_run(fresh, 1, data.inputs, data.outputs), HEED_E_UNBOUND, "parameter 'mix.b' has no value");
  CHECK(memcmp(&before, &data, sizeof data) == 0);
  CHECK_FAILS(heed_bind(nullptr, "mix.b", &value), HEED_E_NULL, "model");
  CHECK_FAILS(heed_bind(fresh, nullptr, &value), HEED_E_NULL, "name");
  CHECK_FAILS(heed_bind(fresh, "mix.b", nullptr), HEED_E_NULL, "value");
  CHECK_FAILS(heed_bind(fresh, "mix.c", &value), HEED_E_NAME, "has no parameter 'mix.c'");
  CHECK_FAILS(heed_bind(fresh, "", &value), HEED_E_NAME, "has no parameter ''");
  CHECK_FAILS(heed_bind(fresh, "mix.b", &value), HEED_E_RANK, "parameter 'mix.b' has 2 axes, expected 1: [4]");
  value = tensor1(b, HEED_F32, 5);
  CHECK_FAILS(heed_bind(fresh, "mix.b", &value), HEED_E_SHAPE, "axis 0 of parameter 'mix.b' is 5, expected 4");
  value = tensor1(b, HEED_F16, 4);
  CHECK_FAILS(heed_bind(fresh, "mix.b", &value), HEED_E_DTYPE,
              "parameter 'mix.b' has elements of type f16, expected f32");
  value = tensor1(nullptr, HEED_F32, 4);
  CHECK_FAILS(heed_bind(fresh, "mix.b", &value), HEED_E_NULL, "parameter 'mix.b' has no data");
  value = tensor1(reinterpret_cast<char *>(b) + 1, HEED_F32, 4);
  CHECK_FAILS(heed_bind(fresh, "mix.b", &value), HEED_E_ALIGNMENT, "parameter 'mix.b'");
  // Values are copied; a new value replaces the old one and is prepared again.
  CHECK(mixerBind(fresh) == HEED_OK);
  CHECK(heed_run(fresh, 1, data.inputs, data.outputs) == HEED_OK && mixerIsRight(&data, 6));
  value = tensor2(w, HEED_F32, 4, 4);
  CHECK(heed_bind(fresh, "layer.w", &value) == HEED_OK);
  CHECK(heed_run(fresh, 1, data.inputs, data.outputs) == HEED_OK && data.out[4 * 3] == (data.on[3] ? 1 : 0) &&
        !mixerIsRight(&data, 6));
  heed_destroy(fresh);
}

/// A check inside compiled code fails after half of the outputs were computed: nobody sees that half.
static void runTimeChecks() {
  heed_model *speller = nullptr;
  CHECK(heed_create(&spellerProgram, nullptr, &speller) == HEED_OK);
  int32_t good[] = {0, 1, 2, 6, 0}, bad[] = {0, 1, 5}, target[2][16];
  float alpha[2][16 * 32], beta[2][32 * 16];
  auto fill = [&] {
    memset(target, 0x55, sizeof target);
    memset(alpha, 0x55, sizeof alpha);
    memset(beta, 0x55, sizeof beta);
  };
  auto outputs = [&](heed_tensor *list, int b) {
    list[0] = tensor1(target[b], HEED_I32, 16);
    list[1] = tensor2(alpha[b], HEED_F32, 16, 32);
    list[2] = tensor2(beta[b], HEED_F32, 32, 16);
  };
  heed_tensor inputs[2] = {tensor1(good, HEED_I32, 5), tensor1(bad, HEED_I32, 3)}, list[6];
  fill();
  outputs(list, 0);
  outputs(list + 3, 1);
  CHECK_FAILS(heed_run(speller, 2, inputs, list), HEED_E_INDEX, "example 1: index out of range in table[source[t]]");
  CHECK_FAILS(heed_run(speller, 1, inputs + 1, list), HEED_E_INDEX, "index out of range in table[source[t]]");
  CHECK(strncmp(heed_last_error(), "example", 7) != 0);
  CHECK(target[0][0] == 0x55555555 && target[1][0] == 0x55555555 && list[0].shape[0] == 16 && list[4].shape[0] == 16);
  unsigned char *bytes = reinterpret_cast<unsigned char *>(alpha);
  for (size_t i = 0; i < sizeof alpha; ++i)
    CHECK(bytes[i] == 0x55);

  // `until` after 4 of at most 16 steps: shapes shrink, and rows of beta move together.
  CHECK(heed_run(speller, 1, inputs, list) == HEED_OK);
  CHECK(list[0].shape[0] == 4 && list[1].shape[0] == 4 && list[1].shape[1] == 5 && list[2].shape[0] == 5 &&
        list[2].shape[1] == 4);
  for (int t = 0; t < 4; ++t)
    for (int j = 0; j < 5; ++j)
      CHECK(alpha[0][t * 5 + j] == 100 * t + j && beta[0][j * 4 + t] == 1000 * j + t);
  CHECK(target[0][3] == 6);
  char text[16];
  CHECK(heed_decode_text(SPELLER_ALPHABET, target[0], 4, text, sizeof text) == HEED_OK && strcmp(text, "abc.") == 0);
  // An empty input needs no data.
  inputs[0] = tensor1(nullptr, HEED_I32, 0);
  outputs(list, 0);
  CHECK(heed_run(speller, 1, inputs, list) == HEED_OK && list[0].shape[0] == 1 && list[1].shape[1] == 0);
  heed_destroy(speller);

  // Without checks in the program the code writes to the caller directly, and the rows move in place.
  heed_program direct = spellerProgram;
  direct.check_count = 0;
  CHECK(heed_create(&direct, nullptr, &speller) == HEED_OK);
  inputs[0] = tensor1(good, HEED_I32, 5);
  fill();
  outputs(list, 0);
  CHECK(heed_run(speller, 1, inputs, list) == HEED_OK && list[2].shape[1] == 4);
  for (int t = 0; t < 4; ++t)
    for (int j = 0; j < 5; ++j)
      CHECK(alpha[0][t * 5 + j] == 100 * t + j && beta[0][j * 4 + t] == 1000 * j + t);
  heed_destroy(speller);
}

/// Errors in a batch name the example.
static void batches() {
  static MixerData data[3];
  heed_tensor inputs[12], outputs[6];
  auto gather = [&] {
    for (int b = 0; b < 3; ++b) {
      memcpy(inputs + 4 * b, data[b].inputs, sizeof data[b].inputs);
      memcpy(outputs + 2 * b, data[b].outputs, sizeof data[b].outputs);
    }
  };
  for (int b = 0; b < 3; ++b)
    mixerFill(&data[b], 10 * b + 1, b);
  gather();
  inputs[8].dtype = HEED_I32;
  CHECK_FAILS(heed_run(model, 3, inputs, outputs), HEED_E_DTYPE, "example 2: input 'x'");
  gather();
  outputs[4].data = data[0].out;
  CHECK_FAILS(heed_run(model, 3, inputs, outputs), HEED_E_OVERLAP, "output 'out' overlaps output 'out'");
  gather();
  outputs[1].data = data[2].y + 3;
  CHECK_FAILS(heed_run(model, 3, inputs, outputs), HEED_E_OVERLAP, "output 'total' overlaps input 'y'");
  CHECK(data[0].total[0] == -7 && data[1].out[0] == -7);
  gather();
  CHECK(heed_run(model, 3, inputs, outputs) == HEED_OK);
  for (int b = 0; b < 3; ++b) {
    memcpy(data[b].outputs, outputs + 2 * b, sizeof data[b].outputs);
    CHECK(mixerIsRight(&data[b], 10 * b + 1));
  }
}

/// Sizes whose bytes or products overflow.
static void overflow() {
  static const heed_size_term n[] = {{0, 0, 1}}, many[] = {{0, 0, INT64_MAX / 2}};
  static const heed_size square[] = {{0, n, 1}, {0, n, 1}}, product[] = {{0, many, 1}}, less[] = {{-2, n, 1}};
  static const heed_dim_info dims[] = {{"n", -1, 0, 0, 0}};
  static const heed_tensor_info input[] = {{"x", "", "", square, 2, HEED_F32}};
  heed_tensor_info output[] = {{"o", "", "", product, 1, HEED_F32}};
  static const heed_code code[] = {{0, 0, 0, nullptr, nullptr, [](const heed_frame *) { return 0; }}};
  static const heed_code noMemory[] = {
      {0, 0, 0, nullptr, [](const int64_t *) { return int64_t(-1); }, [](const heed_frame *) { return 0; }}};
  heed_program program = {sizeof program, HEED_ABI, "wide", dims, input, output, nullptr, nullptr,
                          code,           1,        1,      1,    0,     0,      1, nullptr, 0};
  heed_model *wide = nullptr;
  float memory[16] = {};
  CHECK(heed_create(&program, nullptr, &wide) == HEED_OK);
  heed_tensor in = tensor2(memory, HEED_F32, 1ll << 31, 1ll << 31), out = tensor1(memory + 8, HEED_F32, INT64_MAX);
  CHECK_FAILS(heed_run(wide, 1, &in, &out), HEED_E_SHAPE, "does not fit in memory");
  in = tensor2(memory, HEED_F32, 3, 3);
  CHECK_FAILS(heed_run(wide, 1, &in, &out), HEED_E_SHAPE, "output 'o' of shape");
  in = tensor2(memory, HEED_F32, 1, 1);
  CHECK_FAILS(heed_run(wide, 1, &in, &out), HEED_E_SHAPE, "output 'o' of shape");
  in = tensor2(nullptr, HEED_F32, 0, 0);
  CHECK(heed_run(wide, 1, &in, &out) == HEED_OK && out.shape[0] == 0);
  heed_destroy(wide);
  output[0].shape = less;
  program.codes = noMemory;
  CHECK(heed_create(&program, nullptr, &wide) == HEED_OK);
  in = tensor2(memory, HEED_F32, 1, 1);
  out = tensor1(memory + 8, HEED_F32, 8);
  CHECK_FAILS(heed_run(wide, 1, &in, &out), HEED_E_SHAPE, "axis 0 of output 'o' would be n - 2 = -1");
  in = tensor2(memory, HEED_F32, 2, 2);
  CHECK_FAILS(heed_run(wide, 1, &in, &out), HEED_E_MEMORY, "than can be addressed");
  heed_destroy(wide);
}

int main() {
  CHECK(heed_create(&mixerProgram, nullptr, &model) == HEED_OK);
  CHECK(mixerBind(model) == HEED_OK);
  arguments();
  everyTensor();
  sizes();
  binding();
  runTimeChecks();
  batches();
  overflow();
  heed_destroy(model);
  return finish();
}
