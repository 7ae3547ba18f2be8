/* matmul.c - packed products of many sizes against sums in double precision, with a guard row behind the result. */
#include "kernels.h"

void _mlir_ciface_product(Matrix *, Matrix *, Panels *, Matrix *);
void _mlir_ciface_transposed(Matrix *, Matrix *, Panels *, Matrix *);

int main(void) {
  const int sizes[] = {0, 1, 2, 5, 6, 7, 13, 16, 17, 33, 100}, depths[] = {0, 1, 7, 8, 17, 64, 1100};
  long tests = 0;
  for (int transposed = 0; transposed < 2; ++transposed)
    for (int i = 0; i < 11; ++i)
      for (int j = 0; j < 11; ++j)
        for (int k = 0; k < 7; ++k) {
          int m = sizes[i], n = sizes[j], depth = depths[k], shape[3] = {m, n, depth};
          if ((long)m * n * depth > 500000)
            continue;
          Matrix a = matrix(m, depth), b = transposed ? matrix(n, depth) : matrix(depth, n), c = matrix(m + 1, n);
          int panels = (n + 15) / 16;
          Matrix memory = matrix(panels * depth, 16);
          Panels p = {memory.data, memory.data, 0, {panels, depth, 16}, {depth * 16, 16, 1}};
          for (int64_t x = 0; x < (m + 1) * (int64_t)n; ++x)
            ((float *)c.data)[x] = x < m * (int64_t)n ? NAN : 42;
          c.sizes[0] = m;
          (transposed ? _mlir_ciface_transposed : _mlir_ciface_product)(&a, &b, &p, &c);
          for (int x = 0; x < m; ++x)
            for (int y = 0; y < n; ++y) {
              double sum = 0;
              for (int z = 0; z < depth; ++z)
                sum += (double)*at(&a, x, z) * (transposed ? *at(&b, y, z) : *at(&b, z, y));
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
