// Convert.h - element types of weights files to element types of programs.
#pragma once

#include <cstdint>

namespace heed::runtime {

/// Element types of .safetensors files.
enum class Stored : uint8_t { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool, Other };

/// Whether values of `from` may be bound to a parameter of heed_dtype `to`: the same type, or both real.
bool canConvert(Stored from, int32_t to);
int64_t storedSize(Stored type);

/// Converts `count` values, rounding to nearest even. `source` needs no alignment and may not overlap `target`.
void convert(Stored from, const void *source, int32_t to, void *target, int64_t count);

} // namespace heed::runtime
