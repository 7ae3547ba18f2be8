/* peak.c - what one core can do: fused multiply-adds in registers (GFLOP/s) and reads of memory (GB/s), as two numbers. */
#define _DEFAULT_SOURCE
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Twelve independent chains hide the latency. */
#define CHAINS(type, fma, set)                                                                                         \
  type a[12], x = set(0.999999f), y = set(1e-7f);                                                                      \
  for (int i = 0; i < 12; ++i)                                                                                         \
    a[i] = set(0.1f * i);                                                                                              \
  for (long n = 0; n < count; ++n)                                                                                     \
    for (int i = 0; i < 12; ++i)                                                                                       \
      a[i] = fma(a[i], x, y);                                                                                          \
  float out[16], sum = 0;                                                                                              \
  for (int i = 0; i < 12; ++i) {                                                                                       \
    memcpy(out, &a[i], sizeof a[i]);                                                                                   \
    sum += out[0];                                                                                                     \
  }                                                                                                                    \
  return sum;

__attribute__((target("avx512f"), optimize("O3", "unroll-loops"))) static float chains512(long count) {
  CHAINS(__m512, _mm512_fmadd_ps, _mm512_set1_ps)
}
__attribute__((target("avx2,fma"), optimize("O3", "unroll-loops"))) static float chains256(long count) {
  CHAINS(__m256, _mm256_fmadd_ps, _mm256_set1_ps)
}

int main(void) {
  int wide = __builtin_cpu_supports("avx512f");
  volatile float keep = 0;
  double flops = 0, bandwidth = 0;
  for (int run = 0; run < 20; ++run) {
    double start = now();
    keep += wide ? chains512(200000) : chains256(200000);
    double speed = 200000.0 * 12 * (wide ? 32 : 16) / (now() - start) * 1e-9;
    flops = speed > flops ? speed : flops;
  }
  size_t bytes = (size_t)256 << 20;
  uint64_t *memory = aligned_alloc((size_t)2 << 20, bytes);
  if (!memory)
    return 1;
  madvise(memory, bytes, MADV_HUGEPAGE); /* as NumPy does for the arrays of the benchmark */
  memset(memory, 1, bytes);
  for (int run = 0; run < 5; ++run) {
    double start = now();
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (size_t i = 0; i < bytes / 8; i += 32) /* a cache line of 64 bytes is touched four times per step of 256 */
      a += memory[i], b += memory[i + 8], c += memory[i + 16], d += memory[i + 24];
    double speed = bytes / (now() - start) * 1e-9;
    keep += (float)(a + b + c + d);
    bandwidth = speed > bandwidth ? speed : bandwidth;
  }
  printf("%.1f %.2f\n", flops, bandwidth);
  return 0;
}
