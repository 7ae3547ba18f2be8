/* Mixer.h - a program written by hand, as heedc would write it:
 *
 *   model mixer(x: [n, 4], y: [n], pair: [2 * n + 1], on: bool[n]) -> out: [n, 4], total: [n] {
 *     dim n <= 64                                                      # at least 1, as if x[0] were read
 *     param w: [4, 4] from "layer.w", b: [4]
 *     out[i]   = x[i] @ w + b where on[i], else 0; total[i] = y[i] + sum(out[i]) + pair[2 * n]
 *   }
 */
#pragma once

#include "Check.h"

static const heed_size_term mixerN[] = {{0, 0, 1}}, mixer2N[] = {{0, 0, 2}};
static const heed_size mixerXShape[] = {{0, mixerN, 1}, {4, NULL, 0}}, mixerNShape[] = {{0, mixerN, 1}};
static const heed_size mixerPairShape[] = {{1, mixer2N, 1}}, mixerWShape[] = {{4, NULL, 0}, {4, NULL, 0}};
static const heed_dim_info mixerDims[] = {{"n", 64, 0, 0, 1}};
static const heed_tensor_info mixerInputs[] = {{"x", "", "", mixerXShape, 2, HEED_F32},
                                               {"y", "", "", mixerNShape, 1, HEED_F32},
                                               {"pair", "", "", mixerPairShape, 1, HEED_F32},
                                               {"on", "", "", mixerNShape, 1, HEED_BOOL}};
static const heed_tensor_info mixerOutputs[] = {{"out", "", "", mixerXShape, 2, HEED_F32},
                                                {"total", "", "", mixerNShape, 1, HEED_F32}};
static const heed_tensor_info mixerParams[] = {{"mix.w", "layer.w", "", mixerWShape, 2, HEED_F32},
                                               {"mix.b", "", "", mixerWShape, 1, HEED_F32}};

/* Prepared: w transposed. */
static void mixerPrepare(const void *const *params, void *prepared) {
  const float *w = (const float *)params[0];
  int i, j;
  for (i = 0; i < 4; ++i)
    for (j = 0; j < 4; ++j)
      ((float *)prepared)[j * 4 + i] = w[i * 4 + j];
}

/* The workspace holds out, so that a wrong or shared workspace shows in the results. */
static int64_t mixerWorkspace(const int64_t *dims) { return dims[0] * 16; }

static void mixerBody(void *closure, int64_t begin, int64_t end) {
  const heed_frame *frame = (const heed_frame *)closure;
  const float *x = (const float *)frame->inputs[0], *y = (const float *)frame->inputs[1];
  const float *pair = (const float *)frame->inputs[2], *b = (const float *)frame->params[1];
  const float *w = (const float *)frame->prepared;
  const unsigned char *on = (const unsigned char *)frame->inputs[3];
  float *work = (float *)frame->workspace;
  int64_t i;
  int j, k;
  for (i = begin; i < end; ++i) {
    float total = y[i];
    for (j = 0; j < 4; ++j) {
      float sum = 0;
      for (k = 0; on[i] && k < 4; ++k)
        sum += x[i * 4 + k] * w[j * 4 + k];
      work[i * 4 + j] = on[i] ? sum + b[j] : 0;
      total += work[i * 4 + j];
    }
    memcpy((float *)frame->outputs[0] + i * 4, work + i * 4, 16);
    ((float *)frame->outputs[1])[i] = total + pair[2 * frame->dims[0]];
  }
}

static int32_t mixerRun(const heed_frame *frame) {
  frame->parallel_for(frame->pool, frame->dims[0], 3, mixerBody, (void *)frame);
  return 0;
}

static const heed_code mixerCodes[] = {{0, 0, 64, mixerPrepare, mixerWorkspace, mixerRun}};
static const heed_program mixerProgram = {sizeof(heed_program),
                                          HEED_ABI,
                                          "mixer",
                                          mixerDims,
                                          mixerInputs,
                                          mixerOutputs,
                                          mixerParams,
                                          NULL,
                                          mixerCodes,
                                          1,
                                          4,
                                          2,
                                          2,
                                          0,
                                          1,
                                          NULL,
                                          0};

/* Arrays for one example. */
typedef struct MixerData {
  float x[64 * 4], y[64], pair[129], out[64 * 4], total[64];
  unsigned char on[64];
  heed_tensor inputs[4], outputs[2];
} MixerData;

static inline void mixerFill(MixerData *data, int64_t n, int seed) {
  int i;
  for (i = 0; i < 256; ++i)
    data->x[i] = (float)((i * 7 + seed * 13) % 101) / 17, data->out[i] = -7;
  for (i = 0; i < 64; ++i)
    data->y[i] = (float)(i + seed), data->on[i] = (i + seed) % 3 != 0, data->total[i] = -7;
  for (i = 0; i < 129; ++i)
    data->pair[i] = (float)i / 3;
  data->inputs[0] = tensor2(data->x, HEED_F32, n, 4);
  data->inputs[1] = tensor1(data->y, HEED_F32, n);
  data->inputs[2] = tensor1(data->pair, HEED_F32, 2 * n + 1);
  data->inputs[3] = tensor1(data->on, HEED_BOOL, n);
  data->outputs[0] = tensor2(data->out, HEED_F32, 64, 4);
  data->outputs[1] = tensor1(data->total, HEED_F32, 64);
}

static inline heed_status mixerBind(heed_model *model) {
  float w[16], b[4] = {1, 2, 3, 4};
  heed_tensor wTensor = tensor2(w, HEED_F32, 4, 4), bTensor = tensor1(b, HEED_F32, 4);
  int i;
  heed_status status;
  for (i = 0; i < 16; ++i)
    w[i] = (float)i / 8;
  status = heed_bind(model, "layer.w", &wTensor);
  return status ? status : heed_bind(model, "mix.b", &bTensor);
}

/* Whether the outputs are what the equations say. */
static inline int mixerIsRight(const MixerData *data, int64_t n) {
  int64_t i;
  int j, k;
  if (data->outputs[0].shape[0] != n || data->outputs[0].shape[1] != 4 || data->outputs[1].shape[0] != n)
    return 0;
  for (i = 0; i < n; ++i) {
    float total = data->y[i];
    for (j = 0; j < 4; ++j) {
      float sum = 0;
      for (k = 0; data->on[i] && k < 4; ++k)
        sum += data->x[i * 4 + k] * ((float)(k * 4 + j) / 8);
      sum = data->on[i] ? sum + (float)(j + 1) : 0;
      if (data->out[i * 4 + j] != sum)
        return 0;
      total += sum;
    }
    if (data->total[i] != total + data->pair[2 * n])
      return 0;
  }
  for (i = n; i < 64; ++i)
    if (data->total[i] != -7 || data->out[i * 4] != -7)
      return 0;
  return 1;
}
