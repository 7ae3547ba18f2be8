/* RUN: %cc -std=gnu11 -O1 -Wall -Wextra -Werror %s -c -o %t.o
 * RUN: %cxx -std=c++17 -Wall -Wextra -Werror %S/Inputs/conversion_driver.cpp %t.o %heedrt -o %t -lm
 * RUN: %t %t.safetensors
 * REQUIRES: x86_64
 * Values of weights files become the declared type with one rounding to nearest even: all 65,536 f16 and bf16 values, and
 * f64 and f32 values around every rounding boundary, against the compiler's own arithmetic. This half is C for _Float16. */
#include <stdint.h>
#include <string.h>

uint32_t expectedHalfToFloat(uint16_t bits);
uint16_t expectedDoubleToHalf(double value);

uint32_t expectedHalfToFloat(uint16_t bits) {
  _Float16 half;
  float value;
  uint32_t result;
  memcpy(&half, &bits, 2);
  value = (float)half;
  memcpy(&result, &value, 4);
  return result;
}

uint16_t expectedDoubleToHalf(double value) {
  _Float16 half = (_Float16)value;
  uint16_t result;
  memcpy(&result, &half, 2);
  return result;
}
