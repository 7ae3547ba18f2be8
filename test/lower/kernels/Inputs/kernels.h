/* kernels.h - buffers as compiled kernels see them, and comparison with sums in double precision. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER(name, rank)                                                                                             \
  typedef struct {                                                                                                     \
    void *allocated, *data;                                                                                            \
    int64_t offset, sizes[rank], strides[rank];                                                                        \
  } name
BUFFER(Vector, 1);
BUFFER(Matrix, 2);
BUFFER(Panels, 3);

static uint32_t state = 1;
static float uniform(void) {
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / (1 << 23) - 1;
}

static Matrix matrix(int64_t rows, int64_t columns) {
  Matrix result = {0, 0, 0, {rows, columns}, {columns, 1}};
  float *data = malloc((size_t)(rows * columns + 1) * sizeof(float));
  for (int64_t i = 0; i < rows * columns; ++i)
    data[i] = uniform();
  result.allocated = result.data = data;
  return result;
}
static Vector vector(void *data, int64_t size) {
  Vector result = {data, data, 0, {size}, {1}};
  return result;
}
static float *at(Matrix *m, int64_t row, int64_t column) { return (float *)m->data + row * m->strides[0] + column; }

static long failures;
static void expect(const char *what, double wanted, float found, double tolerance, const int *shape) {
  int same = isnan(wanted) ? isnan(found) : fabs(wanted - found) <= tolerance;
  if (!same && failures++ < 10)
    printf("%s at %d %d %d: wanted %g, found %g\n", what, shape[0], shape[1], shape[2], wanted, found);
}
