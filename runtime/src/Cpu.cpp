// Cpu.cpp - which instruction sets this CPU and its operating system support.
#include "Cpu.h"

#include <cstdlib>
#include <sched.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace heed::runtime {

#if defined(__x86_64__)
namespace {
struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Registers r;
  if (!__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d))
    return {};
  return r;
}

/// The register states that the operating system saves on a context switch; executing AVX without that is an illegal
/// instruction.
uint64_t savedStates() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

bool all(uint32_t word, uint32_t bits) { return (word & bits) == bits; }
} // namespace

int32_t cpuLevel() {
  // The levels of the x86-64 psABI.
  Registers basic = cpuid(1), structured = cpuid(7), extended = cpuid(0x80000001);
  const uint32_t v2 = bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B;
  if (!all(basic.c, v2) || !all(extended.c, bit_LAHF_LM))
    return 1;
  const uint32_t v3 = bit_AVX | bit_FMA | bit_F16C | bit_MOVBE | bit_OSXSAVE;
  if (!all(basic.c, v3) || !all(structured.b, bit_AVX2 | bit_BMI | bit_BMI2) || !all(extended.c, bit_LZCNT))
    return 2;
  uint64_t saved = savedStates();
  const uint64_t sseAndAvx = 0x6, avx512 = 0xE6;
  if ((saved & sseAndAvx) != sseAndAvx)
    return 2;
  const uint32_t v4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
  return all(structured.b, v4) && (saved & avx512) == avx512 ? 4 : 3;
}

uint64_t floatingPointControl() {
  uint32_t state;
  __asm__ volatile("stmxcsr %0" : "=m"(state));
  return state;
}
void setFloatingPointControl(uint64_t state) {
  uint32_t word = static_cast<uint32_t>(state);
  __asm__ volatile("ldmxcsr %0" : : "m"(word));
}
#else
int32_t cpuLevel() { return 0; }
#if defined(__aarch64__)
uint64_t floatingPointControl() {
  uint64_t state;
  __asm__ volatile("mrs %0, fpcr" : "=r"(state));
  return state;
}
void setFloatingPointControl(uint64_t state) { __asm__ volatile("msr fpcr, %0" : : "r"(state)); }
#else
uint64_t floatingPointControl() { return 0; }
void setFloatingPointControl(uint64_t) {}
#endif
#endif

const char *levelName(int32_t level) {
  static const char *const names[] = {"any CPU", "x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
  return level >= 0 && level <= 4 ? names[level] : "an unknown instruction set";
}

int32_t usableCpuCount() {
  // A machine may have more CPUs than cpu_set_t has bits; the kernel then refuses the short mask.
  for (int bits = CPU_SETSIZE; bits <= 1 << 20; bits *= 2) {
    cpu_set_t *set = CPU_ALLOC(bits);
    if (!set)
      return 1;
    size_t size = CPU_ALLOC_SIZE(bits);
    int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0)
      return count;
  }
  return 1;
}

} // namespace heed::runtime
