/* kernels.c - times the kernels of kernels.mlir against the multiply-add peak of the same core in the same run (AVX2).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BUFFER(name, rank)                                                                                             \
  typedef struct {                                                                                                     \
    void *allocated, *data;                                                                                            \
    int64_t offset, sizes[rank], strides[rank];                                                                        \
  } name
BUFFER(Vector, 1);
BUFFER(Matrix, 2);
BUFFER(Panels, 3);

void _mlir_ciface_product_384(Matrix *, Panels *, Matrix *);
void _mlir_ciface_product_1536(Matrix *, Panels *, Matrix *);
void _mlir_ciface_row(Vector *, Panels *, Vector *);
void _mlir_ciface_dense(Matrix *, Matrix *, Matrix *, Matrix *);
void _mlir_ciface_causal(Matrix *, Matrix *, Matrix *, Matrix *);

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

#define FMA(n) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #n "\n"
static double peak(void) {
  double best = 0;
  for (int run = 0; run < 10; ++run) {
    long count = 200000;
    double start = now();
    __asm__ volatile(
        "1:\n" FMA(0) FMA(1) FMA(2) FMA(3) FMA(4) FMA(5) FMA(6) FMA(7) FMA(8) FMA(9) FMA(10) FMA(11) "dec %0\n jnz 1b\n"
        : "+r"(count)
        :
        : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
    double speed = 200000.0 * 12 * 16 / (now() - start) * 1e-9;
    best = speed > best ? speed : best;
  }
  return best;
}

static float *values(int64_t count) {
  float *data = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  for (int64_t i = 0; i < count; ++i)
    data[i] = rand() / (float)RAND_MAX - 0.5f;
  return data;
}
static Matrix matrix(int64_t rows, int64_t columns) {
  float *data = values(rows * columns);
  Matrix result = {data, data, 0, {rows, columns}, {columns, 1}};
  return result;
}
static Panels panels(int64_t count, int64_t depth) {
  float *data = values(count * depth * 16);
  Panels result = {data, data, 0, {count, depth, 16}, {depth * 16, 16, 1}};
  return result;
}

/* The best of many short runs: what the machine does otherwise hits only some of them. */
#define REPORT(name, operations, call)                                                                                 \
  do {                                                                                                                 \
    double best = 1e30, until = now() + 0.5;                                                                           \
    while (now() < until) {                                                                                            \
      double start = now();                                                                                            \
      call;                                                                                                            \
      double time = now() - start;                                                                                     \
      best = time < best ? time : best;                                                                                \
    }                                                                                                                  \
    double speed = (operations) / best * 1e-9;                                                                         \
    printf("%-28s %9.1f us %7.1f GFLOP/s %4.0f %% of peak\n", name, best * 1e6, speed, 100 * speed / top);             \
  } while (0)

int main(void) {
  double top = peak();
  printf("peak %.1f GFLOP/s\n", top);
  char name[64];
  const int rows[] = {1, 2, 6, 13, 48, 96, 512};
  for (int i = 0; i < 7; ++i) {
    int64_t m = rows[i];
    Matrix a = matrix(m, 384), b = matrix(m, 1536), c = matrix(m, 384);
    Panels p = panels(24, 384), q = panels(24, 1536);
    snprintf(name, sizeof name, "%d x 384 x 384", rows[i]);
    REPORT(name, 2.0 * m * 384 * 384, _mlir_ciface_product_384(&a, &p, &c));
    snprintf(name, sizeof name, "%d x 1536 x 384", rows[i]);
    REPORT(name, 2.0 * m * 1536 * 384, _mlir_ciface_product_1536(&b, &q, &c));
    free(a.data), free(b.data), free(c.data), free(p.data), free(q.data);
  }
  float *x = values(256), *y = values(768);
  Vector in = {x, x, 0, {256}, {1}}, out = {y, y, 0, {768}, {1}};
  Panels w = panels(48, 256);
  REPORT("row 256 x 768", 2.0 * 256 * 768, _mlir_ciface_row(&in, &w, &out));
  const int lengths[] = {128, 512, 1024, 2048};
  for (int i = 0; i < 4; ++i) {
    int64_t n = lengths[i];
    Matrix q = matrix(n, 64), k = matrix(n, 64), v = matrix(n, 64), o = matrix(n, 64);
    snprintf(name, sizeof name, "attention %d, d = 64", lengths[i]);
    REPORT(name, 4.0 * n * n * 64, _mlir_ciface_dense(&q, &k, &v, &o));
    snprintf(name, sizeof name, "causal %d, d = 64", lengths[i]);
    REPORT(name, 2.0 * n * (n + 1) * 64, _mlir_ciface_causal(&q, &k, &v, &o));
    free(q.data), free(k.data), free(v.data), free(o.data);
  }
  return 0;
}
