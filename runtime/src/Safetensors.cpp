// Safetensors.cpp - reads .safetensors files from anybody: everything is checked before any value is used.
//
// A file is: 8 bytes little-endian header size, the header (a JSON object, name -> dtype, shape, data_offsets), the
// values. Valid here means what the format's own reader accepts: the values of the tensors cover the rest of the file
// without holes and overlaps, so that a file has one meaning. Values are read with pread into memory of the model:
// nothing is mapped, and a file that shrinks while it is read is an error and not a signal.
#include "Safetensors.h"

#include "Utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace heed::runtime {

namespace {
constexpr uint64_t maximumHeader = 100'000'000;

struct TypeRow {
  const char *name;
  uint8_t bits;
  Stored type;
};
/// All types of the format. Those of type Other are valid in a file but cannot be bound.
constexpr TypeRow typeRows[] = {
    {"F64", 64, Stored::F64},         {"F32", 32, Stored::F32},      {"F16", 16, Stored::F16},
    {"BF16", 16, Stored::BF16},       {"I64", 64, Stored::I64},      {"I32", 32, Stored::I32},
    {"I16", 16, Stored::I16},         {"I8", 8, Stored::I8},         {"U8", 8, Stored::U8},
    {"BOOL", 8, Stored::Bool},        {"U16", 16, Stored::Other},    {"U32", 32, Stored::Other},
    {"U64", 64, Stored::Other},       {"C64", 64, Stored::Other},    {"F4", 4, Stored::Other},
    {"F6_E2M3", 6, Stored::Other},    {"F6_E3M2", 6, Stored::Other}, {"F8_E5M2", 8, Stored::Other},
    {"F8_E4M3", 8, Stored::Other},    {"F8_E8M0", 8, Stored::Other}, {"F8_E5M2FNUZ", 8, Stored::Other},
    {"F8_E4M3FNUZ", 8, Stored::Other}};

uint64_t hashOf(const char *data, int64_t size) {
  uint64_t hash = 0xcbf29ce484222325;
  for (int64_t i = 0; i < size; ++i)
    hash = (hash ^ static_cast<unsigned char>(data[i])) * 0x100000001b3;
  return hash;
}

bool isUtf8(const char *data, int64_t size) {
  for (const char *p = data, *end = data + size; p < end;)
    if (decodeUtf8(p, end) < 0)
      return false;
  return true;
}
} // namespace

SafetensorsFile::~SafetensorsFile() {
  if (descriptor >= 0)
    close(descriptor);
}

heed_status SafetensorsFile::invalid(const char *what) const {
  return fail(HEED_E_FILE, "%s: not a valid safetensors file: %s", path, what);
}

heed_status SafetensorsFile::invalid(const StoredTensor &tensor, const char *what) const {
  int shown = tensor.nameSize > 200 ? 200 : static_cast<int>(tensor.nameSize);
  return fail(HEED_E_FILE, "%s: not a valid safetensors file: tensor '%.*s': %s", path, shown,
              static_cast<const char *>(header.data()) + tensor.name, what);
}

heed_status SafetensorsFile::open(const char *filePath) {
  path = filePath;
  // Without O_NONBLOCK a named pipe would wait for a writer.
  descriptor = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0)
    return fail(HEED_E_FILE, "cannot open '%s': %s", path, std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    return fail(HEED_E_FILE, "'%s' is not a file", path);
  fileSize = static_cast<uint64_t>(status.st_size);
  heed_status result = readHeader();
  if (!result)
    result = parseHeader();
  if (!result)
    result = checkOffsets(fileSize - 8 - headerSize);
  return result ? result : checkNames();
}

