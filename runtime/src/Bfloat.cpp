// Bfloat.cpp - f32 to bf16, which LLVM calls by this name on machines without an instruction for it.
#include <cstdint>
#include <cstring>

// The caller expects a bf16 in the register of a float: its low half. Hidden and weak, since a compiler's own library may have it too.
extern "C" __attribute__((weak, visibility("hidden"))) float __truncsfbf2(float value);

float __truncsfbf2(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bool isNan = (bits & 0x7fffffffu) > 0x7f800000u;
  // To nearest, ties to even; a NaN stays one.
  bits = isNan ? (bits >> 16) | 0x40u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}
