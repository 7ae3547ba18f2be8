// Model.h - a model at run time: a program, its parameters, its threads.
#pragma once

#include "Device.h"
#include "Error.h"
#include "Memory.h"
#include "ThreadPool.h"
#include "Workspace.h"

namespace heed::runtime {

/// One step of finding the run-time sizes: axis `axis` of input `input` gives dim `dim`, all its other dims being
/// known.
struct SolveStep {
  int32_t input, axis, dim, term;
};

} // namespace heed::runtime

struct heed_model {
  const heed_program *program = nullptr;
  const heed_code *code = nullptr;
  heed::runtime::Array<heed::runtime::SolveStep> solution;
  heed::runtime::Array<const void *> paramData; // owned; null: no value yet
  heed::runtime::Buffer prepared;
  int32_t unboundCount = 0;
  heed::runtime::ThreadPool pool;
  heed::runtime::WorkspaceCache workspaces;
  heed::runtime::Device device; // open if the program has kernels; parameters and prepared weights are there then
};
