// RUN: %cxx -std=c++17 -Wall -Wextra -Werror %s %heedrt -o %t && %t
// heed_create refuses programs it cannot run: every field of the description that could lead to a wrong access.
#include "Inputs/Mixer.h"

static heed_model *const untouched = reinterpret_cast<heed_model *>(0x40);

/// Changes a copy of the program, expects refusal and an untouched model pointer.
#define REFUSED(status, text, change)                                                                                  \
  do {                                                                                                                 \
    heed_program p = mixerProgram;                                                                                     \
    heed_dim_info dims[1] = {mixerDims[0]};                                                                            \
    heed_tensor_info inputs[4], outputs[2], params[2];                                                                 \
    heed_code codes[1] = {mixerCodes[0]};                                                                              \
    memcpy(inputs, mixerInputs, sizeof inputs);                                                                        \
    memcpy(outputs, mixerOutputs, sizeof outputs);                                                                     \
    memcpy(params, mixerParams, sizeof params);                                                                        \
    p.dims = dims, p.inputs = inputs, p.outputs = outputs, p.params = params, p.codes = codes;                         \
    change;                                                                                                            \
    heed_model *model = untouched;                                                                                     \
    CHECK_FAILS(heed_create(&p, nullptr, &model), status, text);                                                       \
    CHECK(model == untouched);                                                                                         \
  } while (0)

