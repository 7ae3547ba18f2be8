/* heed.h - running compiled models from C.
 *
 * Conventions
 * - Every function that can fail returns a heed_status: 0 is success, negative values are errors. The text of the last error
 *   of the calling thread is heed_last_error(). On failure outputs are untouched. Nothing here aborts or throws.
 * - Arrays are row-major and contiguous; element alignment suffices. The caller owns them; nothing is kept after a call
 *   returns, except that heed_bind copies the weights it is given.
 * - A heed_model may be used from several threads at once for heed_run; binding and destroying must not overlap with a run.
 * - Results do not depend on the number of threads, nor on how examples are grouped into batches.
 *
 * - A program compiled for a GPU (`--target=nvidia:...`) is used by the same calls. The first model of such a program loads the CUDA
 *   driver: libcuda.so.1, or the library that the environment variable HEED_CUDA_DRIVER names. Parameters are copied to the
 *   GPU when they are bound. Inputs and outputs are copied on each run, unless they are there already:
 *   `tensor.dtype = HEED_F32 | HEED_ON_DEVICE` says that `data` is memory of the GPU in its primary context. heed_run returns when the
 *   outputs are written. Runs of one such model from several threads wait for each other. A run that repeats the last ones (same
 *   sizes, same places in memory) is replayed as a CUDA graph, of which a model keeps at most 8, unless HEED_CUDA_GRAPHS is 0.
 *
 *   heed_model *model;
 *   heed_create(&dates_program, NULL, &model);
 *   heed_bind_file(model, "dates.safetensors");
 *   heed_run(model, 1, inputs, outputs);
 *   heed_destroy(model);
 */
#ifndef HEED_HEED_H
#define HEED_HEED_H

#include "heed/program.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum heed_status {
  HEED_OK = 0,
  HEED_E_NULL = -1,        /* a pointer that must not be null is null */
  HEED_E_ABI = -2,         /* the program was compiled for another version of the runtime */
  HEED_E_CPU = -3,         /* the program has no code for this CPU */
  HEED_E_DTYPE = -4,       /* element type differs from the model's */
  HEED_E_RANK = -5,        /* number of axes differs */
  HEED_E_SHAPE = -6,       /* a size differs, is out of bounds, or contradicts another tensor's */
  HEED_E_OVERLAP = -7,     /* an output overlaps an input or another output */
  HEED_E_MEMORY = -8,      /* out of memory */
  HEED_E_UNBOUND = -9,     /* a parameter has no value yet */
  HEED_E_NAME = -10,       /* no such parameter */
  HEED_E_FILE = -11,       /* a file cannot be read, or is not what its name says */
  HEED_E_INDEX = -12,      /* an index computed from data is out of range */
  HEED_E_TEXT = -13,       /* text is not UTF-8, or has a character outside the alphabet */
  HEED_E_ARGUMENT = -14,   /* any other invalid argument */
  HEED_E_ALIGNMENT = -15,  /* data is not aligned to its element type */
  HEED_E_DEVICE = -16      /* no GPU, no driver for it or a too old one, no kernels for it, or the GPU failed */
} heed_status;

/* An array of the caller. For outputs, `shape` is the room on entry and the shape written on return. */
typedef struct heed_tensor {
  void *data;
  int32_t dtype; /* heed_dtype; with HEED_ON_DEVICE for memory of the GPU */
  int32_t rank;
  int64_t shape[HEED_MAX_RANK];
} heed_tensor;

/* Zero-initialise, then set struct_size. */
typedef struct heed_options {
  int32_t struct_size;
  int32_t threads; /* 0: as many as the process may use; 1: no threads are started */
} heed_options;

typedef struct heed_model heed_model;

/* Makes a model from a compiled program (`<name>_program` in the header that heedc writes). `options` may be NULL. */
heed_status heed_create(const heed_program *program, const heed_options *options, heed_model **model);
void heed_destroy(heed_model *model);
const heed_program *heed_program_of(const heed_model *model);

/* Gives one parameter its value (copied). `name` is the path or the `from` name. */
heed_status heed_bind(heed_model *model, const char *name, const heed_tensor *value);
/* Binds every parameter from a .safetensors file. F16, BF16 and F64 values are converted to the declared type. Tensors that the model does not use are ignored. */
heed_status heed_bind_file(heed_model *model, const char *path);

/* Runs `batch` examples. inputs[b * input_count + i] is input i of example b, outputs alike; every example has its own sizes.
 * batch 0 succeeds and does nothing. */
heed_status heed_run(heed_model *model, int64_t batch, const heed_tensor *inputs, heed_tensor *outputs);

/* The shape output `index` needs for one example with these inputs (lengths ended by `until`: their maximum). */
heed_status heed_output_shape(const heed_model *model, const heed_tensor *inputs, int32_t index, heed_tensor *output);

/* Text to values of an alphabet and back. `count` is room on entry, the number needed on return; fails if it does not fit. */
heed_status heed_encode_text(const char *alphabet, const char *text, int32_t *values, int64_t *count);
heed_status heed_decode_text(const char *alphabet, const int32_t *values, int64_t count, char *text, size_t room);

/* The last error of the calling thread: "" if there was none. Valid until the next call of this thread. */
const char *heed_last_error(void);
const char *heed_status_name(heed_status status);
const char *heed_version(void);

#ifdef __cplusplus
}
#endif
#endif
