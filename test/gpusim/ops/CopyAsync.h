// CopyAsync.h - the forms of cp.async, decoded in the files of their engines.
#pragma once

#include "test/gpusim/ops/Spaces.h"

namespace gpusim {

void decodeBulkCopy(Decoder &decoder, Modifiers &modifiers, Instruction &i);

} // namespace gpusim
