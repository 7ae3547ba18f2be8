// Safetensors.h - reads .safetensors files from anybody: everything is checked before any value is used.
#pragma once

#include "Convert.h"
#include "Error.h"
#include "Json.h"
#include "Memory.h"

namespace heed::runtime {

/// One tensor of a file. The texts stay in the header, so a million tensors cost less than the header itself.
struct StoredTensor {
  uint64_t begin, end; // bytes behind the header
  uint64_t hash;
  uint32_t name, nameSize; // in the header
  uint32_t shape;          // in the header, at its '['
  uint16_t rank;
  Stored type;
};

/// An open file whose header was found valid.
class SafetensorsFile {
public:
  SafetensorsFile() = default;
  SafetensorsFile(const SafetensorsFile &) = delete;
  SafetensorsFile &operator=(const SafetensorsFile &) = delete;
  ~SafetensorsFile();

  heed_status open(const char *path);
  /// Null if there is none.
  const StoredTensor *find(const char *name) const;
  const char *typeName(const StoredTensor &tensor) const;
  /// Up to `room` sizes.
  void shapeOf(const StoredTensor &tensor, int64_t *shape, int32_t room) const;
  /// Reads the values as `dtype`; the type must be convertible.
  heed_status read(const StoredTensor &tensor, int32_t dtype, void *target) const;

private:
  heed_status readHeader();
  heed_status parseHeader();
  heed_status checkNames();
  heed_status checkOffsets(uint64_t dataSize);
  bool parseEntry(JsonReader &reader, StoredTensor &tensor);
  /// Sorts, and returns one of two with the same name if there are such.
  const StoredTensor *sortByName(const Array<StoredTensor> &list) const;
  heed_status readAt(void *target, uint64_t size, uint64_t offset) const;
  heed_status invalid(const char *what) const;
  heed_status invalid(const StoredTensor &tensor, const char *what) const;

  const char *path = "";
  int descriptor = -1;
  uint64_t fileSize = 0, headerSize = 0;
  Buffer header;
  Array<StoredTensor> tensors; // sorted by hash, then name
};

} // namespace heed::runtime