int main() {
  heed_model *model = nullptr;
  CHECK_FAILS(heed_create(nullptr, nullptr, &model), HEED_E_NULL, "program is null");
  CHECK_FAILS(heed_create(&mixerProgram, nullptr, nullptr), HEED_E_NULL, "model is null");
  heed_options options = {0, 0};
  CHECK_FAILS(heed_create(&mixerProgram, &options, &model), HEED_E_ABI, "struct_size is 0");
  options = {sizeof options, -1};
  CHECK_FAILS(heed_create(&mixerProgram, &options, &model), HEED_E_ARGUMENT, "threads is -1");

  REFUSED(HEED_E_ABI, "ABI 2, this runtime has ABI 1", p.abi = 2);
  REFUSED(HEED_E_ABI, "has 80 bytes", p.struct_size = 80);
  REFUSED(HEED_E_ABI, "a list is missing", p.name = nullptr);
  REFUSED(HEED_E_ABI, "a list is missing", p.dims = nullptr);
  REFUSED(HEED_E_ABI, "a list is missing", p.inputs = nullptr);
  REFUSED(HEED_E_ABI, "a list is missing", p.outputs = nullptr);
  REFUSED(HEED_E_ABI, "a list is missing", p.params = nullptr);
  REFUSED(HEED_E_ABI, "a list is missing", p.check_count = 1);
  REFUSED(HEED_E_ABI, "a list is missing", p.codes = nullptr);
  REFUSED(HEED_E_ABI, "a negative count", p.dim_count = -1);
  REFUSED(HEED_E_ABI, "a negative count", p.input_count = -1);
  REFUSED(HEED_E_ABI, "a negative count", p.output_count = -1);
  REFUSED(HEED_E_ABI, "a negative count", p.param_count = -1);
  REFUSED(HEED_E_ABI, "a negative count", p.check_count = -1);
  REFUSED(HEED_E_ABI, "a negative count", p.code_count = -1);
  REFUSED(HEED_E_ABI, "a negative count", p.device_code_count = -1);
  REFUSED(HEED_E_ABI, "a list is missing", p.device_code_count = 1);
  heed_device_code kernels = {mixerCodes[0], 80, 0, nullptr, nullptr, 0};
  REFUSED(HEED_E_ABI, "the kernels of a device", (p.device_codes = &kernels, p.device_code_count = 1));
  REFUSED(HEED_E_ABI, "bounds of a size", dims[0].name = nullptr);
  REFUSED(HEED_E_ABI, "bounds of a size", dims[0].minimum = -1);
  REFUSED(HEED_E_ABI, "bounds of a size", dims[0].minimum = 65);
  REFUSED(HEED_E_ABI, "bounds of a size", dims[0].maximum = -2);
  REFUSED(HEED_E_ABI, "bounds of a size", (dims[0].maximum = -1, dims[0].from_until = 1));
  REFUSED(HEED_E_ABI, "no name", inputs[2].name = nullptr);
  REFUSED(HEED_E_ABI, "no name", params[1].from = nullptr);
  REFUSED(HEED_E_ABI, "no name", outputs[0].alphabet = nullptr);
  REFUSED(HEED_E_ABI, "number of axes", outputs[1].rank = 9);
  REFUSED(HEED_E_ABI, "number of axes", outputs[1].rank = -1);
  REFUSED(HEED_E_ABI, "number of axes", inputs[0].shape = nullptr);
  REFUSED(HEED_E_ABI, "element type", inputs[0].dtype = 7);
  REFUSED(HEED_E_ABI, "element type", params[0].dtype = -1);
  static const heed_size_term wrongDim[] = {{1, 0, 1}}, zero[] = {{0, 0, 0}}, negativeDim[] = {{-1, 0, 1}};
  static const heed_size sizes[][1] = {
      {{0, wrongDim, 1}}, {{0, zero, 1}}, {{0, negativeDim, 1}}, {{0, nullptr, 1}}, {{0, wrongDim, -1}}};
  REFUSED(HEED_E_ABI, "term of a size", inputs[1].shape = sizes[0]);
  REFUSED(HEED_E_ABI, "term of a size", inputs[1].shape = sizes[1]);
  REFUSED(HEED_E_ABI, "term of a size", outputs[1].shape = sizes[2]);
  REFUSED(HEED_E_ABI, "size of an axis", outputs[1].shape = sizes[3]);
  REFUSED(HEED_E_ABI, "size of an axis", outputs[1].shape = sizes[4]);
  REFUSED(HEED_E_ABI, "size of an axis", params[1].shape = mixerNShape);
  static const heed_size negative[] = {{-4, nullptr, 0}}, huge[] = {{INT64_MAX / 2, nullptr, 0}};
  REFUSED(HEED_E_ABI, "shape of a parameter", params[1].shape = negative);
  REFUSED(HEED_E_ABI, "shape of a parameter", params[1].shape = huge);
  REFUSED(HEED_E_ABI, "entry point", codes[0].run = nullptr);
  REFUSED(HEED_E_ABI, "entry point", codes[0].prepare = nullptr);
  REFUSED(HEED_E_ABI, "entry point", codes[0].prepared_bytes = -1);
  REFUSED(HEED_E_ABI, "has no code", p.code_count = 0);
  REFUSED(HEED_E_CPU, "needs an unknown instruction set, this CPU is", codes[0].isa = 5);
  REFUSED(HEED_E_ABI, "do not determine the size 'n'", p.input_count = 0);

  // Of several codes the first that runs here is taken; a larger description from a newer compiler is read as far as
  // known.
  heed_code codes[2] = {{99, 0, 0, nullptr, nullptr, mixerRun}, mixerCodes[0]};
  heed_program program = mixerProgram;
  program.codes = codes;
  program.code_count = 2;
  program.struct_size += 16;
  CHECK(heed_create(&program, nullptr, &model) == HEED_OK);
  static MixerData data;
  mixerFill(&data, 5, 0);
  CHECK(mixerBind(model) == HEED_OK);
  CHECK(heed_run(model, 1, data.inputs, data.outputs) == HEED_OK);
  CHECK(mixerIsRight(&data, 5));
  heed_destroy(model);

  CHECK(strcmp(heed_status_name(HEED_E_ALIGNMENT), "HEED_E_ALIGNMENT") == 0);
  CHECK(strcmp(heed_status_name(static_cast<heed_status>(-99)), "an unknown status") == 0);
  return finish();
}
