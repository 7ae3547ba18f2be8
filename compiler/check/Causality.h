// Causality.h - a causal domain over keys that were mixed along the sequence.
#pragma once

#include "compiler/check/Schedule.h"

namespace heed::elaborate {

void checkCausality(Elaborator &elaborator, Scheduler const &scheduler);

} // namespace heed::elaborate
