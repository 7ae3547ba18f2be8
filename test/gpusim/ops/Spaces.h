// Spaces.h - the words about memory that many mnemonics have.
#pragma once

#include "test/gpusim/Decoder.h"
#include "test/gpusim/Machine.h"

namespace gpusim {

/// nullopt: generic addresses. shared::cta and shared::cluster are the same in a cluster of one block.
std::optional<Space> takeStateSpace(Modifiers &modifiers);
/// Order and scope; true if others may access the same bytes at the same time. Blocks run one after the other and warps
/// in steps, so that every order is the strongest.
bool takeMemoryOrder(Modifiers &modifiers);
void takeCachePolicy(Modifiers &modifiers);

} // namespace gpusim
