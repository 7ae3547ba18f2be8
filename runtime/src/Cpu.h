// Cpu.h - which instruction sets this CPU and its operating system support.
#pragma once

#include <cstdint>

namespace heed::runtime {

/// The highest x86-64 level (1 to 4) that may be executed here; 0 on other architectures.
int32_t cpuLevel();
/// "x86-64-v3" and so on; "any CPU" for 0.
const char *levelName(int32_t level);

/// How many CPUs this process may use: its affinity mask, at least 1.
int32_t usableCpuCount();

/// The floating-point control state (rounding, flush to zero) of the calling thread, so that helpers compute as the
/// caller does.
uint64_t floatingPointControl();
void setFloatingPointControl(uint64_t state);

} // namespace heed::runtime
