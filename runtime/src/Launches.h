// Launches.h - kernels that a run asks for, handed to the driver together; a series that came before is replayed as a graph.
#pragma once

#include "Cuda.h"
#include "Memory.h"

namespace heed::runtime {

/// Launches wait here until someone needs their results. A graph costs much to make and little to start, so a series of launches
/// becomes one when the same series comes again: same kernels, grids and arguments, to the byte. That is so when a model runs
/// on arrays of the same sizes in the same places; nothing has to be known about the model.
class LaunchList {
public:
  /// More would hold the GPU up: a longer series is handed over in parts.
  static constexpr int64_t longest = 4096;
  /// Graphs that are kept; the one that was not used for longest goes first.
  static constexpr int kept = 8;

  void open(const CudaDriver &driver, CuStream stream, const CuFunction *functions);
  /// Gives up the graphs; the context must be current.
  void close();

  /// `shape` and `arguments` as heed_launch gets them. False: out of memory.
  bool add(int32_t kernel, const int64_t *shape, void *const *arguments);
  bool isFull() const { return count == longest; }
  /// Drops what waits.
  void clear();
  /// Hands everything to the driver. After an error `kernel` is what failed, or -1 for a graph.
  CuResult flush(int32_t &kernel);

private:
  struct Graph {
    Array<int64_t> series;
    CuGraphExec executable = nullptr;
    uint64_t used = 0;
  };

  bool cameBefore();
  Graph *find();
  Graph *record();
  void release(Graph &graph);
  CuResult launchEach(int32_t &kernel);

  const CudaDriver *driver = nullptr;
  CuStream stream = nullptr;
  const CuFunction *functions = nullptr;
  Array<int64_t> series; ///< of each launch: kernel, seven sizes, numbers of arguments and of maps, arguments
  int64_t count = 0;
  bool hasGraphs = false;
  Graph graphs[kept];
  uint64_t clock = 0;
  uint64_t recent[64] = {}; ///< hashes of series that were launched one by one
  unsigned recentEnd = 0;
};

} // namespace heed::runtime
