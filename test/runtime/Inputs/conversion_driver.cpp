// conversion_driver.cpp - the C++ half of conversion.c.
#include "Echo.h"
#include "WeightsFile.h"

#include <cmath>
#include <vector>

extern "C" uint32_t expectedHalfToFloat(uint16_t bits);
extern "C" uint16_t expectedDoubleToHalf(double value);

static std::string path;

template <typename To, typename From>
static std::vector<To> loadAs(int32_t dtype, const char *storedType, const std::vector<From> &values) {
  auto count = static_cast<int64_t>(values.size());
  Echo echo(dtype, count, sizeof(To));
  size_t bytes = values.size() * sizeof(From);
  std::string data(12 + bytes, '\0');
  memcpy(&data[12], values.data(), bytes);
  writeFile(path,
            weights("{" + entry("one", "F32", "3", "0,12") + "," +
                        entry("two", storedType, std::to_string(count), "12," + std::to_string(data.size())) + "}",
                    data));
  std::vector<To> result(values.size());
  float one[3];
  CHECK(echo.load(path.c_str(), one, result.data()) == HEED_OK);
  return result;
}

template <typename To, typename From>
static To bitsOf(From value) {
  To bits;
  static_assert(sizeof bits == sizeof value);
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Rounds with integer arithmetic on the f32 bits only; exact for values that are floats.
static uint16_t expectedFloatToBrain(float value) {
  auto bits = bitsOf<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

int main(int, char **arguments) {
  path = arguments[1];
  std::vector<uint16_t> all(65536);
  for (uint32_t i = 0; i < 65536; ++i)
    all[i] = static_cast<uint16_t>(i);
  std::vector<uint32_t> wide = loadAs<uint32_t>(HEED_F32, "F16", all), brain = loadAs<uint32_t>(HEED_F32, "BF16", all);
  std::vector<double> doubles = loadAs<double>(HEED_F64, "F16", all);
  std::vector<uint16_t> same = loadAs<uint16_t>(HEED_F16, "F16", all), cross = loadAs<uint16_t>(HEED_BF16, "F16", all);
  CHECK(same == all);
  std::vector<double> values;
  for (uint32_t i = 0; i < 65536; ++i) {
    float value = bitsOf<float>(wide[i]);
    bool nan = value != value;
    CHECK(nan ? (i & 0x7C00) == 0x7C00 && (i & 0x3FF) != 0 : wide[i] == expectedHalfToFloat(all[i]));
    CHECK(brain[i] == i << 16 || ((i & 0x7FFF) > 0x7F80 && brain[i] == (i << 16 | 0x400000))); // NaNs become quiet
    CHECK(nan ? doubles[i] != doubles[i]
              : bitsOf<uint64_t>(doubles[i]) == bitsOf<uint64_t>(static_cast<double>(value)));
    CHECK(nan ? (cross[i] & 0x7FFF) > 0x7F80 : cross[i] == expectedFloatToBrain(value));
    if (nan)
      continue;
    // The value, the middle to the next one, and their neighbours.
    double next = bitsOf<float>(wide[(i & 0x7FFF) < 0x7C00 ? i + 1 : i]), middle = (value + next) / 2;
    for (double v : {double(value), middle, std::nextafter(middle, 1e300), std::nextafter(middle, -1e300)})
      values.push_back(v);
  }
  for (double v : {65504.0, 65519.999, 65520.0, 65536.0, 1e300, -1e300, 5e-324, 2.98e-8, 2.99e-8, 0x1p-25,
                   0x1.0000001p-25, 0x1p-26})
    values.push_back(v);
  std::vector<uint16_t> halves = loadAs<uint16_t>(HEED_F16, "F64", values);
  std::vector<float> floats = loadAs<float>(HEED_F32, "F64", values), single;
  int wrong = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    wrong += halves[i] != expectedDoubleToHalf(values[i]);
    wrong += bitsOf<uint32_t>(floats[i]) != bitsOf<uint32_t>(static_cast<float>(values[i]));
  }
  CHECK(wrong == 0);
  for (uint64_t bits = 0; bits <= 0xFFFFFFFF; bits += 0x7FFF) // crosses every fraction and exponent
    single.push_back(bitsOf<float>(static_cast<uint32_t>(bits)));
  std::vector<uint16_t> brains = loadAs<uint16_t>(HEED_BF16, "F32", single);
  for (size_t i = 0; i < single.size(); ++i)
    wrong += single[i] != single[i] ? (brains[i] & 0x7FFF) <= 0x7F80 : brains[i] != expectedFloatToBrain(single[i]);
  CHECK(wrong == 0);
  remove(path.c_str());
  return finish();
}
