// Workspace.h - work memory kept between runs.
#pragma once

#include "Memory.h"

#include <atomic>

namespace heed::runtime {

/// Keeps a few blocks for the next run. Without locks, so that a fork at any moment leaves it usable.
class WorkspaceCache {
public:
  WorkspaceCache() = default;
  WorkspaceCache(const WorkspaceCache &) = delete;
  WorkspaceCache &operator=(const WorkspaceCache &) = delete;
  ~WorkspaceCache() {
    for (std::atomic<void *> &slot : slots)
      std::free(slot.load());
  }

  /// At least `size` bytes at a 64-byte boundary, or null.
  void *take(int64_t size) {
    for (std::atomic<void *> &slot : slots) {
      void *block = slot.exchange(nullptr);
      if (!block)
        continue;
      if (sizeOf(block) >= size)
        return static_cast<char *>(block) + header;
      std::free(block);
    }
    if (size < 0 || size > PTRDIFF_MAX - 2 * header)
      return nullptr;
    void *block = std::aligned_alloc(header, (static_cast<size_t>(size) + header + header - 1) / header * header);
    if (!block)
      return nullptr;
    sizeOf(block) = size;
    return static_cast<char *>(block) + header;
  }

  void giveBack(void *data) {
    if (!data)
      return;
    void *block = static_cast<char *>(data) - header;
    for (std::atomic<void *> &slot : slots) {
      void *nothing = nullptr;
      if (slot.compare_exchange_strong(nothing, block))
        return;
    }
    std::free(block);
  }

private:
  static constexpr int64_t header = 64;
  static int64_t &sizeOf(void *block) { return *static_cast<int64_t *>(block); }
  std::atomic<void *> slots[16] = {};
};

} // namespace heed::runtime
