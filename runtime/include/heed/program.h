/* program.h - what a compiled model exports: one constant `heed_program`, written by heedc, read by the runtime.
 *
 * Layout rules: plain C, little endian, 64-bit. Fields are only ever added at the end; `struct_size` and `abi` let a newer
 * runtime read an older program. Nothing here is needed to use a model; see heed.h.
 */
#ifndef HEED_PROGRAM_H
#define HEED_PROGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEED_ABI 1
#define HEED_MAX_RANK 8

/* Element types; the values are part of the ABI. */
typedef enum heed_dtype {
  HEED_F32 = 0,
  HEED_F64 = 1,
  HEED_F16 = 2,
  HEED_BF16 = 3,
  HEED_I32 = 4,
  HEED_I8 = 5,
  HEED_BOOL = 6 /* one byte, 0 or 1 */
} heed_dtype;

/* Added to the element type of a heed_tensor: `data` is memory of the GPU, in its primary context. */
#define HEED_ON_DEVICE 0x100

/* One term of a size: coefficient * dims[dim]. */
typedef struct heed_size_term {
  int32_t dim;
  int32_t reserved;
  int64_t coefficient;
} heed_size_term;

/* A size: constant + sum of terms. */
typedef struct heed_size {
  int64_t constant;
  const heed_size_term *terms;
  int64_t term_count;
} heed_size;

/* A run-time size of the model. */
typedef struct heed_dim_info {
  const char *name;
  int64_t maximum;    /* -1: unbounded */
  int32_t from_until; /* 1: set by the run, starts at its maximum */
  int32_t reserved;
  int64_t minimum;    /* the smallest size the model can run on */
} heed_dim_info;

/* An input, output or parameter. */
typedef struct heed_tensor_info {
  const char *name;     /* as in the source; a parameter's path */
  const char *from;     /* parameter: its name in a weights file; else "" */
  const char *alphabet; /* UTF-8, one character per value; "" for numbers */
  const heed_size *shape;
  int32_t rank;
  int32_t dtype; /* heed_dtype */
} heed_tensor_info;

/* Runs body(closure, begin, end) over disjoint ranges that cover [0, count). The split is fixed by `count` and `grain` alone, never
 * by the number of threads. */
typedef void (*heed_parallel_body)(void *closure, int64_t begin, int64_t end);
typedef void (*heed_parallel_for)(void *pool, int64_t count, int64_t grain, heed_parallel_body body, void *closure);

/* Launches kernel `kernel` of the code's image. `shape`: blocks x, y, z, threads of a block x, y, z, bytes of dynamic shared memory,
 * number of arguments, and how many of them, the first, are maps that heed_tensor_map wrote. `arguments` are the addresses of its
 * arguments, in slots of 8 bytes whose rest is 0, or of 128 bytes for maps; nothing of them is kept.
 * Kernels run in the order of their launches, and not before someone waits for them. */
typedef void (*heed_launch)(void *device, int32_t kernel, const int64_t *shape, void *const *arguments);
/* Waits for everything that was launched, then copies from the device. */
typedef void (*heed_read)(void *device, void *to, const void *from, int64_t bytes);

/* Writes the 128 bytes at `map` (aligned to 64) by which kernels copy boxes of the tensor at `base`. `shape`: 0 for f16 or 1 for
 * bf16, the rank, then of each axis, the innermost first: its size, its stride in bytes, how many elements of it a box takes. Boxes
 * have 128 bytes on the innermost axis, and lie in shared memory swizzled by 128 bytes. */
typedef void (*heed_tensor_map)(void *device, void *map, const void *base, const int64_t *shape);

/* What one call of compiled code sees: one example. For code with kernels every pointer to data is one of the device. */
typedef struct heed_frame {
  const void *const *params;  /* in descriptor order, 64-byte aligned */
  const void *prepared;       /* prepared_bytes, filled by prepare(); 64-byte aligned */
  const void *const *inputs;  /* contiguous, row-major */
  void *const *outputs;       /* room for the shape at dims as passed in */
  int64_t *dims;              /* in descriptor order; lengths ended by `until` are written back */
  void *workspace;            /* workspace_bytes(dims), 64-byte aligned */
  heed_parallel_for parallel_for;
  void *pool;
  heed_launch launch; /* this and what follows: of code with kernels only */
  heed_read read;
  void *device;
  heed_tensor_map tensor_map;
} heed_frame;

/* The code for one instruction set. Results of run: 0, or 1 + the index into `checks` of the failed check. */
typedef struct heed_code {
  int32_t isa;      /* x86-64: 2, 3, 4 for x86-64-v2, -v3, -v4; 0: any CPU */
  int32_t reserved;
  int64_t prepared_bytes;
  void (*prepare)(const void *const *params, void *prepared); /* packs weights once; may be NULL if prepared_bytes is 0 */
  int64_t (*workspace_bytes)(const int64_t *dims);
  int32_t (*run)(const heed_frame *frame);
} heed_code;

/* Host code with the kernels that it launches, for devices of one kind. */
typedef struct heed_device_code {
  heed_code code;             /* `isa` is what the host code needs; params, inputs and so on are pointers of the device */
  int32_t capability;         /* NVIDIA compute capability, 10 * major + minor */
  int32_t exact;              /* 1: runs on this capability only; 0: on later ones too */
  const char *kernels_ptx;    /* PTX, ended by 0 */
  const char *const *kernels; /* names of the entries, in the order of the numbers that heed_launch takes */
  int64_t kernel_count;
} heed_device_code;

typedef struct heed_program {
  int32_t struct_size;
  int32_t abi;
  const char *name;
  const heed_dim_info *dims;
  const heed_tensor_info *inputs, *outputs, *params;
  const char *const *checks; /* texts of run-time checks: "index out of range in embed[tokens[i]]" */
  const heed_code *codes;    /* best first */
  int32_t dim_count, input_count, output_count, param_count, check_count, code_count;
  const heed_device_code *device_codes; /* best first; a program has codes for the CPU or for devices */
  int64_t device_code_count;
} heed_program;

/* A shared library made by heedc holds one model and its own copy of the runtime. It exports the functions of heed.h,
 * `<name>_program`, and this function, by which a program that loads it finds the model without knowing its name:
 *
 *   const heed_program *heed_library_program(void);
 */

#ifdef __cplusplus
}
#endif
#endif
