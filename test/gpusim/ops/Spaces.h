// Spaces.h - the words about memory that many mnemonics have.
#pragma once

#include "test/gpusim/Decoder.h"
#include "test/gpusim/Machine.h"

namespace gpusim {

/// nullopt: generic addresses. shared::cta and shared::cluster are the same in a cluster of one block.
std::optional<Space> takeStateSpace(Modifiers &modifiers);
/// Order and scope: blocks run one after the other and warps in steps, so that every access is the strongest.
void takeMemoryOrder(Modifiers &modifiers);
void takeCachePolicy(Modifiers &modifiers);

} // namespace gpusim
