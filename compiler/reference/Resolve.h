// Resolve.h - compiles the equations of a program to Code, once sizes are known.
#pragma once

#include "compiler/reference/Code.h"
#include "compiler/reference/Dependence.h"
#include "compiler/reference/Sizes.h"

#include <optional>

namespace heed::reference {

/// What an equation is resolved against.
struct Surroundings {
  Program const &program;
  Sizes const &sizes;
  std::vector<Storage> &storages; // by TensorId
  Dependence &dependence;
};

/// All elements of a definition; of one step if it is a member of a recurrence (`recurrence` not null).
Code resolve(Surroundings const &surroundings, Definition const &definition, Recurrence const *recurrence);
/// The values of a recurrence member before its first step; `time` is the subscript they have on its time axis.
Code resolve(Surroundings const &surroundings, Start const &start, size_t timeAxis, int64_t time);
/// The `until` of a recurrence, as Code::result.
Code resolveUntil(Surroundings const &surroundings, Recurrence const &recurrence);

} // namespace heed::reference
