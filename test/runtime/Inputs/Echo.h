// Echo.h - a program written by hand that returns its parameters: `one` f32[3], `two` of a chosen type and count.
#pragma once

#include "Check.h"

struct Echo {
  heed_size oneShape[1] = {{3, nullptr, 0}}, twoShape[1];
  heed_tensor_info params[2];
  heed_code code[1] = {{0, 0, 0, nullptr, nullptr, run}};
  heed_program program;
  int64_t bytes;

  Echo(int32_t dtype, int64_t count, int64_t elementSize)
      : twoShape{{count, nullptr, 0}},
        params{{"one", "", "", oneShape, 1, HEED_F32}, {"block.0.two", "two", "", twoShape, 1, dtype}},
        program{
            sizeof(heed_program), HEED_ABI, "echo", nullptr, nullptr, params, params, nullptr, code, 0, 0, 2, 2, 0, 1, nullptr, 0},
        bytes(count * elementSize) {
    size() = bytes;
  }
  Echo(const Echo &) = delete;

  static int64_t &size() {
    static int64_t value;
    return value;
  }
  static int32_t run(const heed_frame *frame) {
    memcpy(frame->outputs[0], frame->params[0], 12);
    memcpy(frame->outputs[1], frame->params[1], static_cast<size_t>(size()));
    return 0;
  }
  /// Binds the file and gives the values that the model sees.
  heed_status load(const char *path, void *one, void *two) {
    heed_model *model = nullptr;
    CHECK(heed_create(&program, nullptr, &model) == HEED_OK);
    heed_status status = heed_bind_file(model, path);
    if (!status) {
      heed_tensor outputs[2] = {tensor1(one, HEED_F32, 3), tensor1(two, params[1].dtype, twoShape[0].constant)};
      CHECK(heed_run(model, 1, nullptr, outputs) == HEED_OK);
    }
    heed_destroy(model);
    return status;
  }
};