heed_status SafetensorsFile::readAt(void *target, uint64_t size, uint64_t offset) const {
  auto *bytes = static_cast<char *>(target);
  while (size > 0) {
    size_t step = size < (uint64_t(1) << 30) ? size : uint64_t(1) << 30;
    ssize_t got = pread(descriptor, bytes, step, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail(HEED_E_FILE, "cannot read '%s': %s", path, std::strerror(errno));
    if (got == 0)
      return fail(HEED_E_FILE, "cannot read '%s': the file became shorter", path);
    bytes += got;
    size -= static_cast<uint64_t>(got);
    offset += static_cast<uint64_t>(got);
  }
  return HEED_OK;
}

heed_status SafetensorsFile::readHeader() {
  unsigned char prefix[8];
  if (fileSize < sizeof prefix)
    return invalid("fewer than 8 bytes");
  if (heed_status status = readAt(prefix, sizeof prefix, 0))
    return status;
  headerSize = 0;
  for (int i = 7; i >= 0; --i)
    headerSize = headerSize << 8 | prefix[i];
  if (headerSize > maximumHeader)
    return invalid("the header is larger than 100 MB");
  if (headerSize > fileSize - sizeof prefix)
    return invalid("the header is larger than the file");
  if (headerSize < 2)
    return invalid("the header is empty");
  if (!header.allocate(static_cast<int64_t>(headerSize)))
    return fail(HEED_E_MEMORY, "out of memory for the header of '%s'", path);
  return readAt(header.data(), headerSize, sizeof prefix);
}

heed_status SafetensorsFile::parseHeader() {
  auto *text = static_cast<char *>(header.data());
  if (text[0] != '{')
    return invalid("the header does not start with '{'");
  if (!isUtf8(text, static_cast<int64_t>(headerSize)))
    return invalid("the header is not UTF-8");
  JsonReader reader(text, text + headerSize);
  bool outOfMemory = false, metadataSeen = false;
  Array<StoredTensor> metadata;
  auto position = [&](const char *p) { return static_cast<uint32_t>(p - text); };
  auto addKey = [&](Array<StoredTensor> &list, Slice key, StoredTensor entry) {
    entry.name = position(key.data);
    entry.nameSize = static_cast<uint32_t>(key.size);
    entry.hash = hashOf(key.data, key.size);
    outOfMemory = !list.push(entry);
    return !outOfMemory;
  };
  bool good = reader.object([&](Slice name) {
    if (!name.equals("__metadata__")) {
      StoredTensor tensor = {};
      return parseEntry(reader, tensor) && addKey(tensors, name, tensor);
    }
    if (metadataSeen)
      return reader.failBecause("two entries named __metadata__");
    metadataSeen = true;
    return reader.object([&](Slice key) {
      Slice value;
      return reader.string(value) && addKey(metadata, key, {});
    });
  });
  good = good && reader.atEnd();
  if (outOfMemory)
    return fail(HEED_E_MEMORY, "out of memory for the header of '%s'", path);
  if (!good)
    return fail(HEED_E_FILE, "%s: not a valid safetensors file: %s at byte %lld of the header", path,
                reader.error ? reader.error : "invalid JSON", static_cast<long long>(reader.offset()));
  if (sortByName(metadata))
    return invalid("two keys of __metadata__ are equal");
  return HEED_OK;
}

bool SafetensorsFile::parseEntry(JsonReader &reader, StoredTensor &tensor) {
  bool seenType = false, seenShape = false, seenOffsets = false;
  uint64_t bits = 0, offsets[2] = {0, 0}, elements = 1;
  bool empty = false, overflow = false, tooLong = false;
  int offsetCount = 0;
  auto once = [&](bool &seen) { return seen ? reader.failBecause("a key occurs twice") : (seen = true); };
  bool good = reader.object([&](Slice key) {
    if (key.equals("dtype")) {
      Slice name;
      if (!once(seenType) || !reader.string(name))
        return false;
      for (const TypeRow &row : typeRows)
        if (name.equals(row.name)) {
          tensor.type = row.type;
          bits = row.bits;
        }
      return bits ? true : reader.failBecause("unknown dtype");
    }
    if (key.equals("shape")) {
      if (!once(seenShape))
        return false;
      tensor.shape = static_cast<uint32_t>(reader.position() - static_cast<char *>(header.data()));
      return reader.array([&] {
        uint64_t size;
        if (!reader.integer(size))
          return false;
        if (tensor.rank == 64)
          return reader.failBecause("more than 64 axes");
        ++tensor.rank;
        empty |= size == 0;
        tooLong |= size > INT64_MAX;
        overflow |= size && __builtin_mul_overflow(elements, size, &elements);
        return true;
      });
    }
    if (key.equals("data_offsets")) {
      if (!once(seenOffsets))
        return false;
      return reader.array([&] {
        uint64_t offset;
        if (!reader.integer(offset))
          return false;
        if (offsetCount == 2)
          return reader.failBecause("more than two data_offsets");
        offsets[offsetCount++] = offset;
        return true;
      });
    }
    return reader.skipValue();
  });
  if (!good)
    return false;
  if (!seenType || !seenShape || !seenOffsets)
    return reader.failBecause("an entry needs dtype, shape and data_offsets");
  if (offsetCount != 2)
    return reader.failBecause("fewer than two data_offsets");
  tensor.begin = offsets[0];
  tensor.end = offsets[1];
  // Sizes are compared in bits: some types are smaller than a byte.
  uint64_t total = 0;
  if (tooLong || (overflow && !empty) || __builtin_mul_overflow(empty ? 0 : elements, bits, &total))
    return reader.failBecause("the shape is too large");
  if (tensor.end < tensor.begin)
    return reader.failBecause("data_offsets end before they begin");
  if (total % 8 != 0 || tensor.end - tensor.begin != total / 8)
    return reader.failBecause("data_offsets do not match dtype and shape");
  return true;
}

heed_status SafetensorsFile::checkOffsets(uint64_t dataSize) {
  auto before = [](const StoredTensor &a, const StoredTensor &b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  };
  if (!std::is_sorted(tensors.begin(), tensors.end(), before))
    std::sort(tensors.begin(), tensors.end(), before);
  uint64_t end = 0;
  for (const StoredTensor &tensor : tensors) {
    if (tensor.begin < end)
      return invalid(tensor, "overlaps another tensor");
    if (tensor.begin > end)
      return invalid(tensor, "bytes before it belong to no tensor");
    if (tensor.end > dataSize)
      return invalid(tensor, "ends behind the end of the file");
    end = tensor.end;
  }
  return end == dataSize ? HEED_OK : invalid("bytes at the end belong to no tensor");
}

const StoredTensor *SafetensorsFile::sortByName(const Array<StoredTensor> &list) const {
  const auto *text = static_cast<const char *>(header.data());
  auto compare = [text](const StoredTensor &a, const StoredTensor &b) {
    if (a.hash != b.hash)
      return a.hash < b.hash ? -1 : 1;
    if (a.nameSize != b.nameSize)
      return a.nameSize < b.nameSize ? -1 : 1;
    return std::memcmp(text + a.name, text + b.name, a.nameSize);
  };
  std::sort(list.begin(), list.end(), [&](const StoredTensor &a, const StoredTensor &b) { return compare(a, b) < 0; });
  for (int64_t i = 1; i < list.size(); ++i)
    if (compare(list[i - 1], list[i]) == 0)
      return &list[i];
  return nullptr;
}

heed_status SafetensorsFile::checkNames() {
  const StoredTensor *twice = sortByName(tensors);
  return twice ? invalid(*twice, "occurs twice") : HEED_OK;
}

const StoredTensor *SafetensorsFile::find(const char *name) const {
  auto size = static_cast<int64_t>(std::strlen(name));
  uint64_t hash = hashOf(name, size);
  const auto *text = static_cast<const char *>(header.data());
  const StoredTensor *found = std::lower_bound(tensors.begin(), tensors.end(), hash,
                                               [](const StoredTensor &a, uint64_t h) { return a.hash < h; });
  for (; found != tensors.end() && found->hash == hash; ++found)
    if (found->nameSize == size && std::memcmp(text + found->name, name, size) == 0)
      return found;
  return nullptr;
}

const char *SafetensorsFile::typeName(const StoredTensor &tensor) const {
  for (const TypeRow &row : typeRows)
    if (row.type == tensor.type && row.type != Stored::Other)
      return row.name;
  return "of a type that cannot be bound";
}

void SafetensorsFile::shapeOf(const StoredTensor &tensor, int64_t *shape, int32_t room) const {
  auto *text = static_cast<char *>(header.data());
  JsonReader reader(text + tensor.shape, text + headerSize);
  int32_t axis = 0;
  reader.array([&] {
    uint64_t size;
    if (axis == room || !reader.integer(size))
      return false;
    shape[axis++] = static_cast<int64_t>(size);
    return true;
  });
}

heed_status SafetensorsFile::read(const StoredTensor &tensor, int32_t dtype, void *target) const {
  int64_t elementSize = storedSize(tensor.type);
  uint64_t size = tensor.end - tensor.begin, offset = 8 + headerSize + tensor.begin;
  // In pieces, so that a conversion needs no second copy of a large tensor.
  Buffer piece;
  int64_t count = static_cast<int64_t>(size) / elementSize, pieceCount = 1 << 16;
  if (!piece.allocate((count < pieceCount ? count : pieceCount) * elementSize))
    return fail(HEED_E_MEMORY, "out of memory for reading '%s'", path);
  int64_t targetSize = dtype == HEED_F64                         ? 8
                       : dtype == HEED_F32 || dtype == HEED_I32  ? 4
                       : dtype == HEED_F16 || dtype == HEED_BF16 ? 2
                                                                 : 1;
  for (int64_t first = 0; first < count; first += pieceCount) {
    int64_t now = count - first < pieceCount ? count - first : pieceCount;
    if (heed_status status =
            readAt(piece.data(), static_cast<uint64_t>(now * elementSize), offset + first * elementSize))
      return status;
    convert(tensor.type, piece.data(), dtype, static_cast<char *>(target) + first * targetSize, now);
  }
  return HEED_OK;
}

} // namespace heed::runtime
