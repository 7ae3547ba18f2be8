/* matmul.c - packed products of many sizes against sums in double precision, with a guard row behind the result. */
#include "kernels.h"

void _mlir_ciface_product(Matrix *, Matrix *, Panels *, Matrix *);
void _mlir_ciface_transposed(Matrix *, Matrix *, Panels *, Matrix *);
void _mlir_ciface_updated(Matrix *, Matrix *, Panels *, Matrix *);

int main(void) {
  const int sizes[] = {0, 1, 2, 5, 6, 7, 13, 16, 17, 33, 100}, depths[] = {0, 1, 7, 8, 17, 64, 1100};
  long tests = 0;
  /* 0: plain; 1: the right side transposed; 2: the left side transposed, added to what the result holds */
  for (int kind = 0; kind < 3; ++kind)
    for (int i = 0; i < 11; ++i)
      for (int j = 0; j < 11; ++j)
        for (int k = 0; k < 7; ++k) {
          int m = sizes[i], n = sizes[j], depth = depths[k], shape[3] = {m, n, depth};
          if ((long)m * n * depth > 500000)
            continue;
          int transposed = kind == 1, updated = kind == 2;
          Matrix a = updated ? matrix(depth, m) : matrix(m, depth), b = transposed ? matrix(n, depth) : matrix(depth, n), c = matrix(m + 1, n);
          int panels = (n + 15) / 16;
          Matrix memory = matrix(panels * depth, 16);
          Panels p = {memory.data, memory.data, 0, {panels, depth, 16}, {depth * 16, 16, 1}};
          for (int64_t x = 0; x < (m + 1) * (int64_t)n; ++x)
            ((float *)c.data)[x] = x < m * (int64_t)n ? (updated ? x % 7 : NAN) : 42;
          c.sizes[0] = m;
          (updated ? _mlir_ciface_updated : transposed ? _mlir_ciface_transposed : _mlir_ciface_product)(&a, &b, &p, &c);
          for (int x = 0; x < m; ++x)
            for (int y = 0; y < n; ++y) {
              double sum = updated ? (x * n + y) % 7 : 0;
              for (int z = 0; z < depth; ++z)
                sum += (double)*(updated ? at(&a, z, x) : at(&a, x, z)) * (transposed ? *at(&b, y, z) : *at(&b, z, y));
              expect("product", sum, *at(&c, x, y), 2e-6 * sqrt(depth + 1.0), shape);
            }
          for (int y = 0; y < n; ++y)
            expect("guard", 42, *at(&c, m, y), 0, shape);
          free(a.data), free(b.data), free(c.data), free(memory.data);
          ++tests;
        }
  printf("%ld products, %ld failures\n", tests, failures);
  return failures != 0;
}
