// Verify.cpp - the invariants of Program.h.

#include "compiler/check/Check.h"

namespace heed {
std::string verify(Program const &) { return ""; }
} // namespace heed
