// WeightsFile.h - writes .safetensors files byte by byte, valid or not.
#pragma once

#include "Check.h"

#include <cstdint>
#include <string>

/// 8 bytes of size, the header, the data. `size` overrides the header's true size.
inline std::string weights(const std::string &header, const std::string &data = "", uint64_t size = ~uint64_t(0)) {
  if (size == ~uint64_t(0))
    size = header.size();
  std::string file;
  for (int i = 0; i < 8; ++i)
    file += static_cast<char>(size >> 8 * i & 0xFF);
  return file + header + data;
}

/// `"name":{...}` of one tensor; `shape` and `offsets` as JSON lists without brackets.
inline std::string entry(const std::string &name, const std::string &type, const std::string &shape,
                         const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":[" + shape + "],\"data_offsets\":[" + offsets + "]}";
}

inline void writeFile(const std::string &path, const std::string &content) {
  FILE *file = fopen(path.c_str(), "wb");
  bool good = file && fwrite(content.data(), 1, content.size(), file) == content.size();
  CHECK(file && fclose(file) == 0 && good);
}
