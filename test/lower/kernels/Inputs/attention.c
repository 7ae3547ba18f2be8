/* attention.c - streaming attention of many sizes against softmax in double precision. Keys and values that no row may
 * see are NaN or infinite, the flags and the table end where a read that is not allowed would go wrong. */
#include "kernels.h"

typedef void Kernel(Matrix *, Matrix *, Matrix *, Matrix *, Vector *, Vector *);
Kernel _mlir_ciface_everywhere, _mlir_ciface_causal, _mlir_ciface_strided, _mlir_ciface_window, _mlir_ciface_additive,
    _mlir_ciface_scalar;

static unsigned char flags[512];
static float table[512];

enum Kind { Everywhere, Causal, Strided, Window, Additive };
static int inside(enum Kind kind, int i, int j) {
  switch (kind) {
  case Everywhere:
    return 1;
  case Causal:
    return j <= i;
  case Strided:
    return j <= i && (i - j) % 3 == 0;
  case Window:
    return abs(i - j) <= 5 || flags[j];
  default:
    return flags[j];
  }
}
static double score(enum Kind kind, Matrix *q, Matrix *k, int i, int j, int d) {
  double sum = 0;
  for (int x = 0; x < d; ++x)
    sum += kind == Additive ? fmax(0, *at(q, i, x) + *at(k, j, x)) : (double)*at(q, i, x) * *at(k, j, x) * 0.25;
  return kind == Strided ? sum + table[i - j] : sum;
}

static long tests;
static void check(const char *name, enum Kind kind, Kernel *kernel, int n, int m, int d, int e) {
  int shape[3] = {n, m, d};
  Matrix q = matrix(n, d), k = matrix(m, d), v = matrix(m, e), out = matrix(n + 1, e);
  for (int64_t x = 0; x < (n + 1) * (int64_t)e; ++x)
    ((float *)out.data)[x] = x < n * (int64_t)e ? NAN : 42;
  for (int j = 0; j < m; ++j) {
    int seen = 0;
    flags[j] = uniform() > 0.7f;
    for (int i = 0; i < n; ++i)
      seen |= inside(kind, i, j);
    for (int x = 0; !seen && x < d; ++x)
      *at(&k, j, x) = NAN;
    for (int x = 0; !seen && x < e; ++x)
      *at(&v, j, x) = j % 2 ? NAN : INFINITY;
  }
  if (kind == Causal && m > 1) /* seen by the last rows only */
    for (int x = 0; x < e; ++x)
      *at(&v, m - 1, x) = NAN;
  Vector flagVector = vector(flags, m), tableVector = vector(table, n);
  out.sizes[0] = n;
  kernel(&q, &k, &v, &out, &flagVector, &tableVector);
  double *weights = malloc((m + 1) * sizeof(double));
  for (int i = 0; i < n; ++i) {
    double most = -INFINITY, total = 0;
    for (int j = 0; j < m; ++j)
      if (inside(kind, i, j))
        most = fmax(most, weights[j] = score(kind, &q, &k, i, j, d));
    for (int j = 0; j < m; ++j)
      total += weights[j] = inside(kind, i, j) ? exp(weights[j] - most) : 0;
    for (int x = 0; x < e; ++x) {
      double sum = 0;
      for (int j = 0; j < m; ++j)
        if (inside(kind, i, j))
          sum += weights[j] * *at(&v, j, x);
      expect(name, total > 0 ? sum / total : 0, *at(&out, i, x), total > 0 ? 3e-6 : 0, shape);
    }
  }
  for (int x = 0; x < e; ++x)
    expect("guard", 42, *at(&out, n, x), 0, shape);
  free(weights), free(q.data), free(k.data), free(v.data), free(out.data);
  ++tests;
}

int main(void) {
  const int sizes[] = {0, 1, 2, 5, 13, 16, 17, 64, 100, 257}, widths[] = {1, 3, 40, 300};
  for (int i = 0; i < 512; ++i)
    table[i] = sinf(i);
  for (int i = 0; i < 10; ++i)
    for (int j = 0; j < 10; ++j) {
      int n = sizes[i], m = sizes[j];
      check("everywhere", Everywhere, _mlir_ciface_everywhere, n, m, 16, 24);
      check("strided", Strided, _mlir_ciface_strided, n, m, 40, 3);
      check("window", Window, _mlir_ciface_window, n, m, 3, 64);
      check("additive", Additive, _mlir_ciface_additive, n, m, 7, 20);
      check("scalar", Additive, _mlir_ciface_scalar, n, m, 7, 20);
      for (int k = 0; k < 4 && n < 257; ++k)
        check("causal", Causal, _mlir_ciface_causal, n, m, widths[k], widths[3 - k]);
    }
  printf("%ld attentions, %ld failures\n", tests, failures);
  return failures != 0;
}
