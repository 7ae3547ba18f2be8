// Encoding.h - which bytes a source text may have.
#pragma once

#include "compiler/frontend/grammar/Config.h"

namespace heed::grammar {

/// Reports a text that is too large, not UTF-8, or has characters that make it look different from what it says.
bool acceptable(Session const &session);

} // namespace heed::grammar
