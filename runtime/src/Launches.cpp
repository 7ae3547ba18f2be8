// Launches.cpp - collects launches, and captures a series that comes again in a graph.
#include "Launches.h"

#include <cstdlib>
#include <cstring>

namespace heed::runtime {

namespace {

constexpr int64_t header = 10, sizesAt = 1, argumentCountAt = 8, mapCountAt = 9;
/// Of a map of a tensor; other arguments are one word.
constexpr int64_t mapWords = 16, mapAlignment = 64, mostMaps = 8;
constexpr int threadLocalCapture = 1; // calls of other threads do not disturb it

uint64_t hashOf(const Array<int64_t> &series) {
  uint64_t hash = 0xcbf29ce484222325;
  for (int64_t word : series)
    hash = (hash ^ static_cast<uint64_t>(word)) * 0x100000001b3;
  return hash ? hash : 1; // 0 marks an empty place
}

bool isSame(const Array<int64_t> &a, const Array<int64_t> &b) {
  return a.size() == b.size() && std::memcmp(a.begin(), b.begin(), static_cast<size_t>(a.size()) * sizeof(int64_t)) == 0;
}

} // namespace

void LaunchList::open(const CudaDriver &theDriver, CuStream theStream, const CuFunction *theFunctions) {
  driver = &theDriver;
  stream = theStream;
  functions = theFunctions;
  const char *wanted = std::getenv("HEED_CUDA_GRAPHS");
  hasGraphs = driver->hasGraphs() && !(wanted && std::strcmp(wanted, "0") == 0);
}

void LaunchList::close() {
  for (Graph &graph : graphs)
    release(graph);
}

void LaunchList::release(Graph &graph) {
  if (graph.executable)
    driver->destroyExecutable(graph.executable);
  graph.executable = nullptr;
  graph.series.clear();
}

void LaunchList::clear() {
  series.clear();
  count = 0;
}

bool LaunchList::add(int32_t kernel, const int64_t *shape, void *const *arguments) {
  int64_t before = series.size();
  bool fits = series.push(kernel);
  for (int i = 0; i < 9; ++i)
    fits = fits && series.push(shape[i]);
  for (int64_t i = 0; i < shape[7]; ++i)
    for (int64_t word = 0; word < (i < shape[8] ? mapWords : 1); ++word)
      fits = fits && series.push(static_cast<const int64_t *>(arguments[i])[word]);
  if (fits)
    ++count;
  else
    series.truncate(before);
  return fits;
}

CuResult LaunchList::launchEach(int32_t &kernel) {
  alignas(mapAlignment) int64_t maps[mostMaps][mapWords];
  void *arguments[128], **places = arguments;
  Array<void *> many;
  for (int64_t at = 0; at < series.size();) {
    int64_t *launch = series.begin() + at, *argument = launch + header;
    int64_t argumentCount = launch[argumentCountAt], mapCount = launch[mapCountAt];
    kernel = static_cast<int32_t>(launch[0]);
    enum { InvalidValue = 1, OutOfMemory = 2 };
    if (mapCount > mostMaps)
      return InvalidValue;
    if (argumentCount > 128) {
      if (many.size() < argumentCount && !many.allocate(argumentCount))
        return OutOfMemory;
      places = many.begin();
    }
    for (int64_t i = 0; i < mapCount; ++i, argument += mapWords)
      places[i] = std::memcpy(maps[i], argument, sizeof maps[i]);
    for (int64_t i = mapCount; i < argumentCount; ++i)
      places[i] = argument++;
    unsigned sizes[7];
    for (int i = 0; i < 7; ++i)
      sizes[i] = static_cast<unsigned>(launch[sizesAt + i]);
    if (CuResult result = driver->launch(functions[kernel], sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6],
                                         stream, places, nullptr))
      return result;
    at = argument - series.begin();
  }
  return 0;
}

/// Whether this series was launched lately; if not, remembers it.
bool LaunchList::cameBefore() {
  uint64_t hash = hashOf(series);
  for (uint64_t other : recent)
    if (other == hash)
      return true;
  recent[recentEnd++ % (sizeof recent / sizeof *recent)] = hash;
  return false;
}

LaunchList::Graph *LaunchList::find() {
  for (Graph &graph : graphs)
    if (graph.executable && isSame(graph.series, series))
      return &graph;
  return nullptr;
}

/// A graph of the series; null where the driver will not have it, and then it is not asked again.
LaunchList::Graph *LaunchList::record() {
  Graph *place = graphs;
  for (Graph &graph : graphs)
    if (!graph.executable || (place->executable && graph.used < place->used))
      place = &graph;
  release(*place);
  CuGraph graph = nullptr;
  int32_t kernel;
  if (driver->beginCapture(stream, threadLocalCapture)) {
    hasGraphs = false;
    return nullptr;
  }
  CuResult result = launchEach(kernel);
  // Ends the capture in any case: the stream must launch again.
  CuResult ended = driver->endCapture(stream, &graph);
  result = result ? result : ended;
  if (!result)
    result = driver->instantiate(&place->executable, graph, 0);
  if (graph)
    driver->destroyGraph(graph);
  if (result) {
    place->executable = nullptr;
    hasGraphs = false;
    return nullptr;
  }
  place->series.swap(series);
  return place;
}

CuResult LaunchList::flush(int32_t &kernel) {
  if (count == 0)
    return 0;
  Graph *graph = nullptr;
  // One launch is as cheap as a graph.
  if (hasGraphs && count > 1) {
    graph = find();
    if (!graph && cameBefore())
      graph = record();
  }
  CuResult result;
  if (graph) {
    graph->used = ++clock;
    kernel = -1;
    result = driver->launchGraph(graph->executable, stream);
  } else {
    result = launchEach(kernel);
  }
  clear();
  return result;
}

} // namespace heed::runtime
