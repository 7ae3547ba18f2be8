// DriverGraph.cpp - the capture of a stream in a graph, and graphs.
#include "test/gpusim/Driver.h"

#include <cstdlib>

using namespace gpusim;

Result gpusim::notInCapture(char const *function) {
  Driver &driver = Driver::instance();
  if (!driver.capture)
    return Success;
  report("capture", fmt::format("{} is called while the stream is captured", function));
  driver.captureSpoilt = true;
  return CaptureUnsupported;
}

GPUSIM_EXPORT Result cuStreamBeginCapture_v2(void *, int mode) {
  Driver &driver = Driver::instance();
  if (Result state = driver.ready())
    return state;
  if (mode < 0 || mode > 2)
    return InvalidValue;
  std::lock_guard lock(driver.mutex);
  if (driver.capture)
    return IllegalState;
  driver.capture = std::make_unique<Graph>();
  driver.captureSpoilt = false;
  return Success;
}

GPUSIM_EXPORT Result cuStreamEndCapture(void *, void **graph) {
  Driver &driver = Driver::instance();
  std::lock_guard lock(driver.mutex);
  if (!driver.capture)
    return IllegalState;
  std::unique_ptr<Graph> captured = std::move(driver.capture);
  *graph = nullptr;
  if (driver.captureSpoilt)
    return CaptureInvalidated;
  *graph = captured.release();
  return Success;
}

GPUSIM_EXPORT Result cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) {
  if (!graph || flags)
    return InvalidValue;
  *executable = new Graph(*static_cast<Graph *>(graph));
  return Success;
}

GPUSIM_EXPORT Result cuGraphLaunch(void *executable, void *) {
  Driver &driver = Driver::instance();
  if (Result state = driver.ready())
    return state;
  std::lock_guard lock(driver.mutex);
  auto const &graph = *static_cast<Graph *>(executable);
  if (driver.capture)
    return NotSupported; // graphs in graphs
  if (std::getenv("HEED_GPUSIM_STATISTICS"))
    report("graph", fmt::format("{} kernels", graph.launches.size()));
  for (Prepared const &work : graph.launches)
    if (Result failed = run(work))
      return failed;
  return Success;
}

GPUSIM_EXPORT Result cuGraphDestroy(void *graph) {
  delete static_cast<Graph *>(graph);
  return Success;
}
GPUSIM_EXPORT Result cuGraphExecDestroy(void *executable) { return cuGraphDestroy(executable); }
