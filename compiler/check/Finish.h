// Finish.h - the last touches of a checked program.
#pragma once

#include "compiler/check/Program.h"

namespace heed::elaborate {

/// Drops what is not used, gives every binder its own index variables, and numbers tensors and indices anew.
void finish(Program &program);

} // namespace heed::elaborate
