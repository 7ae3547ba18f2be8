// Memory.h - owned memory and checked arithmetic without the C++ library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <type_traits>

namespace heed::runtime {

inline bool multiplyChecked(int64_t a, int64_t b, int64_t &result) { return !__builtin_mul_overflow(a, b, &result); }
inline bool addChecked(int64_t a, int64_t b, int64_t &result) { return !__builtin_add_overflow(a, b, &result); }

/// Owned bytes at a 64-byte boundary. Empty after a failed or zero-sized allocation.
class Buffer {
public:
  Buffer() = default;
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer() { std::free(bytes); }

  /// Replaces the contents by `size` uninitialised bytes. On failure the buffer is empty.
  bool allocate(int64_t size) {
    std::free(bytes);
    bytes = nullptr;
    capacity = 0;
    if (size == 0)
      return true;
    if (size < 0 || size > PTRDIFF_MAX - 64)
      return false;
    bytes = std::aligned_alloc(64, (static_cast<size_t>(size) + 63) / 64 * 64);
    if (bytes)
      capacity = size;
    return bytes != nullptr;
  }
  void swap(Buffer &other) {
    void *otherBytes = other.bytes;
    int64_t otherCapacity = other.capacity;
    other.bytes = bytes;
    other.capacity = capacity;
    bytes = otherBytes;
    capacity = otherCapacity;
  }
  void *data() const { return bytes; }
  int64_t size() const { return capacity; }

private:
  void *bytes = nullptr;
  int64_t capacity = 0;
};

/// A growing array of plain values. Elements start zeroed.
template <typename T>
class Array {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

public:
  Array() = default;
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;
  ~Array() { std::free(items); }

  /// Replaces the contents by `size` zeroed elements.
  bool allocate(int64_t size) {
    std::free(items);
    items = size > 0 ? static_cast<T *>(std::calloc(static_cast<size_t>(size), sizeof(T))) : nullptr;
    count = room = items ? size : 0;
    return count == size;
  }
  bool push(const T &value) {
    if (count == room) {
      int64_t larger = room < 16 ? 16 : room + room / 2;
      T *moved = static_cast<T *>(std::realloc(static_cast<void *>(items), static_cast<size_t>(larger) * sizeof(T)));
      if (!moved)
        return false;
      items = moved;
      room = larger;
    }
    items[count++] = value;
    return true;
  }
  /// Keeps the first `size` elements, and the room.
  void truncate(int64_t size) { count = size; }
  void clear() { truncate(0); }
  void swap(Array &other) {
    T *otherItems = other.items;
    int64_t otherCount = other.count, otherRoom = other.room;
    other.items = items;
    other.count = count;
    other.room = room;
    items = otherItems;
    count = otherCount;
    room = otherRoom;
  }
  T &operator[](int64_t i) const { return items[i]; }
  T *begin() const { return items; }
  T *end() const { return items + count; }
  int64_t size() const { return count; }

private:
  T *items = nullptr;
  int64_t count = 0, room = 0;
};

} // namespace heed::runtime
